#include "envs/guest.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

namespace saccade::envs {

namespace {

thread_local GuestHere* innermost = nullptr;

struct Remembered {
  std::mutex mutex;
  std::map<std::string, Spec, std::less<>> specs;
};
Remembered& remembered() {
  static Remembered all;
  return all;
}

[[noreturn]] void refuse(std::string_view id) {
  throw ConfigError(
      fmt::format("{} is an environment of Python's, which only Python can step: there, saccade.load(RUN, "
                  "env).learn(STEPS) trains on, and evaluate() tries the policy",
                  id));
}

// One that is elsewhere.
class Absent final : public Env {
 public:
  explicit Absent(Spec spec) : spec_(std::move(spec)) {}
  const Spec& spec() const override { return spec_; }
  void reset(Rng&, std::span<double>) override { refuse(spec_.id); }
  StepResult step(std::span<const double>, std::span<double>) override { refuse(spec_.id); }
  std::vector<double> state() const override { refuse(spec_.id); }
  void set_state(std::span<const double>) override { refuse(spec_.id); }
  void observe(std::span<double>) const override { refuse(spec_.id); }

 private:
  Spec spec_;
};

}  // namespace

bool is_guest(std::string_view id) { return id.starts_with(kGuestPrefix); }

GuestHere::GuestHere(std::string id, Factory factory)
    : id_(std::move(id)), factory_(std::move(factory)), outer_(innermost) {
  innermost = this;
}

GuestHere::~GuestHere() { innermost = outer_; }

bool GuestHere::has(std::string_view id) {
  for (const GuestHere* here = innermost; here != nullptr; here = here->outer_) {
    if (here->id_ == id) return true;
  }
  return false;
}

void remember_guest(const Spec& spec) {
  const std::lock_guard lock(remembered().mutex);
  remembered().specs.insert_or_assign(spec.id, spec);
}

std::unique_ptr<Env> make_guest(std::string_view id) {
  for (const GuestHere* here = innermost; here != nullptr; here = here->outer_) {
    if (here->id_ == id) return here->factory_();
  }
  const std::lock_guard lock(remembered().mutex);
  const auto known = remembered().specs.find(id);
  if (known == remembered().specs.end()) refuse(id);
  return std::make_unique<Absent>(known->second);
}

void require_here(std::string_view id) {
  if (is_guest(id) && !GuestHere::has(id)) refuse(id);
}

}  // namespace saccade::envs
