// Environments, alone and side by side: what saccade/gym.py dresses for Gymnasium.
#include "envs/env.h"

#include <fmt/format.h>

#include <atomic>
#include <memory>

#include "base/error.h"
#include "base/rng.h"
#include "bindings.h"
#include "casters.h"
#include "envs/registry.h"
#include "envs/time_limit.h"
#include "rl/components/vector_env.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

using Numbers = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;

// The environment with its own time limit (none given), with another, or with none (0).
std::unique_ptr<envs::Env> make_env(const std::string& id, std::optional<std::int64_t> max_episode_steps) {
  if (!max_episode_steps) return envs::make(id);
  if (*max_episode_steps == 0) return envs::make_untimed(id);
  return std::make_unique<envs::TimeLimit>(envs::make_untimed(id), *max_episode_steps);
}

// A new array of NumPy's, and where its elements are.
template <class T>
std::pair<nb::object, T*> new_array(std::initializer_list<std::size_t> shape) {
  std::size_t n = 1;
  for (const std::size_t size : shape) n *= size;
  auto elements = std::make_unique<T[]>(n);
  T* at = elements.get();
  nb::capsule owner(elements.release(), [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return {nb::cast(nb::ndarray<nb::numpy, T>(at, shape, owner)), at};
}

nb::dict terms_of(const envs::StepResult& result) {
  nb::dict terms;
  for (const envs::RewardTerm& term : result.terms) {
    if (term.name != nullptr) terms[fmt::format("reward_{}", term.name).c_str()] = term.value;
  }
  return terms;
}

nb::object space_of(const envs::Space& space) {
  if (const auto* discrete = std::get_if<envs::Discrete>(&space)) return nb::cast(discrete->n);
  const auto& box = std::get<envs::Box>(space);
  return nb::make_tuple(box.low, box.high);
}

std::span<const double> numbers(const char* what, const Numbers& given, std::size_t expected) {
  if (given.size() != expected) {
    throw ShapeError(fmt::format("{}: {} numbers were given, expected {}", what, given.size(), expected));
  }
  return {given.data(), expected};
}

// Marks an environment as in use, whose methods let go of the GIL: Error where another thread is at it.
class InUse {
 public:
  InUse(std::atomic<bool>& flag, const envs::Spec& spec) : flag_(flag) {
    if (flag_.exchange(true)) {
      throw Error(
          fmt::format("{}: another thread is using this environment; give each one of its own", spec.id));
    }
  }
  ~InUse() { flag_ = false; }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  std::atomic<bool>& flag_;
};

// One environment and its generator.
class Single {
 public:
  Single(const std::string& id, std::optional<std::int64_t> max_episode_steps)
      : env_(make_env(id, max_episode_steps)) {}

  const envs::Spec& spec() const { return env_->spec(); }
  void seed(std::uint64_t seed) { rng_ = Rng(seed); }

  nb::object reset() {
    const InUse in_use(in_use_, spec());
    return observation([&](std::span<double> obs) {
      const nb::gil_scoped_release release;
      env_->reset(rng_, obs);
    });
  }

  nb::tuple step(const Numbers& action) {
    const InUse in_use(in_use_, spec());
    const auto a = numbers("step", action, envs::size_of(spec().action_space));
    envs::StepResult result;
    nb::object obs = observation([&](std::span<double> out) {
      const nb::gil_scoped_release release;
      result = env_->step(a, out);
    });
    return nb::make_tuple(obs, result.reward, result.terminated, result.truncated, result.diverged,
                          terms_of(result));
  }

  // The environment's state, and its generator's.
  nb::tuple state() const { return nb::make_tuple(env_->state(), rng_.state().key, rng_.state().counter); }
  void set_state(const std::vector<double>& state, std::uint64_t key, std::uint64_t counter) {
    env_->set_state(state);
    rng_.set_state({.key = key, .counter = counter});
  }
  nb::object observe() const {
    return observation([&](std::span<double> obs) { env_->observe(obs); });
  }

 private:
  template <class F>
  nb::object observation(const F& f) const {
    const std::size_t n = envs::size_of(spec().observation_space);
    auto [array, at] = new_array<double>({n});
    f(std::span(at, n));
    return array;
  }

  std::unique_ptr<envs::Env> env_;
  Rng rng_;
  std::atomic<bool> in_use_ = false;
};

enum class Autoreset { next_step, same_step, disabled };

// Copies of an environment, each with a generator of its own, stepped in C++'s threads.
class Vector {
 public:
  Vector(const std::string& id, std::int64_t n, const std::string& autoreset,
         std::optional<std::int64_t> max_episode_steps)
      : envs_(checked(id, n, max_episode_steps), n),
        autoreset_(autoreset == "NextStep"   ? Autoreset::next_step
                   : autoreset == "SameStep" ? Autoreset::same_step
                                             : Autoreset::disabled),
        rngs_(envs_.size()),
        results_(envs_.size()),
        over_(envs_.size(), true) {}
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;

  const envs::Spec& spec() const { return envs_.spec(); }
  void seed(std::size_t i, std::uint64_t seed) { rngs_.at(i) = Rng(seed); }

  // Begins episodes where the mask says so; the others' observations stay.
  nb::object reset(const std::vector<bool>& mask) {
    if (mask.size() != envs_.size()) {
      throw ShapeError(fmt::format("reset: {} flags were given for {} copies", mask.size(), envs_.size()));
    }
    const InUse in_use(in_use_, spec());
    Observations obs(*this);
    {
      const nb::gil_scoped_release release;
      envs_.for_each([&](std::size_t i) {
        if (mask[i]) {
          envs_[i].reset(rngs_[i], obs[i]);
          over_[i] = false;
        } else {
          envs_[i].observe(obs[i]);
        }
      });
    }
    return obs.array;
  }

  nb::tuple step(const Numbers& actions) {
    const InUse in_use(in_use_, spec());
    const std::size_t n = envs_.size(), width = envs::size_of(spec().action_space);
    const auto all = numbers("step", actions, n * width);
    Observations obs(*this), last(*this);
    auto [rewards, reward] = new_array<double>({n});
    auto [terminated_array, terminated] = new_array<bool>({n});
    auto [truncated_array, truncated] = new_array<bool>({n});
    auto [diverged_array, diverged] = new_array<bool>({n});
    {
      const nb::gil_scoped_release release;
      envs_.for_each([&](std::size_t i) {
        if (over_[i] && autoreset_ == Autoreset::next_step) {  // the action is ignored, as Gymnasium has it
          envs_[i].reset(rngs_[i], obs[i]);
          results_[i] = {};
          over_[i] = false;
        } else {
          results_[i] = envs_[i].step(all.subspan(i * width, width), obs[i]);
          over_[i] = results_[i].ends_episode();
        }
        if (over_[i] && autoreset_ == Autoreset::same_step) {
          std::copy(obs[i].begin(), obs[i].end(), last[i].begin());
          envs_[i].reset(rngs_[i], obs[i]);
          over_[i] = false;
        }
        reward[i] = results_[i].reward;
        terminated[i] = results_[i].terminated;
        truncated[i] = results_[i].truncated || results_[i].diverged;
        diverged[i] = results_[i].diverged;
      });
    }
    return nb::make_tuple(obs.array, rewards, terminated_array, truncated_array, diverged_array, last.array);
  }

  // The names and values of the last step's parts of the rewards, one row a copy; those without are 0.
  nb::dict terms() const {
    nb::dict all;
    for (const envs::StepResult& any : results_) {
      for (std::size_t t = 0; t < any.terms.size(); ++t) {
        if (any.terms[t].name == nullptr) continue;
        auto [array, at] = new_array<double>({results_.size()});
        for (std::size_t i = 0; i < results_.size(); ++i) {
          at[i] = results_[i].terms[t].name == nullptr ? 0 : results_[i].terms[t].value;
        }
        all[fmt::format("reward_{}", any.terms[t].name).c_str()] = array;
      }
      if (nb::len(all) > 0) break;
    }
    return all;
  }

 private:
  static rl::EnvFactory checked(const std::string& id, std::int64_t n,
                                std::optional<std::int64_t> max_episode_steps) {
    if (n < 1) throw ConfigError(fmt::format("{}: {} copies were asked for, expected at least 1", id, n));
    return [=] { return make_env(id, max_episode_steps); };
  }

  struct Observations {
    explicit Observations(const Vector& v) : width(envs::size_of(v.spec().observation_space)) {
      std::tie(array, at) = new_array<double>({v.envs_.size(), width});
    }
    std::span<double> operator[](std::size_t i) const { return {at + i * width, width}; }
    std::size_t width;
    nb::object array;
    double* at = nullptr;
  };

  rl::EnvCopies envs_;
  Autoreset autoreset_;
  std::vector<Rng> rngs_;
  std::vector<envs::StepResult> results_;
  std::atomic<bool> in_use_ = false;
  std::vector<char> over_;  // no episode under way; each its own byte, since threads write to them
};

nb::dict spec_of(const std::string& id) {
  const std::unique_ptr<envs::Env> env = envs::make_untimed(id);
  const envs::Spec& spec = env->spec();
  nb::dict all;
  all["id"] = spec.id;
  all["observation_space"] = space_of(spec.observation_space);
  all["action_space"] = space_of(spec.action_space);
  all["max_episode_steps"] = spec.max_episode_steps;
  all["reward_threshold"] = spec.reward_threshold;
  return all;
}

}  // namespace

void bind_envs(nb::module_& m) {
  m.def("env_ids", &envs::ids, "The ids of the environments that this build has.");
  m.def("unavailable_env_ids", &envs::unavailable_ids,
        "The ids of those that need MuJoCo, in a build without it.");
  m.def(
      "canonical_env_id", [](const std::string& name) { return envs::canonical_id(name); }, "name"_a,
      "The id that a name means: one without a version means the latest, and letter case does not matter.");
  m.def("_env_spec", &spec_of, "id"_a, nb::sig("def _env_spec(id: str) -> dict[str, typing.Any]"));
  nb::class_<Single>(m, "_Env")
      .def(nb::init<const std::string&, std::optional<std::int64_t>>(), "id"_a,
           "max_episode_steps"_a = nb::none())
      .def("seed", &Single::seed)
      .def("reset", &Single::reset, nb::sig("def reset(self) -> numpy.typing.NDArray[typing.Any]"))
      .def("step", &Single::step,
           nb::sig("def step(self, action: numpy.typing.NDArray[typing.Any], /) -> "
                   "tuple[numpy.typing.NDArray[typing.Any], float, "
                   "bool, bool, "
                   "bool, dict[str, typing.Any]]"))
      .def("observe", &Single::observe, nb::sig("def observe(self) -> numpy.typing.NDArray[typing.Any]"))
      .def("state", &Single::state, nb::sig("def state(self) -> tuple[list[float], int, int]"))
      .def("set_state", &Single::set_state);
  nb::class_<Vector>(m, "_VectorEnv")
      .def(nb::init<const std::string&, std::int64_t, const std::string&, std::optional<std::int64_t>>(),
           "id"_a, "n"_a, "autoreset"_a, "max_episode_steps"_a = nb::none())
      .def("seed", &Vector::seed)
      .def(
          "reset", &Vector::reset,
          nb::sig(
              "def reset(self, mask: collections.abc.Sequence[bool], /) -> numpy.typing.NDArray[typing.Any]"))
      .def("step", &Vector::step,
           nb::sig("def step(self, actions: numpy.typing.NDArray[typing.Any], /) -> "
                   "tuple[numpy.typing.NDArray[typing.Any], "
                   "numpy.typing.NDArray[typing.Any], numpy.typing.NDArray[typing.Any], "
                   "numpy.typing.NDArray[typing.Any], numpy.typing.NDArray[typing.Any], "
                   "numpy.typing.NDArray[typing.Any]]"))
      .def("terms", &Vector::terms,
           nb::sig("def terms(self) -> dict[str, numpy.typing.NDArray[typing.Any]]"));
}

}  // namespace saccade::python
