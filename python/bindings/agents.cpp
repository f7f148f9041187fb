// Agents and their runs: what saccade/agents.py makes classes of.
#include <fmt/format.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "bindings.h"
#include "envs/guest.h"
#include "envs/registry.h"
#include "guests.h"
#include "rl/components/action_scale.h"
#include "rl/runs/choice.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
using Numbers = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;

// A Box as its bounds, a Discrete space as its size.
nb::object to_python(const envs::Space& space) {
  if (const auto* discrete = std::get_if<envs::Discrete>(&space)) return nb::cast(discrete->n);
  const auto& box = std::get<envs::Box>(space);
  return nb::make_tuple(box.low, box.high);
}

nb::dict to_dict(const rl::Evaluation& e) {
  nb::dict all;
  all["mean"] = e.mean();
  all["std"] = e.std();
  all["returns"] = e.returns;
  all["lengths"] = e.lengths;
  return all;
}

// Passes on what happens to Python's callbacks. One that returns False or raises, and Ctrl-C, end training
// where it can go on.
class Listener final : public rl::TrainingListener {
 public:
  // Each a function, or None.
  struct Callbacks {
    nb::object on_step, on_episode, on_evaluation, on_progress;
  };
  explicit Listener(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  void on_step(const rl::Training& training) override {
    if (!callbacks_.on_step.is_none()) call([&] { return callbacks_.on_step(); });
    if (callbacks_.on_progress.is_none() || Clock::now() < next_progress_) return;
    next_progress_ = Clock::now() + std::chrono::milliseconds(100);
    const rl::Progress p = training.progress();
    call([&] { return callbacks_.on_progress(p.step, p.steps, p.ret, p.steps_per_second); });
  }
  void on_episode(const rl::Training& training, const rl::Episode& e) override {
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
  void on_evaluation(const rl::Training& training, const rl::Evaluation& e) override {
    if (callbacks_.on_evaluation.is_none()) return;
    call([&] {
      nb::dict all = to_dict(e);
      all["step"] = training.state().step;
      return callbacks_.on_evaluation(all);
    });
  }
  bool should_stop(const rl::Training&) override {
    if (!stop_ && Clock::now() >= next_signal_) {
      next_signal_ = Clock::now() + std::chrono::milliseconds(20);
      const nb::gil_scoped_acquire acquire;
      if (PyErr_CheckSignals() != 0) {
        error_ = std::make_exception_ptr(nb::python_error());
        stop_ = true;
      }
    }
    return stop_;
  }

  void rethrow() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

 private:
  template <class F>
  void call(const F& f) {
    if (stop_) return;
    const nb::gil_scoped_acquire acquire;
    try {
      if (f().is(nb::handle(Py_False))) stop_ = true;
    } catch (...) {
      error_ = std::current_exception();
      stop_ = true;
    }
  }

  Callbacks callbacks_;
  bool stop_ = false;
  std::exception_ptr error_;
  Clock::time_point next_signal_, next_progress_;
};

// An agent, its configuration and its run, if it has begun one.
class Learner {
 public:
  Learner(const std::string& algorithm, const std::string& env, const std::string& settings,
          std::shared_ptr<Guest> guest, std::string folder, bool tensorboard)
      : guest_(std::move(guest)), folder_(std::move(folder)), tensorboard_(tensorboard) {
    env_ = env;
    const auto here = guest_here();
    info_ = rl::choose({.name = env, .algorithm = algorithm, .config_file = ""});
    rl::update_from_json(info_.config, parse_json(settings, "settings"), info_.config.algorithm().name);
    env_ = info_.config.run.env;
    begin();
  }

  Learner(const std::string& run, std::shared_ptr<Guest> guest) : guest_(std::move(guest)), run_(run) {
    info_ = rl::read_run_info(run);
    env_ = info_.config.run.env;
    const auto here = guest_here();
    begin();
    rl::check_networks_fit(run, info_.config);
    rl::load_weights(checkpoint(), *agent_);
    steps_ = rl::checkpoint_step(checkpoint());
  }

  const std::string& algorithm() const { return info_.config.algorithm().name; }
  const std::string& run() const { return run_; }
  std::string config() const { return dumped(to_json(info_.config)); }
  std::int64_t steps() const { return training_ == nullptr ? steps_ : training_->state().step; }
  const std::string& env() const { return env_; }
  const envs::Spec& spec() const { return spec_; }
  bool is_training() const { return training_ != nullptr; }

  // The run's summary as JSON; "" if it was stopped before its end.
  std::string learn(std::int64_t steps, nb::object on_step, nb::object on_episode, nb::object on_evaluation,
                    nb::object on_progress) {
    if (is_training()) throw Error("learn() was called by a callback of learn()");
    if (steps < 1)
      throw ConfigError(fmt::format("learn: {} steps were asked for, expected at least 1", steps));
    Listener listener(
        {std::move(on_step), std::move(on_episode), std::move(on_evaluation), std::move(on_progress)});
    try {
      const nb::gil_scoped_release release;
      return train(steps, listener);
    } catch (const envs::GuestFailure&) {
      guest_->rethrow();  // what Python raised says more
      throw;
    }
  }

  // An action for each observation, as the environment has them.
  nb::object predict(const Numbers& obs, bool deterministic) {
    const std::size_t width = envs::size_of(spec_.observation_space),
                      size = envs::size_of(spec_.action_space);
    if (obs.size() % width != 0) {
      throw ShapeError(
          fmt::format("predict: {} numbers were given, and an observation has {}", obs.size(), width));
    }
    const std::size_t n = obs.size() / width;
    const rl::Agent& agent = training_ == nullptr ? *agent_ : training_->agent();
    std::vector<double> noise(deterministic ? 0 : n * static_cast<std::size_t>(agent.noise_size()));
    rng_.fill_normal(noise);
    auto* actions = new double[n * size];
    nb::capsule owner(actions, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    agent.act({obs.data(), obs.size()}, noise, deterministic ? rl::ActMode::exploit : rl::ActMode::explore,
              {actions, n * size});
    for (std::size_t i = 0; i < n; ++i) {
      const std::span<double> row(actions + i * size, size);
      scale_->operator()(row, row);
    }
    return nb::cast(nb::ndarray<nb::numpy, double>(actions, {n, size}, owner));
  }

  nb::dict evaluate(std::int64_t episodes, std::optional<std::int64_t> seed) {
    const auto here = guest_here();
    if (episodes < 1) throw ConfigError(fmt::format("evaluate: {} episodes, expected at least 1", episodes));
    const rl::Agent& agent = training_ == nullptr ? *agent_ : training_->agent();
    const rl::EnvFactory make = [this] { return rl::make_env(env_); };
    rl::Evaluation done;
    try {
      const nb::gil_scoped_release release;
      done = rl::evaluate_agent(agent, make, episodes, seed.value_or(info_.config.run.seed));
    } catch (const envs::GuestFailure&) {
      guest_->rethrow();
      throw;
    }
    return to_dict(done);
  }

  // A run's first files in a folder, of an agent that has none yet.
  void save_new(const std::string& path) const {
    const auto here = guest_here();
    rl::Training::begin(info_, path, {.tensorboard = false});
  }

 private:
  std::string checkpoint() const { return rl::run_file(run_, "checkpoint"); }

  std::unique_ptr<envs::GuestHere> guest_here() const {
    if (guest_ == nullptr) return nullptr;
    return std::make_unique<envs::GuestHere>(env_, [this] { return guest_->evaluated(); });
  }

  // An untrained agent of the configuration.
  void begin() {
    spec_ = rl::spec_of(info_.config);
    scale_.emplace(spec_);
    agent_ = rl::make_agent(info_.config);
    rng_ = rl::run_rng(info_.config.run.seed).split("predict");
  }

  std::string train(std::int64_t steps, Listener& listener) {
    const auto here = guest_here();
    rl::RunInfo info = info_;
    info.config.run.steps = steps_ + steps;
    rl::Training training =
        run_.empty() ? rl::Training::begin(info, folder_, {.tensorboard = tensorboard_})
                     : rl::Training::resume(run_, info.config.run.steps, {.tensorboard = tensorboard_});
    run_ = training.path();
    info_ = training.info();
    const std::unique_ptr<rl::VectorEnv> copies = guest_ == nullptr ? nullptr : guest_->copies();
    struct Ends {  // however training ends, the agent is the one that it ended with
      Learner& self;
      ~Ends() {
        self.steps_ = self.training_->state().step;
        self.agent_->load_weights(self.training_->agent().named_weights());
        self.training_ = nullptr;
      }
    };
    training_ = &training;
    const Ends ends{*this};
    const std::optional<Json> summary = training.run(listener, copies.get());
    listener.rethrow();
    return summary ? dumped(*summary) : "";
  }

  std::shared_ptr<Guest> guest_;
  std::string env_, folder_, run_;
  bool tensorboard_ = false;
  rl::RunInfo info_;
  envs::Spec spec_;
  std::optional<rl::ActionScale> scale_;
  std::unique_ptr<rl::Agent> agent_;
  Rng rng_;
  std::int64_t steps_ = 0;
  const rl::Training* training_ = nullptr;  // while learn() runs
};

}  // namespace

void bind_agents(nb::module_& m) {
  m.def("_algorithms", &rl::algorithm_names);
  m.def("_is_env", [](const std::string& name) { return rl::is_preset(name) || envs::is_known(name); });
  m.def("_is_guest", [](const std::string& id) { return envs::is_guest(id); });
  m.def(
      "_run_info",
      [](const std::string& run) {
        const rl::RunInfo info = rl::read_run_info(run);
        const envs::Spec spec = rl::spec_of(info.config);
        return nb::make_tuple(info.config.algorithm().name, info.config.run.env,
                              to_python(spec.observation_space), to_python(spec.action_space));
      },
      "run"_a, "Algorithm, environment and spaces of a run.",
      nb::sig("def _run_info(run: str) -> tuple[str, str, typing.Any, typing.Any]"));
  nb::class_<Learner>(m, "_Learner")
      .def(nb::init<const std::string&, const std::string&, const std::string&, std::shared_ptr<Guest>,
                    std::string, bool>(),
           "algorithm"_a, "env"_a, "settings"_a, "guest"_a.none(), "folder"_a, "tensorboard"_a)
      .def(nb::init<const std::string&, std::shared_ptr<Guest>>(), "run"_a, "guest"_a.none())
      .def_prop_ro("algorithm", &Learner::algorithm)
      .def_prop_ro("env", &Learner::env)
      .def_prop_ro("run", &Learner::run)
      .def_prop_ro("config", &Learner::config)
      .def_prop_ro("steps", &Learner::steps)
      .def_prop_ro(
          "spaces",
          [](const Learner& l) {
            return nb::make_tuple(to_python(l.spec().observation_space), to_python(l.spec().action_space));
          },
          nb::sig("def spaces(self) -> tuple[typing.Any, typing.Any]"))
      .def_prop_ro("is_training", &Learner::is_training)
      .def("learn", &Learner::learn, "steps"_a, "on_step"_a.none(), "on_episode"_a.none(),
           "on_evaluation"_a.none(), "on_progress"_a.none())
      .def("predict", &Learner::predict, "obs"_a, "deterministic"_a,
           nb::sig("def predict(self, obs: numpy.typing.NDArray[typing.Any], deterministic: bool) -> "
                   "numpy.typing.NDArray[typing.Any]"))
      .def("evaluate", &Learner::evaluate, "episodes"_a, "seed"_a.none(),
           nb::sig("def evaluate(self, episodes: int, seed: int | None) -> dict[str, typing.Any]"))
      .def("save_new", &Learner::save_new, "path"_a);
}

}  // namespace saccade::python
