// A quantity of a task file in a model: which numbers of mjData it is made of.
#pragma once

#include <mujoco/mujoco.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "envs/task_file/task.h"

namespace saccade::envs {

/// The value of a Quantity, read from one mjData whenever it is asked for.
class QuantityValue {
 public:
  /// Throws FormatError, naming `file` and the quantity's place in it, for names that the model does not have
  /// and for a part of an array that it is too short for. `data` must outlive this.
  QuantityValue(const Quantity& quantity, const mjModel& model, const mjData& data, const std::string& file);

  std::size_t size() const { return apply_ == Apply::norm ? 1 : at_.size(); }

  /// Passes each number to f.
  template <class F>
  void for_each(const F& f) const {
    if (apply_ == Apply::norm) {
      double sum = 0;
      for (std::size_t i = 0; i < at_.size(); ++i) sum += clipped(i) * clipped(i);
      f(std::sqrt(sum));
      return;
    }
    for (std::size_t i = 0; i < at_.size(); ++i) f(applied(clipped(i)));
  }
  double sum() const;

  /// For a rate: the numbers from before a step of so many seconds.
  void remember();
  void set_step_seconds(double seconds) { seconds_ = seconds; }

 private:
  double number(std::size_t i) const { return *at_[i] - (minus_.empty() ? offset_ : *minus_[i]); }
  double clipped(std::size_t i) const;
  double applied(double value) const;

  std::vector<const mjtNum*> at_, minus_;
  double offset_ = 0;
  Range clip_;
  Apply apply_;
  std::vector<double> before_;  // of a rate
  double seconds_ = 1;
};

/// Where in an array the numbers of a quantity are. Throws as QuantityValue does.
std::vector<std::size_t> places_of(const Quantity& quantity, const mjModel& model, const std::string& file);

}  // namespace saccade::envs
