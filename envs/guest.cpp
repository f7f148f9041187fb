#include "envs/guest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <utility>

#include "base/text.h"

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
      fmt::format("{} is an environment that only Python can step; there a run in it goes on, with fresh "
                  "episodes (not bit for bit): saccade.load(RUN, env).learn(STEPS)",
                  printable(id)));
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
  constexpr std::size_t kLongest = 200;
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '/' || c == '-';
  };
  const std::string_view name = std::string_view(spec.id).substr(kGuestPrefix.size());
  if (name.empty() || name.size() > kLongest || !std::all_of(name.begin(), name.end(), plain)) {
    throw ConfigError(fmt::format("{}: expected a name of letters, digits and ._/-, at most {}",
                                  printable(spec.id.substr(0, kLongest)), kLongest));
  }
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
