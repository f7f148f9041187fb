// The part of a run that its team's members have in common: rank 0 has the folder, and the others what it
// tells them.
#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/scratch_folder.h"
#include "nn/team.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"
#include "rl/training/meeting.h"
#include "rl/training/shares.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t kLargestTask = std::int64_t{1} << 30;

// What they train, and what it is made of, must be one; a task's file may differ from host to host.
void check_same_settings(nn::Team& team, const Config& config, const envs::Spec& spec) {
  Json mine = to_json(config);
  mine["task"] = spec.fingerprint;
  const std::vector<std::string> all = team.gather(mine.dump());
  const Json first = Json::parse(all[0]);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    const Json other = Json::parse(all[rank]);
    for (const auto& [key, value] : other.items()) {
      const Json expected = first.value(key, Json());
      if (value == expected) continue;
      throw nn::DoubtError(fmt::format("rank {} would train with {} {}, and rank 0 with {}; expected one",
                                       rank, key, shown(value), shown(expected)));
    }
  }
}

std::string contents(const std::string& path) {
  return fs::exists(path) ? saccade::read_file(path, kLargestTask) : "";
}

}  // namespace

RunInfo Training::info_for_all(const std::string& path) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return read_run_info(path);
  if (team->rank() == 0) {
    RunInfo info = read_run_info(path);
    for (const char* name : {"config.json", kTaskFile}) team->gather(contents(run_file(path, name)));
    return info;
  }
  // Its host may not have the folder. What describes the run is read from one of the same files.
  const ScratchFolder scratch;
  for (const char* name : {"config.json", kTaskFile}) {
    const std::string text = team->gather("").at(0);
    if (!text.empty()) write_file(run_file(scratch.path(), name), text);
  }
  return read_run_info(scratch.path());
}

void Training::meet() {
  nn::Team* const team = nn::team();
  if (team == nullptr) return;
  check_same_settings(*team, info_.config, spec_);
  path_ = team->gather(path_).at(0);
  const std::string weights = packed(agent_->named_weights()),
                    moments = packed(agent_->named_optimizer_state());
  for (int to = 1; to < team->size(); ++to) {
    if (team->rank() != 0) break;
    team->send(to, weights);
    team->send(to, moments);
  }
  if (team->rank() == 0) return;
  const nn::NamedTensors given = unpacked(team->receive(0));
  agent_->load(given, unpacked(team->receive(0)));
}

Json Training::load_shares(const std::string& checkpoint) {
  nn::Team* const team = nn::team();
  const int members = nn::team_size();
  if (!nn::leads()) {
    take(unpacked_share(team->receive(0)));
    return {};
  }
  std::vector<Share> shares;
  const Json extra = load_checkpoint(checkpoint, *agent_, shares,
                                     buffer_.max_state_bytes() * members);  // of all members together
  const int before = static_cast<int>(shares.size());
  for (std::size_t i = 0; i < shares.size(); ++i) {  // what a stranger wrote is looked at before it is dealt
    try {
      buffer_.check_state(shares[i].replay, member_capacity(info_.config.off_policy, before));
    } catch (const Error& error) {
      throw FormatError(
          fmt::format("{}: what rank {} left does not fit this run: {}", checkpoint, i, error.what()));
    }
  }
  if (before != members) {
    shares =
        dealt(shares, members, buffer_.capacity(), info_.config.run.envs, run_rng(info_.config.run.seed));
  }
  members_before_ = before;
  for (int to = 1; to < members; ++to) {
    team->send(to, packed(shares[static_cast<std::size_t>(to)]));
    shares[static_cast<std::size_t>(to)].replay.clear();
  }
  try {
    take(std::move(shares[0]));
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", checkpoint, error.what()));
  }
  return extra;
}

void Training::take(Share share) {
  buffer_.load_state(std::move(share.replay));
  state_ = std::move(share.state);
}

void Training::give_share() { nn::team()->send(0, packed(Share{state_, buffer_.named_state()})); }

OtherShares Training::other_shares() {
  nn::Team* const team = nn::team();
  if (team == nullptr) return {};
  return {team->size() - 1, [team](int member) {
            team->alive();  // the others wait while files are written
            Share share = unpacked_share(team->receive(member));
            team->alive();
            return share;
          }};
}

std::optional<Json> Training::follow(TrainingListener& listener, VectorEnv& copies) {
  train(info_.config.run, info_.config.off_policy, copies, factory(info_.config), *agent_, buffer_, state_,
        {.on_checkpoint = [&](const TrainState&) { give_share(); },
         .should_stop = [&] { return stopped_ = listener.should_stop(*this); }});
  return summary_for_all(std::nullopt);
}

std::optional<Json> Training::summary_for_all(std::optional<Json> mine) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return mine;
  const std::string summary = team->gather(mine ? mine->dump() : "").at(0);
  return summary.empty() ? std::nullopt : std::optional(Json::parse(summary));
}

}  // namespace saccade::rl
