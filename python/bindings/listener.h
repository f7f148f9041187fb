// What Python hears of while C++ trains for it, and how it stops that.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <exception>

#include "rl/runs/training.h"

namespace saccade::python {

namespace nb = nanobind;

/// "mean", "std", "returns" and "lengths".
nb::dict to_dict(const rl::Evaluation& evaluation);

/// A computation without the GIL that Python's end waits for, after it has asked it to stop: a thread that
/// Python no longer lets in is a thread that C++ could not survive. Made and dropped with the GIL.
class Running {
 public:
  Running();
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Asks all to stop, and waits until they have.
  static void end_all();
};

/// Whether Ctrl-C was pressed, looked for now and then; what Python raises for it is kept.
class Interrupts {
 public:
  bool came();
  void rethrow() const;

 private:
  std::exception_ptr error_;
  std::chrono::steady_clock::time_point next_;
};

/// Passes on what happens to Python's callbacks. One that returns something false but None, or raises, and
/// Ctrl-C, end training where it can go on.
class Listener final : public rl::TrainingListener {
 public:
  /// Each a function, or None.
  struct Callbacks {
    nb::object on_step, on_episode, on_evaluation, on_progress;
  };
  /// `step` is kept at that of the training.
  Listener(Callbacks callbacks, std::atomic<std::int64_t>& step);

  void on_step(const rl::Training& training) override;
  void on_episode(const rl::Training& training, const rl::Episode& episode) override;
  void on_evaluation(const rl::Training& training, const rl::Evaluation& evaluation) override;
  bool should_stop(const rl::Training&) override { return stop_ || interrupts_.came(); }

  /// The last word on progress.
  void ended(const rl::Training& training);
  /// Raises what ended the training, if it was Python.
  void rethrow() const;

 private:
  void show_progress(const rl::Training& training);
  template <class F>
  void call(const F& f);

  Callbacks callbacks_;
  std::atomic<std::int64_t>& step_;
  bool stop_ = false;
  std::exception_ptr error_;
  Interrupts interrupts_;
  std::chrono::steady_clock::time_point next_progress_;
};

}  // namespace saccade::python
