#include "tools/cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/json.h"
#include "nn/team.h"

namespace saccade::cli {

// Of a team, one member speaks for all.
void write_out(std::string_view text) {
  if (nn::leads()) std::fwrite(text.data(), 1, text.size(), stdout);
}

void write_err(std::string_view text) {
  if (!nn::leads()) return;
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void out_json(const nlohmann::ordered_json& json) { write_out(dumped(json, 2) + '\n'); }

void flush_out() { std::fflush(stdout); }

void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    const int opened = ::open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    if (opened < 0 || opened == stream) continue;
    ::dup2(opened, stream);
    ::close(opened);
  }
}

}  // namespace saccade::cli
