#include "rl/training/meeting.h"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "nn/team.h"

namespace saccade::rl {

namespace {

// length, return, terminated, updates, and of each metric sum and count
constexpr std::size_t kFixed = 4;

std::uint64_t hash_of(const Agent& agent) {
  std::uint64_t hash = kFnv1aStart;
  for (const nn::NamedTensors& tensors : {agent.named_weights(), agent.named_optimizer_state()}) {
    for (const auto& [name, tensor] : tensors) {
      const Tensor x = contiguous(tensor.detach());
      visit(x.dtype(), [&]<class T>() {
        hash = fnv1a(
            {reinterpret_cast<const char*>(x.data<T>()), static_cast<std::size_t>(x.numel()) * sizeof(T)},
            hash);
      });
    }
  }
  return hash;
}

}  // namespace

std::int64_t own_batch(const OffPolicyConfig& config) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return config.batch_size;
  const std::int64_t n = team->size(), all = config.batch_size;
  if (config.batch_per_process) {
    team->set_share(1 / static_cast<double>(n));
    return all;
  }
  if (all < n) {
    throw ConfigError(
        fmt::format("batch_size is {}, expected at least {}, one for each process, or "
                    "batch_per_process=true",
                    all, n));
  }
  const std::int64_t own = all / n + (team->rank() < all % n ? 1 : 0);
  team->set_share(static_cast<double>(own) / static_cast<double>(all));
  return own;
}

bool meet_after_steps(const Collector& collector, Agent& agent, const ReplayBuffer& buffer,
                      TrainState& state) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return buffer.size() > 0;
  std::vector<double> mine = {static_cast<double>(buffer.size()), 0};
  std::size_t width = 0;
  for (std::size_t i = 0; i < state.copies.size(); ++i) {
    const std::span<const double> obs = collector.before(i);
    width = obs.size();
    if (collector.began(i)) continue;
    if (collector.result(i).diverged) {
      ++mine[1];
    } else if (agent.observes()) {
      mine.insert(mine.end(), obs.begin(), obs.end());
    }
  }
  bool ready = true;
  state.divergences -= static_cast<std::int64_t>(mine[1]);  // counted already, and once more among all
  for (const std::vector<double>& theirs : team->gather(mine)) {
    ready = ready && theirs.at(0) > 0;
    state.divergences += static_cast<std::int64_t>(theirs.at(1));
    for (std::size_t at = 2; at < theirs.size(); at += width) {
      agent.observe(std::span(theirs).subspan(at, width));
    }
  }
  return ready;
}

std::vector<Episode> of_all(std::vector<Episode> own, const TrainState& state) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return own;
  // All members make the same updates, so all know the same metrics, in the same order.
  const std::vector<MetricMeans::Entry>& names = state.copies.at(0).metrics.entries();
  std::vector<double> mine;
  for (const Episode& e : own) {
    mine.insert(mine.end(), {static_cast<double>(e.length), e.ret, e.terminated ? 1.0 : 0.0,
                             static_cast<double>(e.updates)});
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::vector<MetricMeans::Entry>& entries = e.metrics.entries();
      mine.push_back(i < entries.size() ? entries[i].sum : 0);
      mine.push_back(i < entries.size() ? static_cast<double>(entries[i].count) : 0);
    }
  }
  std::vector<Episode> all;
  for (const std::vector<double>& theirs : team->gather(mine)) {
    for (auto at = theirs.begin(); at != theirs.end();) {
      Episode e = {.length = static_cast<std::int64_t>(at[0]),
                   .ret = at[1],
                   .terminated = at[2] != 0,
                   .updates = static_cast<std::int64_t>(at[3]),
                   .metrics = {}};
      at += kFixed;
      std::vector<MetricMeans::Entry> entries;
      for (const MetricMeans::Entry& entry : names) {
        entries.push_back({entry.name, at[0], static_cast<std::int64_t>(at[1])});
        at += 2;
      }
      e.metrics.set_entries(std::move(entries));
      all.push_back(std::move(e));
    }
  }
  return all;
}

bool any(bool mine) {
  nn::Team* const team = nn::team();
  return team == nullptr ? mine : team->any(mine);
}

void check_same_weights(const Agent& agent, std::int64_t step) {
  nn::Team* const team = nn::team();
  if (team == nullptr) return;
  const std::vector<std::string> hashes = team->gather(fmt::format("{:016x}", hash_of(agent)));
  std::vector<std::string> others;
  for (std::size_t rank = 1; rank < hashes.size(); ++rank) {
    if (hashes[rank] != hashes[0]) others.push_back(fmt::format("{}", rank));
  }
  if (others.empty()) return;
  throw nn::DoubtError(
      fmt::format("at step {} the weights of rank {} are not those of rank 0, which all should have bit for "
                  "bit; the run ends, and its last checkpoint is good",
                  step, join(others)));
}

Rng member_rng(const Rng& run) {
  const nn::Team* const team = nn::team();
  return team == nullptr || team->rank() == 0 ? run : run.split(fmt::format("rank {}", team->rank()));
}

}  // namespace saccade::rl
