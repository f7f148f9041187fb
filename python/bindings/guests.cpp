#include "guests.h"

#include <fmt/format.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "bindings.h"
#include "envs/guest.h"
#include "guest_values.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

// Something of Python's that may be dropped in any thread, with the GIL or without.
class Held {
 public:
  explicit Held(nb::object object)
      : object_(object.release().ptr(), [](PyObject* o) {
          if (!nb::is_alive()) return;
          const nb::gil_scoped_acquire acquire;
          Py_XDECREF(o);
        }) {}
  nb::handle get() const { return object_.get(); }

 private:
  std::shared_ptr<PyObject> object_;
};

std::string class_name(nb::handle object) { return nb::cast<std::string>(nb::inst_name(object)); }

// Calls f with the GIL; what Python raises in it is kept, and becomes a GuestFailure.
template <class F>
auto with_python(const GuestFacts& facts, Guest::Raised& raised, const F& f) {
  const nb::gil_scoped_acquire acquire;
  try {
    return f();
  } catch (const nb::python_error&) {
    raised.error = std::current_exception();
    fail(facts, "Python raised an exception");
  } catch (const std::bad_cast&) {
    fail(facts, "a value came that is of another type than expected");
  }
}

std::int64_t seed_of(Rng& rng) { return static_cast<std::int64_t>(rng.below(std::uint64_t{1} << 31)); }

// One environment.
class PythonEnv final : public envs::Env {
 public:
  // Seeded at every reset, or else at the first.
  PythonEnv(std::shared_ptr<const GuestFacts> facts, nb::object env, std::shared_ptr<Guest::Raised> raised,
            bool always_seeded)
      : facts_(std::move(facts)),
        env_(std::move(env)),
        raised_(std::move(raised)),
        always_seeded_(always_seeded),
        last_(envs::size_of(facts_->spec.observation_space)) {}

  const envs::Spec& spec() const override { return facts_->spec; }

  void reset(Rng& rng, std::span<double> observation) override {
    const std::int64_t seed = seed_of(rng);
    with_python(*facts_, *raised_, [&] {
      if (env_.get().is_none()) {
        throw ConfigError(
            fmt::format("{}: there is no environment to evaluate in; give eval_env", spec().id));
      }
      const nb::object reset = env_.get().attr("reset");
      const nb::object answer = always_seeded_ || !seeded_ ? reset("seed"_a = seed) : reset();
      seeded_ = true;
      if (!nb::isinstance<nb::tuple>(answer) || nb::len(answer) != 2) {
        fail(*facts_, fmt::format("reset() returned {}, expected (observation, info)", class_name(answer)));
      }
      read_observation(*facts_, answer[0], observation);
    });
    std::copy(observation.begin(), observation.end(), last_.begin());
  }

  envs::StepResult step(std::span<const double> action, std::span<double> observation) override {
    envs::StepResult result;
    with_python(*facts_, *raised_, [&] {
      static PyObject* const step = lasting_name("step");
      const nb::object answer = call_method(env_.get(), step, to_action(*facts_, action).ptr());
      if (!nb::isinstance<nb::tuple>(answer) || nb::len(answer) != 5) {
        fail(*facts_,
             fmt::format("step() returned {}, expected (observation, reward, terminated, truncated, info)",
                         class_name(answer)));
      }
      const nb::tuple parts = nb::borrow<nb::tuple>(answer);
      read_observation(*facts_, parts[0], observation);
      result.reward = PyFloat_AsDouble(parts[1].ptr());
      if (PyErr_Occurred() != nullptr) throw nb::python_error();
      const int terminated = PyObject_IsTrue(parts[2].ptr());
      const int truncated = terminated < 0 ? -1 : PyObject_IsTrue(parts[3].ptr());
      if (truncated < 0) throw nb::python_error();
      if (!is_finite(result.reward)) {
        fail(*facts_,
             fmt::format("the reward is {}, expected a number that is finite in f32", result.reward));
      }
      result.terminated = terminated == 1;
      result.truncated = truncated == 1;
    });
    std::copy(observation.begin(), observation.end(), last_.begin());
    return result;
  }

  // There is none: what goes on begins a fresh episode.
  std::vector<double> state() const override { return {}; }
  void set_state(std::span<const double>) override {}
  void observe(std::span<double> observation) const override {
    std::copy(last_.begin(), last_.end(), observation.begin());
  }

 private:
  std::shared_ptr<const GuestFacts> facts_;
  Held env_;
  std::shared_ptr<Guest::Raised> raised_;
  bool always_seeded_, seeded_ = false;
  std::vector<double> last_;
};

// Several, which Python steps together: a _Several of saccade/_environments.py.
class PythonEnvs final : public rl::VectorEnv {
 public:
  PythonEnvs(std::shared_ptr<const GuestFacts> facts, nb::object envs, std::shared_ptr<Guest::Raised> raised)
      : facts_(std::move(facts)),
        size_(nb::cast<std::size_t>(envs.attr("size"))),
        width_(envs::size_of(facts_->spec.observation_space)),
        resets_alone_(nb::cast<bool>(envs.attr("resets_alone"))),
        begins_in_steps_(nb::cast<bool>(envs.attr("begins_in_steps"))),
        envs_(std::move(envs)),
        raised_(std::move(raised)),
        first_(size_ * width_),
        fresh_(size_),
        began_(size_) {}

  std::size_t size() const override { return size_; }
  const envs::Spec& spec() const override { return facts_->spec; }

  void reset(std::size_t i, Rng& rng, std::span<double> observation) override {
    const std::int64_t seed = seed_of(rng);
    if (!begun_) {
      with_python(*facts_, *raised_, [&] { take("observation", envs_.get().attr("reset")(seed), first_); });
      begun_ = true;
      fresh_.assign(size_, true);
    } else if (!fresh_[i] && resets_alone_) {
      with_python(*facts_, *raised_, [&] {
        take("observation", envs_.get().attr("reset_one")(i), std::span(first_).subspan(i * width_, width_));
      });
    } else if (!fresh_[i] && begins_in_steps_) {
      return;
    }
    fresh_[i] = false;
    std::copy_n(first_.begin() + static_cast<std::ptrdiff_t>(i * width_), width_, observation.begin());
  }

  void step(std::span<const double> actions, std::span<double> observations,
            std::span<envs::StepResult> results) override {
    with_python(*facts_, *raised_, [&] {
      const nb::ndarray<nb::numpy, const double> all(actions.data(), {size_, actions.size() / size_});
      // The array is a view of what is no longer there after the step: it must not be kept.
      const nb::tuple answer =
          nb::cast<nb::tuple>(envs_.get().attr("step")(nb::cast(all, nb::rv_policy::copy)));
      std::vector<double> rewards(size_);
      take("observation", answer[0], observations);
      take("reward", answer[1], rewards);
      const auto terminated = nb::cast<Flags>(answer[2]), truncated = nb::cast<Flags>(answer[3]);
      if (!answer[5].is_none()) take("observation", answer[5], first_);
      began_.assign(size_, false);
      if (!answer[4].is_none()) {
        const auto began = nb::cast<Flags>(answer[4]);
        std::copy_n(began.data(), size_, began_.begin());
      }
      for (std::size_t i = 0; i < size_; ++i) {
        results[i] = {};
        if (began_[i]) continue;
        results[i].reward = rewards[i];
        results[i].terminated = terminated.data()[i];
        results[i].truncated = truncated.data()[i];
      }
    });
  }

  bool began(std::size_t i) const override { return began_[i]; }

  std::vector<double> state(std::size_t) const override { return {}; }
  void set_state(std::size_t, std::span<const double>, std::span<double>) override {
    throw Error(fmt::format("{}: episodes of Python's environments cannot be gone back to", spec().id));
  }

 private:
  using Flags = nb::ndarray<const bool, nb::c_contig, nb::device::cpu>;

  void take(const char* what, nb::handle given, std::span<double> out) const {
    const auto array = nb::cast<nb::ndarray<const double, nb::c_contig, nb::device::cpu>>(given);
    if (array.size() != out.size()) {
      fail(*facts_, fmt::format("{}: {} numbers came, expected {}", what, array.size(), out.size()));
    }
    std::copy_n(array.data(), out.size(), out.begin());
    check_finite(*facts_, what, out);
    if (out.size() == size_ * width_) check_choices(*facts_, out);
  }

  std::shared_ptr<const GuestFacts> facts_;
  std::size_t size_, width_;
  bool resets_alone_, begins_in_steps_, begun_ = false;
  Held envs_;
  std::shared_ptr<Guest::Raised> raised_;
  std::vector<double> first_;  // the first observations of the copies' next episodes, where they are known
  std::vector<bool> fresh_;    // whether those are of the reset that all began with
  std::vector<bool> began_;
};

// (n, start) of a Discrete space; (low, high, shape) of a Box.
envs::Space space_from(const nb::tuple& given) {
  if (given.size() == 2) {
    return envs::Discrete{nb::cast<std::int64_t>(given[0]), nb::cast<std::int64_t>(given[1])};
  }
  return envs::Box{nb::cast<std::vector<double>>(given[0]), nb::cast<std::vector<double>>(given[1]),
                   nb::cast<std::vector<std::int64_t>>(given[2])};
}

}  // namespace

Guest::Guest(GuestFacts facts, nb::object single, nb::object several, nb::object evaluated)
    : facts_(new GuestFacts(std::move(facts)),
             [](GuestFacts* f) {
               if (!nb::is_alive()) return;
               const nb::gil_scoped_acquire acquire;
               delete f;
             }),
      single_(std::move(single)),
      several_(std::move(several)),
      evaluated_(std::move(evaluated)) {}

std::unique_ptr<rl::VectorEnv> Guest::copies() const {
  const nb::gil_scoped_acquire acquire;
  if (!several_.is_none()) return std::make_unique<PythonEnvs>(facts_, several_, raised_);
  return std::make_unique<rl::EnvCopies>(
      [&] { return std::make_unique<PythonEnv>(facts_, single_, raised_, false); }, 1);
}

std::unique_ptr<envs::Env> Guest::evaluated() const {
  const nb::gil_scoped_acquire acquire;
  return std::make_unique<PythonEnv>(facts_, evaluated_, raised_, true);
}

void Guest::rethrow() {
  if (const std::exception_ptr error = std::exchange(raised_->error, nullptr)) std::rethrow_exception(error);
}

int Guest::traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const Guest& guest = *nb::inst_ptr<Guest>(self);
  const nb::object* const all[] = {&guest.single_, &guest.several_, &guest.evaluated_, &guest.facts_->action,
                                   &guest.facts_->finish};
  for (const nb::object* const held : all) Py_VISIT(held->ptr());
  return 0;
}

int Guest::clear(PyObject* self) {
  Guest& guest = *nb::inst_ptr<Guest>(self);
  guest.single_ = guest.several_ = guest.evaluated_ = nb::none();
  return 0;
}

void bind_guests(nb::module_& m) {
  static PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&Guest::traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(&Guest::clear)},
                                {0, nullptr}};
  nb::class_<Guest>(m, "_Guest", nb::type_slots(slots))
      .def(
          "__init__",
          [](Guest* self, const std::string& id, const nb::tuple& observation_space,
             const nb::tuple& action_space, nb::object action, nb::object finish,
             std::int64_t max_episode_steps, std::optional<double> reward_threshold, nb::object single,
             nb::object several, nb::object evaluated) {
            GuestFacts facts = {.spec = {.id = id,
                                         .observation_space = space_from(observation_space),
                                         .action_space = space_from(action_space),
                                         .max_episode_steps = max_episode_steps,
                                         .reward_threshold = reward_threshold},
                                .action = std::move(action),
                                .finish = std::move(finish)};
            if (const auto* box = std::get_if<envs::Box>(&facts.spec.observation_space)) {
              facts.observation_shape.assign(box->shape.begin(), box->shape.end());
            }
            new (self) Guest(std::move(facts), std::move(single), std::move(several), std::move(evaluated));
          },
          "id"_a, "observation_space"_a, "action_space"_a, "action"_a.none(), "finish"_a.none(),
          "max_episode_steps"_a, "reward_threshold"_a.none(), "single"_a.none(), "several"_a.none(),
          "evaluated"_a.none());
}

}  // namespace saccade::python
