#include "tools/cli/farm.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "nn/team.h"
#include "tools/cli/stop_signals.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kBetweenWords{50};
constexpr int kNotStarted = 126;  // the shell's status of what cannot be run

}  // namespace

Farm::Farm(int jobs) : jobs_(jobs), members_(static_cast<std::size_t>(nn::team_size() - 1)) {}

Farm::~Farm() {
  nn::Team* const team = nn::team();
  if (team == nullptr) return;
  try {
    // Each asks once more, and is told that there is no more.
    for (int rank = 1; rank < team->size(); ++rank) {
      team->receive(rank);
      team->send(rank, Json{{"over", true}}.dump());
    }
  } catch (const std::exception&) {  // a member that is gone needs no word
  }
}

bool Farm::has_room() const {
  if (processes_.running() < static_cast<std::size_t>(jobs_)) return true;
  for (const Member& member : members_) {
    if (member.running < jobs_) return true;
  }
  return false;
}

void Farm::start(int number, const std::vector<std::string>& arguments, const std::string& errors) {
  if (processes_.running() < static_cast<std::size_t>(jobs_)) {
    numbers_[processes_.start(arguments, errors)] = number;
    return;
  }
  for (Member& member : members_) {
    if (member.running >= jobs_) continue;
    Json orders = member.orders.empty() ? Json::array() : Json::parse(member.orders);
    orders.push_back({{"number", number}, {"arguments", arguments}, {"errors", errors}});
    member.orders = orders.dump();
    ++member.running;
    return;
  }
}

void Farm::hear(int rank) {
  nn::Team& team = *nn::team();
  Member& member = members_[static_cast<std::size_t>(rank - 1)];
  while (const std::optional<std::string> word = team.try_receive(rank)) {
    for (const Json& one : Json::parse(*word)) {
      ended_.push_back({one.at(0), one.at(1)});
      --member.running;
    }
    Json answer = {{"start", member.orders.empty() ? Json::array() : Json::parse(member.orders)},
                   {"signal", signal_}};
    member.orders.clear();
    team.send(rank, answer.dump());
  }
}

std::optional<Farm::Ended> Farm::next_ended() {
  while (const auto ended = processes_.next_ended()) {
    ended_.push_back({numbers_.at(ended->id), ended->status});
    numbers_.erase(ended->id);
  }
  for (int rank = 1; rank < nn::team_size(); ++rank) hear(rank);
  if (ended_.empty()) return std::nullopt;
  const Ended first = ended_.front();
  ended_.erase(ended_.begin());
  return first;
}

void Farm::signal_all(int signal) {
  signal_ = signal;
  processes_.signal_all(signal);
}

std::size_t Farm::running() const {
  std::size_t n = processes_.running() + ended_.size();
  for (const Member& member : members_) n += static_cast<std::size_t>(member.running);
  return n;
}

void work_in_farm() {
  nn::Team& team = *nn::team();
  const StopSignals signals;  // rank 0 has them too, and says when to stop
  Processes processes;
  std::map<pid_t, int> numbers;
  Json unstarted = Json::array();
  int signal = 0;
  for (;;) {
    Json ended = std::exchange(unstarted, Json::array());
    while (const auto one = processes.next_ended()) {
      ended.push_back({numbers.at(one->id), one->status});
      numbers.erase(one->id);
    }
    team.send(0, ended.dump());
    const Json answer = Json::parse(team.receive(0));
    if (answer.contains("over")) return;
    for (const Json& order : answer.at("start")) {
      try {
        const pid_t id =
            processes.start(order.at("arguments").get<std::vector<std::string>>(), order.at("errors"));
        numbers[id] = order.at("number");
      } catch (const Error&) {  // one run fails, as any may
        unstarted.push_back({order.at("number"), kNotStarted});
      }
    }
    if (const int given = answer.at("signal"); given != 0 && signal == 0) {
      signal = given;
      processes.signal_all(signal);
    }
    std::this_thread::sleep_for(kBetweenWords);
  }
}

void check_all_see(const std::string& folder) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return;
  const std::string path = (std::filesystem::path(folder) / ".seen-by-all").string();
  if (team->rank() == 0) write_file(path, "");
  team->gather("written");
  const std::vector<std::string> seen = team->gather(std::filesystem::exists(path) ? "yes" : "no");
  if (team->rank() == 0) std::filesystem::remove(path);
  for (std::size_t rank = 0; rank < seen.size(); ++rank) {
    if (seen[rank] == "yes") continue;
    throw nn::DoubtError(
        fmt::format("rank {} does not see {}; expected a folder that all processes share", rank, folder));
  }
}

}  // namespace saccade::cli
