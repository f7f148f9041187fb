// From steps to n-step transitions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace saccade::rl {

/// Collects, for each copy of an environment, the steps that follow a state, and gives out
///
///     s_t, a_t, R = sum_{i<k} gamma^i r_{t+i}, s_{t+k}, gamma^k
///
/// where k is n, or less where the episode ended before: no window crosses its end. After a termination
/// nothing is to come; after a time limit s_{t+k} is worth gamma^k V, as ever. What a soft value adds for the
/// entropy of the actions in between is left out: the return is that of the rewards, and only V(s_{t+k}) is
/// soft.
class NStep {
 public:
  struct Transition {
    std::span<const double> obs, action;
    double reward;
    std::span<const double> next_obs;
    bool terminated;
    double discount;  // gamma^k
  };

  /// ConfigError unless n >= 1.
  NStep(std::int64_t n, double gamma, std::size_t copies, std::size_t obs_size, std::size_t action_size);

  /// Takes copy i's step. Returns the transitions that it completes, oldest first, until the next call: that
  /// of t = now - n + 1, or all that are waiting if the episode ended.
  std::span<const Transition> step(std::size_t i, std::span<const double> obs, std::span<const double> action,
                                   double reward, std::span<const double> next_obs, bool terminated,
                                   bool ended);
  /// Ends copy i's episode at `obs` without a step: what is waiting goes out, as after a time limit.
  std::span<const Transition> cut(std::size_t i, std::span<const double> obs);

  /// What is waiting, for a checkpoint. set_state() throws FormatError if it does not fit; empty means
  /// nothing.
  std::vector<double> state() const;
  void set_state(std::span<const double> state);

 private:
  struct Waiting {
    std::int64_t steps = 0;
    double reward = 0, discount = 1;
    std::vector<double> obs, action;
  };
  // A ring of up to n.
  struct Copy {
    std::vector<Waiting> ring;
    std::size_t first = 0, size = 0;
  };
  void give_oldest(Copy& copy, std::span<const double> next_obs, bool terminated);
  Waiting& at(Copy& copy, std::size_t k) { return copy.ring[(copy.first + k) % copy.ring.size()]; }
  const Waiting& at(const Copy& copy, std::size_t k) const {
    return copy.ring[(copy.first + k) % copy.ring.size()];
  }

  std::int64_t n_;
  double gamma_;
  std::size_t obs_size_, action_size_;
  std::vector<Copy> copies_;
  std::vector<Transition> complete_;
};

}  // namespace saccade::rl
