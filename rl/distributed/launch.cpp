#include "rl/distributed/launch.h"

#include <fmt/format.h>
#include <mpi.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "autograd/kernels/table.h"
#include "base/error.h"
#include "base/text.h"
#include "base/threads.h"
#include "nn/team.h"
#include "rl/distributed/mpi_team.h"
#include "rl/runs/build_info.h"

namespace saccade::rl {

namespace {

constexpr int kFailure = 1;
constexpr double kPatience = 120;
constexpr std::chrono::seconds kLastWait{5};
constexpr std::chrono::milliseconds kUntilRead{300}, kUntilSaid{1000};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What Open MPI's mpirun, and Slurm's srun, tell a process that they start.
bool started_by_mpi() {
  const std::string size = variable("OMPI_COMM_WORLD_SIZE");
  if (!size.empty()) return size != "1";
  return !variable("PMIX_RANK").empty() || !variable("PMI_RANK").empty();
}

double patience() {
  const std::string text = variable("SACCADE_PATIENCE");
  if (text.empty()) return kPatience;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds > 0 && seconds < 1e9)
    return seconds;
  throw ConfigError(fmt::format("SACCADE_PATIENCE is \"{}\", expected a number of seconds above 0", text));
}

// Those of which this member may use any, the best last.
std::string own_instruction_sets() {
  const std::string forced = variable("SACCADE_ISA");
  return forced.empty() ? join(kernels::supported_instruction_sets(), " ") : forced;
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> all(1);
  for (const char c : text) c == ' ' ? static_cast<void>(all.emplace_back()) : all.back().push_back(c);
  return all;
}

void agree(nn::Team& team) {
  const std::vector<std::string> versions = team.gather(version());
  for (std::size_t rank = 1; rank < versions.size(); ++rank) {
    if (versions[rank] == versions[0]) continue;
    throw ConfigError(fmt::format("rank {} is saccade {} and rank 0 is {}; expected one version", rank,
                                  versions[rank], versions[0]));
  }
  std::vector<std::string> common;
  const std::vector<std::string> theirs = team.gather(own_instruction_sets());
  for (const std::string& name : words(theirs[0])) {
    const auto has = [&](const std::string& list) {
      const std::vector<std::string> names = words(list);
      return std::count(names.begin(), names.end(), name) > 0;
    };
    if (std::all_of(theirs.begin(), theirs.end(), has)) common.push_back(name);
  }
  if (common.empty()) {
    throw ConfigError(
        fmt::format("there is no instruction set that every process has: {}", join(theirs, "; ")));
  }
  ::setenv("SACCADE_ISA", common.back().c_str(), 1);
}

// Where a process is not bound to processors of its own, those of its host are shared out.
void share_threads() {
  if (!variable("OMP_NUM_THREADS").empty()) return;
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  int members = 1;
  MPI_Comm_size(host, &members);
  MPI_Comm_free(&host);
  const int processors = omp_get_num_procs();
  if (processors == ::sysconf(_SC_NPROCESSORS_ONLN)) set_num_threads(std::max(1, processors / members));
}

// A program that this one starts is none of them.
void hide_from_children() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) ::unsetenv(name);
}

int run_as_member(int argc, char** argv, int (*program)(int, char**)) {
  int status = kFailure;
  // Never freed: messages that were under way when it failed may still come into its memory.
  MpiTeam* team = nullptr;
  try {
    team = new MpiTeam(std::chrono::duration<double>(patience()));
    agree(*team);
    share_threads();
    const nn::InTeam in(team);
    status = program(argc, argv);  // which tells of its own errors
  } catch (const std::exception& error) {
    const std::string message = team ? team->failed(error.what()) : error.what();
    if (!team || team->rank() == 0)
      std::fputs(fmt::format("saccade: error: {}\n", printable(message)).c_str(), stderr);
  }
  std::fflush(stdout);
  if (status != 0) {
    // MPI's own end waits for the others, of whom one may never come.
    std::thread([status] {
      std::this_thread::sleep_for(kLastWait);
      ::_exit(status);
    }).detach();
  }
  if (!team || team->has_lost_one()) {
    // mpirun then forgets what it has not read yet. Rank 0 tells what happened, or rank 1.
    std::this_thread::sleep_for(!team || team->rank() <= 1 ? kUntilRead : kUntilSaid);
    MPI_Abort(MPI_COMM_WORLD, status);
  }
  return status;
}

}  // namespace

int run_in_team(int argc, char** argv, int (*program)(int, char**)) {
  if (!started_by_mpi()) return program(argc, argv);
  try {
    patience();  // a mistake shows before MPI begins
  } catch (const Error& error) {
    std::fputs(fmt::format("saccade: error: {}\n", error.what()).c_str(), stderr);
    return kFailure;
  }
  int threads = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &threads);  // all calls are the main thread's
  hide_from_children();
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int status = size == 1 ? program(argc, argv) : run_as_member(argc, argv, program);
  MPI_Finalize();
  return status;
}

}  // namespace saccade::rl
