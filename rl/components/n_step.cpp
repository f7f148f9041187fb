#include "rl/components/n_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace saccade::rl {

NStep::NStep(std::int64_t n, double gamma, std::size_t copies, std::size_t obs_size, std::size_t action_size)
    : n_(n), gamma_(gamma), obs_size_(obs_size), action_size_(action_size), copies_(copies) {
  if (n < 1) throw ConfigError(fmt::format("n_step is {}, expected at least 1", n));
  complete_.reserve(static_cast<std::size_t>(n));
  for (Copy& copy : copies_) {
    copy.ring.resize(static_cast<std::size_t>(n));
    for (Waiting& waiting : copy.ring) {
      waiting.obs.resize(obs_size);
      waiting.action.resize(action_size);
    }
  }
}

std::span<const NStep::Transition> NStep::step(std::size_t i, std::span<const double> obs,
                                               std::span<const double> action, double reward,
                                               std::span<const double> next_obs, bool terminated,
                                               bool ended) {
  Copy& copy = copies_[i];
  Waiting& fresh = at(copy, copy.size++);
  fresh.steps = 0;
  fresh.reward = 0;
  fresh.discount = 1;
  std::copy(obs.begin(), obs.end(), fresh.obs.begin());
  std::copy(action.begin(), action.end(), fresh.action.begin());
  for (std::size_t k = 0; k < copy.size; ++k) {
    Waiting& waiting = at(copy, k);
    ++waiting.steps;
    waiting.reward += waiting.discount * reward;
    waiting.discount *= gamma_;
  }
  complete_.clear();
  while (copy.size > 0 && (ended || at(copy, 0).steps == n_)) give_oldest(copy, next_obs, terminated);
  return complete_;
}

std::span<const NStep::Transition> NStep::cut(std::size_t i, std::span<const double> obs) {
  complete_.clear();
  while (copies_[i].size > 0) give_oldest(copies_[i], obs, false);
  return complete_;
}

void NStep::give_oldest(Copy& copy, std::span<const double> next_obs, bool terminated) {
  const Waiting& waiting = at(copy, 0);
  complete_.push_back({waiting.obs, waiting.action, waiting.reward, next_obs, terminated, waiting.discount});
  copy.first = (copy.first + 1) % copy.ring.size();
  --copy.size;
}

// For each copy the number of those waiting, then of each steps, reward, discount, observation, action.
std::vector<double> NStep::state() const {
  std::vector<double> state;
  for (const Copy& copy : copies_) {
    state.push_back(static_cast<double>(copy.size));
    for (std::size_t k = 0; k < copy.size; ++k) {
      const Waiting& waiting = at(copy, k);
      state.insert(state.end(), {static_cast<double>(waiting.steps), waiting.reward, waiting.discount});
      state.insert(state.end(), waiting.obs.begin(), waiting.obs.end());
      state.insert(state.end(), waiting.action.begin(), waiting.action.end());
    }
  }
  return state;
}

void NStep::set_state(std::span<const double> state) {
  const std::size_t width = 3 + obs_size_ + action_size_;
  std::vector<Copy> loaded = copies_;
  const auto take = [&](std::size_t n) {
    if (state.size() < n)
      throw FormatError("the n-step transitions saved do not fit this run: numbers are missing");
    const std::span<const double> taken = state.first(n);
    state = state.subspan(n);
    return taken;
  };
  const bool nothing = state.empty();
  for (Copy& copy : loaded) {
    copy.first = copy.size = 0;
    if (nothing) continue;
    const double size = take(1)[0];
    if (!(size >= 0 && size < static_cast<double>(n_) && size == std::floor(size))) {
      throw FormatError(fmt::format(
          "the n-step transitions saved do not fit this run: {} are waiting, expected fewer than n_step, {}",
          size, n_));
    }
    copy.size = static_cast<std::size_t>(size);
    for (std::size_t k = 0; k < copy.size; ++k) {
      const std::span<const double> row = take(width);
      if (!(row[0] >= 1 && row[0] < static_cast<double>(n_) && row[0] == std::floor(row[0]))) {
        throw FormatError(fmt::format(
            "the n-step transitions saved do not fit this run: one is of {} steps, expected 1 to {}", row[0],
            n_ - 1));
      }
      Waiting& waiting = at(copy, k);
      waiting.steps = static_cast<std::int64_t>(row[0]);
      waiting.reward = row[1];
      waiting.discount = row[2];
      std::copy_n(row.begin() + 3, obs_size_, waiting.obs.begin());
      std::copy_n(row.begin() + static_cast<std::ptrdiff_t>(3 + obs_size_), action_size_,
                  waiting.action.begin());
    }
  }
  if (!state.empty())
    throw FormatError("the n-step transitions saved do not fit this run: numbers are left over");
  copies_ = std::move(loaded);
}

}  // namespace saccade::rl
