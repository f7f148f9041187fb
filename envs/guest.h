// Environments that live in another program, such as Python's. Here each has a name and a Spec, which a run
// keeps; only where it lives can it be stepped.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "envs/registry.h"

namespace saccade::envs {

/// How their ids begin: "python:CartPole-v1".
inline constexpr std::string_view kGuestPrefix = "python:";
bool is_guest(std::string_view id);

/// What went wrong in an environment's own program, which keeps the details.
struct GuestFailure : Error {
  using Error::Error;
};

/// While it lives, make(id) in this thread takes what `factory` makes: the environment is here. The last of
/// several counts.
class GuestHere {
 public:
  GuestHere(std::string id, Factory factory);
  ~GuestHere();
  GuestHere(const GuestHere&) = delete;
  GuestHere& operator=(const GuestHere&) = delete;

  /// Whether this thread has it.
  static bool has(std::string_view id);

 private:
  friend std::unique_ptr<Env> make_guest(std::string_view id);
  std::string id_;
  Factory factory_;
  GuestHere* outer_;
};

/// Remembers what a guest says of itself, as long as the program runs: make(spec.id) is then an environment
/// whose spec() can be asked, and whose every other function throws ConfigError, which says where it lives.
/// ConfigError for an id with anything but letters, digits and ._/- behind the prefix.
void remember_guest(const Spec& spec);

/// The one that is here, or else remembered. ConfigError for an id that is neither.
std::unique_ptr<Env> make_guest(std::string_view id);

/// ConfigError unless the environment can be stepped in this thread; of one that is no guest nothing.
void require_here(std::string_view id);

}  // namespace saccade::envs
