#include "tools/bench/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "base/text.h"
#include "rl/algorithms/sac.h"
#include "rl/components/replay_buffer.h"
#include "rl/training/checkpoint.h"

namespace saccade::bench {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kTransitions = 1'000'000, kUpdates = 100;

// VmHWM. getrusage would count what the parent had before this program replaced it.
double resident_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return 1024 * kilobytes;
  }
  throw Error("/proc/self/status has no VmHWM");
}

// As exec wants them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> changed_environment(const std::vector<std::string>& changes) {
  const auto name = [](std::string_view variable) { return variable.substr(0, variable.find('=')); };
  std::vector<std::string> variables;
  for (char** v = environ; *v != nullptr; ++v) {
    const bool changed = std::any_of(changes.begin(), changes.end(),
                                     [&](const std::string& change) { return name(change) == name(*v); });
    if (!changed) variables.emplace_back(*v);
  }
  for (const std::string& change : changes) {
    if (change.find('=') != std::string::npos) variables.push_back(change);
  }
  return variables;
}

}  // namespace

std::string saccade_binary() {
  const fs::path self = fs::read_symlink("/proc/self/exe");
  if (self.filename() == "saccade") return self.string();
  const fs::path beside = self.parent_path() / "saccade";
  if (!fs::exists(beside)) throw Error(fmt::format("{} is not there; build it first", beside.string()));
  return beside.string();
}

std::string run_child(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment) {
  std::vector<std::string> all_arguments = arguments, variables = changed_environment(environment);
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw Error(fmt::format("pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr,
                                 pointers(all_arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  std::string output;
  std::array<char, 4096> buffer;
  ssize_t n = 0;
  while (error == 0 &&
         ((n = read(pipe_ends[0], buffer.data(), buffer.size())) > 0 || (n < 0 && errno == EINTR))) {
    if (n > 0) output.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(pipe_ends[0]);
  if (error != 0) throw Error(fmt::format("{} cannot be started: {}", arguments[0], std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(fmt::format("'{}' failed, {} {}", join(arguments, " "),
                            WIFEXITED(status) ? "exit status" : "signal",
                            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)));
  }
  return output;
}

Work process_start() {
  return repeat([] { run_child({"/bin/true"}); });
}

Work start_up() {
  return repeat([binary = saccade_binary()] { run_child({binary, "--version"}); });
}

Work train_pendulum() {
  return repeat([binary = saccade_binary()] {
    const ScratchFolder folder;
    run_child({binary, "train", "pendulum", "--threads", "1", "--quiet", "--run", folder.path() + "/run"});
  });
}

double peak_memory() { return std::stod(run_child({saccade_binary(), "bench", "--memory-run"})); }

double memory_buffer_bytes() {
  const UpdateSize& size = update_sizes()[0];
  return 4.0 * static_cast<double>(kTransitions * (2 * size.obs + size.action + 2));
}

double memory_run() {
  const UpdateSize& size = update_sizes()[0];
  rl::SacConfig config;
  config.hidden = size.hidden;
  Rng rng(1);
  rl::Sac agent(config, size.obs, size.action, rng);
  rl::ReplayBuffer buffer(kTransitions, size.obs, size.action);
  const std::vector<double> obs(static_cast<std::size_t>(size.obs), 0.5),
      action(static_cast<std::size_t>(size.action), 0.5);
  for (std::int64_t i = 0; i < kTransitions; ++i) buffer.add(obs, action, 0, obs, false);
  for (std::int64_t i = 0; i < kUpdates; ++i) agent.update(buffer.sample(size.batch, rng), rng);
  const ScratchFolder folder;
  rl::save_checkpoint(folder.path() + "/checkpoint", agent, buffer, rl::TrainState(rng), {});
  return resident_peak();
}

}  // namespace saccade::bench
