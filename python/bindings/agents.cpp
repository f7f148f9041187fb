// Agents and their runs: what saccade/agents.py makes classes of.
#include <fmt/format.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "bindings.h"
#include "envs/guest.h"
#include "envs/registry.h"
#include "guests.h"
#include "listener.h"
#include "rl/components/action_scale.h"
#include "rl/runs/choice.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

using Json = nlohmann::ordered_json;
using Numbers = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;

// (n, start) of a Discrete space; (low, high, shape) of a Box.
nb::object to_python(const envs::Space& space) {
  if (const auto* discrete = std::get_if<envs::Discrete>(&space)) {
    return nb::make_tuple(discrete->n, discrete->start);
  }
  const auto& box = std::get<envs::Box>(space);
  const std::vector<std::int64_t> flat = {static_cast<std::int64_t>(box.low.size())};
  return nb::make_tuple(box.low, box.high, box.shape.empty() ? flat : box.shape);
}

// Calls f without the GIL. `guest` knows the exception of Python's that f may have failed by.
template <class F>
auto without_gil(Guest* guest, const F& f) {
  const Running running;
  try {
    const nb::gil_scoped_release release;
    return f();
  } catch (const envs::GuestFailure&) {
    guest->rethrow();  // it says more
    throw;
  }
}

// An agent, its configuration and its run, if it has begun one. One thread at a time may use it; only what
// lets go of the GIL can be met by another, and says so.
class Learner {
 public:
  Learner(const std::string& algorithm, const std::string& env, const std::string& settings,
          std::shared_ptr<Guest> guest, std::string folder, bool tensorboard)
      : guest_(std::move(guest)), env_(env), folder_(std::move(folder)), tensorboard_(tensorboard) {
    const auto here = guest_here();
    info_ = rl::choose({.name = env, .algorithm = algorithm, .config_file = ""});
    rl::update_from_json(info_.config, parse_json(settings, "settings"), info_.config.algorithm().name);
    env_ = info_.config.run.env;
    make_untrained();
  }

  Learner(const std::string& run, std::shared_ptr<Guest> guest) : guest_(std::move(guest)), run_(run) {
    info_ = rl::read_run_info(run);
    env_ = info_.config.run.env;
    const auto here = guest_here();
    rl::check_networks_fit(run, info_.config);
    make_untrained();
    load_checkpoint();
  }

  const std::string& run() const { return run_; }
  std::string config() const { return dumped(to_json(info_.config)); }
  std::int64_t steps() const { return steps_; }
  const std::string& env() const { return env_; }
  const envs::Spec& spec() const { return spec_; }
  bool is_training() const { return training_ != nullptr; }
  // Whether the last learn() came so far that there is something to go on from.
  bool has_trained() const { return has_trained_; }

  // The run's summary as JSON; "" if it was stopped before its end.
  std::string learn(std::int64_t steps, nb::object on_step, nb::object on_episode, nb::object on_evaluation,
                    nb::object on_progress) {
    has_trained_ = false;
    if (is_training() && user_ == std::this_thread::get_id()) {
      throw Error("learn() was called by a callback of learn()");
    }
    if (steps < 1 || static_cast<double>(steps) > rl::kLargestCount) {
      throw ConfigError(
          fmt::format("learn: {} steps were asked for, expected 1 to {}", steps, rl::kLargestCount));
    }
    const InUse in_use(*this);
    Listener listener(
        {std::move(on_step), std::move(on_episode), std::move(on_evaluation), std::move(on_progress)},
        steps_);
    return without_gil(guest_.get(), [&] { return train(steps, listener); });
  }

  // An action for each observation, as the environment has them.
  nb::object predict(const Numbers& obs, bool deterministic) {
    check_free();
    const std::size_t width = envs::size_of(spec_.observation_space),
                      size = envs::size_of(spec_.action_space), n = obs.size() / width;
    for (std::size_t i = 0; i < obs.size(); ++i) {
      if (std::isfinite(static_cast<float>(obs.data()[i]))) continue;
      throw Error(fmt::format("predict: observation[{}] is {}, expected a number that is finite in f32",
                              i % width, obs.data()[i]));
    }
    std::vector<double> noise(deterministic ? 0 : n * static_cast<std::size_t>(agent().noise_size()));
    rng_.fill_normal(noise);
    auto* actions = new double[n * size];
    nb::capsule owner(actions, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    if (n > 0) {
      agent().act({obs.data(), obs.size()}, noise,
                  deterministic ? rl::ActMode::exploit : rl::ActMode::explore, {actions, n * size});
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::span<double> row(actions + i * size, size);
      (*scale_)(row, row);
    }
    return nb::cast(nb::ndarray<nb::numpy, double>(actions, {n, size}, owner));
  }

  nb::dict evaluate(std::int64_t episodes, std::optional<std::uint64_t> seed) {
    if (episodes < 1) throw ConfigError(fmt::format("evaluate: {} episodes, expected at least 1", episodes));
    const auto rng = rl::evaluation_rng(seed ? static_cast<std::int64_t>(*seed) : info_.config.run.seed);
    const InUse in_use(*this);
    Interrupts interrupts;
    const rl::Evaluation done = without_gil(guest_.get(), [&] {
      const auto here = guest_here();
      return rl::evaluate([this] { return rl::make_env(env_); }, agent(), episodes, rng,
                          [&] { return interrupts.came(); });
    });
    interrupts.rethrow();
    return to_dict(done);
  }

  // A run's first files in a folder, of an agent that has none yet.
  void save_new(const std::string& path) const {
    const auto here = guest_here();
    rl::Training::begin(info_, path);
  }

  static int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (nb::inst_ready(self)) Py_VISIT(nb::find(nb::inst_ptr<Learner>(self)->guest_).ptr());
    return 0;
  }
  static int clear(PyObject* self) {
    nb::inst_ptr<Learner>(self)->guest_ = nullptr;
    return 0;
  }

 private:
  // Keeps other threads away while this one lets go of the GIL. A callback of this one's may come in.
  class InUse {
   public:
    explicit InUse(Learner& learner) : learner_(learner), before_(learner.user_) {
      learner.check_free();
      learner.user_ = std::this_thread::get_id();
    }
    ~InUse() { learner_.user_ = before_; }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

   private:
    Learner& learner_;
    std::optional<std::thread::id> before_;
  };

  void check_free() const {
    if (user_ && user_ != std::this_thread::get_id()) {
      throw Error(
          "another thread trains or evaluates this agent; wait for it, or use an agent of a copy of its run");
    }
  }

  const rl::Agent& agent() const { return training_ == nullptr ? *agent_ : training_->agent(); }
  std::string checkpoint() const { return rl::run_file(run_, "checkpoint"); }

  std::unique_ptr<envs::GuestHere> guest_here() const {
    if (guest_ == nullptr) return nullptr;
    return std::make_unique<envs::GuestHere>(env_, [this] { return guest_->evaluated(); });
  }

  void make_untrained() {
    spec_ = rl::spec_of(info_.config);
    scale_.emplace(spec_);
    agent_ = rl::make_agent(info_.config);
    rng_ = rl::run_rng(info_.config.run.seed).split("predict");
  }

  void load_checkpoint() {
    rl::load_weights(checkpoint(), *agent_);
    steps_ = rl::checkpoint_step(checkpoint());
  }

  std::string train(std::int64_t steps, Listener& listener) {
    const auto here = guest_here();
    rl::RunInfo info = info_;
    // From where the run is, which another agent may have trained on.
    const std::int64_t before = run_.empty() ? 0 : rl::checkpoint_step(checkpoint());
    rl::update_from_json(info.config, {{"steps", before + steps}}, "learn");
    const rl::RunOutputs outputs = {.tensorboard = tensorboard_, .absolute_path = true};
    rl::Training training = run_.empty() ? rl::Training::begin(info, folder_, outputs)
                                         : rl::Training::resume(run_, info.config.run.steps, outputs);
    run_ = training.path();
    info_ = training.info();
    const std::unique_ptr<rl::VectorEnv> copies = guest_ == nullptr ? nullptr : guest_->copies();
    // However training ends, the agent is then the one that the run goes on with.
    struct Ends {
      Learner& self;
      ~Ends() {
        self.training_ = nullptr;
        try {
          self.load_checkpoint();
        } catch (const Error&) {  // the run is gone; the agent stays as it was before
        }
      }
    };
    training_ = &training;
    has_trained_ = true;
    const Ends ends{*this};
    const std::optional<Json> summary = training.run(listener, copies.get());
    listener.rethrow();
    listener.ended(training);
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
  std::atomic<std::int64_t> steps_ = 0;
  bool has_trained_ = false;
  const rl::Training* training_ = nullptr;  // while learn() runs
  std::optional<std::thread::id> user_;     // the thread that uses it without the GIL
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
                              to_python(spec.observation_space), to_python(spec.action_space),
                              dumped(to_json(info.config)));
      },
      "run"_a, "Algorithm, environment, spaces and configuration of a run.",
      nb::sig("def _run_info(run: str) -> tuple[str, str, typing.Any, typing.Any, str]"));
  m.def("_end_trainings", &Running::end_all);
  static PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&Learner::traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(&Learner::clear)},
                                {0, nullptr}};
  nb::class_<Learner>(m, "_Learner", nb::type_slots(slots))
      .def(nb::init<const std::string&, const std::string&, const std::string&, std::shared_ptr<Guest>,
                    std::string, bool>(),
           "algorithm"_a, "env"_a, "settings"_a, "guest"_a.none(), "folder"_a, "tensorboard"_a)
      .def(nb::init<const std::string&, std::shared_ptr<Guest>>(), "run"_a, "guest"_a.none())
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
      .def_prop_ro("has_trained", &Learner::has_trained)
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
