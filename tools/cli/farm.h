// Where the runs of a comparison are started: here, and where several processes share the work, by each of
// them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/cli/processes.h"

namespace saccade::cli {

/// Processes by numbers that the caller gives them. In a team (nn/team.h) rank 0 has it and deals to whoever
/// has room, itself first; the others work_in_farm().
class Farm {
 public:
  /// So many at once, of every member.
  explicit Farm(int jobs);
  /// The members go home.
  ~Farm();
  Farm(const Farm&) = delete;
  Farm& operator=(const Farm&) = delete;

  bool has_room() const;
  /// As Processes::start(), somewhere.
  void start(int number, const std::vector<std::string>& arguments, const std::string& errors);
  struct Ended {
    int number, status;  // Processes::Ended's
  };
  /// One that has ended since, if there is any. To be asked often: here members are heard.
  std::optional<Ended> next_ended();
  void signal_all(int signal);
  std::size_t running() const;

 private:
  struct Member {
    int running = 0;
    std::string orders;  // a JSON list of runs to start, for when it next asks
  };
  void hear(int rank);

  int jobs_;
  Processes processes_;
  std::map<pid_t, int> numbers_;
  std::vector<Member> members_;  // ranks 1, 2, ...
  std::vector<Ended> ended_;
  int signal_ = 0;
};

/// A member's part, until rank 0 is done; it needs nothing but the folder that the runs are in.
void work_in_farm();

/// Error where a member of the team does not see this folder, which all would write to.
void check_all_see(const std::string& folder);

}  // namespace saccade::cli
