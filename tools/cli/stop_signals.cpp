#include "tools/cli/stop_signals.h"

#include <iterator>

namespace saccade::cli {

namespace {

constexpr int kSignals[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,   SIGPIPE, SIGUSR1,
                            SIGUSR2, SIGALRM, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO};
volatile std::sig_atomic_t last_signal = 0;

void keep(int signal) {
  last_signal = signal;
  for (const int s : kSignals) {
    if (s != SIGPIPE) std::signal(s, SIG_DFL);
  }
}

}  // namespace

StopSignals::StopSignals() {
  static_assert(std::size(kSignals) == std::size(decltype(before_){}));
  last_signal = 0;
  struct sigaction action = {};
  action.sa_handler = keep;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    // nohup asks for hang-ups to be ignored, and other programs for other signals.
    if (before_[i].sa_handler == SIG_IGN) continue;
    sigaction(kSignals[i], &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

int StopSignals::received() { return last_signal; }

}  // namespace saccade::cli
