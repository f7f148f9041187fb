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
  std::vector<nb::ssize_t> observation_shape;            // of a Box
  std::int64_t observation_start = 0, action_start = 0;  // of Discrete spaces, which may begin elsewhere
  nb::object action;                                     // an array of a Box's shape and dtype, to be copied
};

/// One environment that an agent learns in, or several side by side, and one to evaluate it in.
class Guest {
 public:
  /// `single`: a gymnasium.Env, or None; `several`: a VectorEnv as saccade/_environments.py has it, or None;
  /// `evaluated`: a gymnasium.Env, or None if there is none.
  Guest(GuestFacts facts, nb::object single, nb::object several, nb::object evaluated);

  const envs::Spec& spec() const { return facts_->spec; }
  bool can_be_evaluated() const { return !evaluated_.is_none(); }

  /// To train in, from fresh episodes.
  std::unique_ptr<rl::VectorEnv> copies() const;
  /// To evaluate in; of none, one whose spec() alone can be asked.
  std::unique_ptr<envs::Env> evaluated() const;

  /// Raises the exception of Python's that an envs::GuestFailure came of, if it did.
  void rethrow();

  /// What Python raised, for the environments, which outlive a Guest.
  struct Raised {
    std::exception_ptr error;
  };

 private:
  std::shared_ptr<const GuestFacts> facts_;
  nb::object single_, several_, evaluated_;
  std::shared_ptr<Raised> raised_ = std::make_shared<Raised>();
};

}  // namespace saccade::python
