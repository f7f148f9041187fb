#include "listener.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <thread>
#include <utility>

namespace saccade::python {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<int> running = 0;
std::atomic<bool> python_ends = false;

}  // namespace

nb::dict to_dict(const rl::Evaluation& e) {
  nb::dict all;
  all["mean"] = e.mean();
  all["std"] = e.std();
  all["returns"] = e.returns;
  all["lengths"] = e.lengths;
  return all;
}

Running::Running() { ++running; }
Running::~Running() { --running; }

void Running::end_all() {
  constexpr std::chrono::seconds kPatience(30);
  python_ends = true;
  const nb::gil_scoped_release release;
  const auto deadline = Clock::now() + kPatience;
  while (running > 0 && Clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

bool Interrupts::came() {
  constexpr std::chrono::milliseconds kEvery(20);
  if (python_ends) return true;
  if (error_ == nullptr && Clock::now() >= next_) {
    next_ = Clock::now() + kEvery;
    const nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) error_ = std::make_exception_ptr(nb::python_error());
  }
  return error_ != nullptr;
}

void Interrupts::rethrow() const {
  if (error_ != nullptr) std::rethrow_exception(error_);
}

Listener::Listener(Callbacks callbacks, std::atomic<std::int64_t>& step)
    : callbacks_(std::move(callbacks)), step_(step) {}

template <class F>
void Listener::call(const F& f) {
  if (stop_ || python_ends) return;
  const nb::gil_scoped_acquire acquire;
  try {
    const nb::object answer = f();
    if (answer.is_none()) return;
    const int goes_on = PyObject_IsTrue(answer.ptr());
    if (goes_on < 0) throw nb::python_error();
    stop_ = goes_on == 0;
  } catch (...) {
    error_ = std::current_exception();
    stop_ = true;
  }
}

void Listener::on_step(const rl::Training& training) {
  step_ = training.state().step;
  if (!callbacks_.on_step.is_none()) call([&] { return callbacks_.on_step(); });
  if (!callbacks_.on_progress.is_none() && Clock::now() >= next_progress_) show_progress(training);
}

void Listener::on_episode(const rl::Training& training, const rl::Episode& e) {
  step_ = training.state().step;
  if (callbacks_.on_episode.is_none()) return;
  call([&] {
    nb::dict all;
    all["step"] = training.state().step;
    all["number"] = e.number;
    all["return"] = e.ret;
    all["length"] = e.length;
    all["terminated"] = e.terminated;
    nb::dict metrics;
    for (const rl::MetricMeans::Entry& entry : e.metrics.entries()) {
      if (const auto mean = entry.mean()) metrics[nb::str(std::string(entry.name).c_str())] = *mean;
    }
    all["metrics"] = metrics;
    return callbacks_.on_episode(all);
  });
}

void Listener::on_evaluation(const rl::Training& training, const rl::Evaluation& e) {
  step_ = training.state().step;
  if (callbacks_.on_evaluation.is_none()) return;
  call([&] {
    nb::dict all = to_dict(e);
    all["step"] = training.state().step;
    return callbacks_.on_evaluation(all);
  });
}

void Listener::ended(const rl::Training& training) {
  if (!callbacks_.on_progress.is_none()) show_progress(training);
}

void Listener::show_progress(const rl::Training& training) {
  constexpr std::chrono::milliseconds kEvery(100);
  next_progress_ = Clock::now() + kEvery;
  const rl::Progress p = training.progress();
  call([&] { return callbacks_.on_progress(p.step, p.steps, p.ret, p.steps_per_second); });
}

void Listener::rethrow() const {
  if (error_ != nullptr) std::rethrow_exception(error_);
  interrupts_.rethrow();
}

}  // namespace saccade::python
