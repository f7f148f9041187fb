// Environments of Python's, as C++ trains in them. saccade/_environments.py says what they are made of.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "envs/env.h"
#include "rl/components/vector_env.h"

namespace saccade::python {

namespace nb = nanobind;

/// What C++ must know of an environment to talk to it.
struct GuestFacts {
  envs::Spec spec;
  std::vector<nb::ssize_t> observation_shape = {};  // of a Box
  nb::object action = {};                           // an array of f32 or f64 of a Box's shape, to be copied
  nb::object finish = {};  // a function that makes an action of the space's dtype of it; None if it is one
};

/// One environment that an agent learns in, or several side by side, and one to evaluate it in.
class Guest {
 public:
  /// `single`: a gymnasium.Env, or None; `several`: a VectorEnv as saccade/_environments.py has it, or None;
  /// `evaluated`: a gymnasium.Env, or None if there is none.
  Guest(GuestFacts facts, nb::object single, nb::object several, nb::object evaluated);

  /// To train in, from fresh episodes.
  std::unique_ptr<rl::VectorEnv> copies() const;
  /// To evaluate in; of none, one whose spec() alone can be asked.
  std::unique_ptr<envs::Env> evaluated() const;

  /// Raises the exception of Python's that an envs::GuestFailure came of, if it did.
  void rethrow();

  /// What it holds of Python's, for the collector of cycles.
  static int traverse(PyObject* self, visitproc visit, void* arg);
  static int clear(PyObject* self);

  /// What Python raised, for the environments, which outlive a Guest.
  struct Raised {
    std::exception_ptr error;
  };

 private:
  std::shared_ptr<GuestFacts> facts_;
  nb::object single_, several_, evaluated_;
  std::shared_ptr<Raised> raised_ = std::make_shared<Raised>();
};

}  // namespace saccade::python
