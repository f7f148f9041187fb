#include "tools/cli/stop_signals.h"

namespace saccade::cli {

namespace {

// All that end a program, but for those that tell of its own faults, and SIGKILL.
constexpr int kSignals[] = {SIGINT,  SIGTERM,   SIGHUP,  SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2,  SIGALRM,
                            SIGXCPU, SIGVTALRM, SIGPROF, SIGIO,   SIGXFSZ, SIGPWR,  SIGSTKFLT};
volatile std::sig_atomic_t last_signal = 0;

template <class F>
void for_each_signal(const F& f) {
  for (const int signal : kSignals) f(signal);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) f(signal);
}

// Whether every write brings it again.
bool repeats(int signal) { return signal == SIGPIPE || signal == SIGXFSZ; }

void keep(int signal) {
  last_signal = signal;
  for_each_signal([](int s) {
    if (!repeats(s)) std::signal(s, SIG_DFL);
  });
}

}  // namespace

StopSignals::StopSignals() {
  last_signal = 0;
  struct sigaction action = {};
  action.sa_handler = keep;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for_each_signal([&](int signal) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    before_.emplace_back(signal, before);
    // nohup asks for hang-ups to be ignored, and other programs for other signals.
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  });
}

StopSignals::~StopSignals() {
  for (const auto& [signal, before] : before_) sigaction(signal, &before, nullptr);
}

int StopSignals::received() { return last_signal; }

}  // namespace saccade::cli
