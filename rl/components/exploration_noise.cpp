#include "rl/components/exploration_noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace saccade::rl {

namespace {

constexpr std::array kTimeConstants = {1.0, 4.0, 16.0, 64.0, 256.0};

void check_state(const char* noise, std::size_t given, std::size_t expected) {
  if (given == expected) return;
  throw Error(fmt::format("{}: a state of {} numbers given, expected {}", noise, given, expected));
}

}  // namespace

void ExplorationNoise::set_state(std::span<const double> state) {
  check_state("white noise", state.size(), 0);
}

void GaussianNoise::next(Rng& rng, std::span<double> rows) {
  drawn_.resize(rows.size());
  rng.fill_normal(drawn_);
  std::copy(drawn_.begin(), drawn_.end(), rows.begin());
}

void PinkNoise::next(Rng& rng, std::span<double> rows) {
  if (processes_.empty()) {  // in their stationary state from the start
    processes_.resize(width_ * kTimeConstants.size());
    rng.fill_normal(processes_);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < kTimeConstants.size(); ++k) {
      double& x = processes_[i * kTimeConstants.size() + k];
      const double kept = std::exp(-1 / kTimeConstants[k]);
      x = kept * x + std::sqrt(1 - kept * kept) * rng.normal();
      sum += x;
    }
    rows[i] = sum / std::sqrt(static_cast<double>(kTimeConstants.size()));
  }
}

// With x standard normal, 2 Phi(x) - 1 = erf(x / sqrt 2) is uniform.
void PinkNoise::next_uniform(Rng& rng, std::span<double> actions) {
  next(rng, actions);
  for (double& x : actions) x = std::erf(x / std::numbers::sqrt2);
}

void PinkNoise::set_state(std::span<const double> state) {
  if (!state.empty()) check_state("pink noise", state.size(), width_ * kTimeConstants.size());
  processes_.assign(state.begin(), state.end());
}

void OrnsteinUhlenbeckNoise::next(Rng& rng, std::span<double> rows) {
  constexpr double kKept = 1 - kTheta;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    x_[i] = kKept * x_[i] + std::sqrt(1 - kKept * kKept) * rng.normal();
    rows[i] = x_[i];
  }
}

void OrnsteinUhlenbeckNoise::begin_episode(std::size_t copy) {
  std::fill_n(x_.begin() + static_cast<std::ptrdiff_t>(copy * width_), width_, 0.0);
}

void OrnsteinUhlenbeckNoise::set_state(std::span<const double> state) {
  if (state.empty()) return;  // of a run that has not begun
  check_state("Ornstein-Uhlenbeck noise", state.size(), x_.size());
  x_.assign(state.begin(), state.end());
}

void HeldNoise::next(Rng& rng, std::span<double> rows) {
  const std::size_t width = rows_.size() / age_.size();
  for (std::size_t copy = 0; copy < age_.size(); ++copy) {
    if (age_[copy] == kNone || (steps_ > 0 && age_[copy] >= static_cast<double>(steps_))) {
      rng.fill_normal(std::span(rows_).subspan(copy * width, width));
      age_[copy] = 0;
    }
    ++age_[copy];
  }
  std::copy(rows_.begin(), rows_.end(), rows.begin());
}

std::vector<double> HeldNoise::state() const {
  std::vector<double> state = rows_;
  state.insert(state.end(), age_.begin(), age_.end());
  return state;
}

void HeldNoise::set_state(std::span<const double> state) {
  if (state.empty()) return;  // of a run that has not begun
  check_state("held noise", state.size(), rows_.size() + age_.size());
  for (const double age : state.last(age_.size())) {
    if (age >= kNone && age == std::floor(age)) continue;
    throw Error(fmt::format("held noise: a row was held for {} steps; expected a whole number", age));
  }
  std::copy_n(state.begin(), rows_.size(), rows_.begin());
  std::copy_n(state.end() - static_cast<std::ptrdiff_t>(age_.size()), age_.size(), age_.begin());
}

std::unique_ptr<ExplorationNoise> make_noise(const OffPolicyConfig& config, std::size_t copies,
                                             std::size_t width) {
  switch (config.exploration) {
    case Exploration::held:
      return std::make_unique<HeldNoise>(copies, width, config.exploration_hold);
    case Exploration::pink:
      return std::make_unique<PinkNoise>(copies, width);
    case Exploration::ou:
      return std::make_unique<OrnsteinUhlenbeckNoise>(copies, width);
    default:
      return std::make_unique<GaussianNoise>();
  }
}

}  // namespace saccade::rl
