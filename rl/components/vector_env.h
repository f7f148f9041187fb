// Environments stepped side by side.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "envs/env.h"

namespace saccade::rl {

using EnvFactory = std::function<std::unique_ptr<envs::Env>()>;

/// Several of one task, as training has them.
class VectorEnv {
 public:
  virtual ~VectorEnv() = default;
  virtual std::size_t size() const = 0;
  virtual const envs::Spec& spec() const = 0;

  /// Begins copy i's next episode and writes its first observation. One that begins episodes in a step of
  /// their own leaves the observation as it is, and began() tells of that step.
  virtual void reset(std::size_t i, Rng& rng, std::span<double> observation) = 0;
  /// One step of all: actions, observations and results are those of the copies, side by side.
  virtual void step(std::span<const double> actions, std::span<double> observations,
                    std::span<envs::StepResult> results) = 0;
  /// Whether copy i's last step did nothing but begin an episode: there is no transition, only its first
  /// observation.
  virtual bool began(std::size_t) const { return false; }

  /// As of envs::Env.
  virtual std::vector<double> state(std::size_t i) const = 0;
  virtual void set_state(std::size_t i, std::span<const double> state, std::span<double> observation) = 0;
};

/// n copies of what make_env makes; n >= 1.
class EnvCopies final : public VectorEnv {
 public:
  EnvCopies(const EnvFactory& make_env, std::int64_t n) : errors_(static_cast<std::size_t>(n)) {
    for (std::int64_t i = 0; i < n; ++i) envs_.push_back(make_env());
  }

  std::size_t size() const override { return envs_.size(); }
  const envs::Spec& spec() const override { return envs_[0]->spec(); }
  void reset(std::size_t i, Rng& rng, std::span<double> observation) override {
    envs_[i]->reset(rng, observation);
  }
  void step(std::span<const double> actions, std::span<double> observations,
            std::span<envs::StepResult> results) override {
    const std::size_t action = actions.size() / size(), observation = observations.size() / size();
    for_each([&](std::size_t i) {
      results[i] = envs_[i]->step(actions.subspan(i * action, action),
                                  observations.subspan(i * observation, observation));
    });
  }
  std::vector<double> state(std::size_t i) const override { return envs_[i]->state(); }
  void set_state(std::size_t i, std::span<const double> state, std::span<double> observation) override {
    envs_[i]->set_state(state);
    envs_[i]->observe(observation);
  }

  envs::Env& operator[](std::size_t i) { return *envs_[i]; }
  const envs::Env& operator[](std::size_t i) const { return *envs_[i]; }

  /// Calls f(i) for every copy, on the engine's threads: it may touch what belongs to copy i, and nothing
  /// else. Throws what the first copy that failed threw, after all of them are through.
  template <class F>
  void for_each(const F& f) {
    const auto n = static_cast<std::int64_t>(size());
    const auto chunk = [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        try {
          f(i);
        } catch (...) {  // must not leave a thread of the team
          errors_[i] = std::current_exception();
        }
      }
    };
    if (timed_calls_ < kTimedCalls) {
      const Clock::time_point start = Clock::now();
      chunk(0, n);
      copy_time_ = std::min(copy_time_, (Clock::now() - start) / n);
      ++timed_calls_;
    } else {
      parallel_for(n, 1 + kChunkTime / (copy_time_ + std::chrono::nanoseconds(1)), chunk);
    }
    const auto first =
        std::find_if(errors_.begin(), errors_.end(), [](const auto& error) { return error != nullptr; });
    if (first == errors_.end()) return;
    const std::exception_ptr error = *first;
    std::fill(errors_.begin(), errors_.end(), nullptr);
    std::rethrow_exception(error);
  }

 private:
  // A copy's step takes 40 ns (Pendulum) or 200 us (Humanoid). The first calls, on one thread, show how many
  // make a chunk that is worth another thread's while; no result depends on it.
  using Clock = std::chrono::steady_clock;
  static constexpr int kTimedCalls = 5;
  static constexpr Clock::duration kChunkTime = std::chrono::microseconds(10);
  int timed_calls_ = 0;
  Clock::duration copy_time_ = Clock::duration::max();

  std::vector<std::unique_ptr<envs::Env>> envs_;
  std::vector<std::exception_ptr> errors_;
};

}  // namespace saccade::rl
