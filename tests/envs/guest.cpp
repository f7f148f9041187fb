// Environments that live elsewhere: what is known of them here, and what only there can be done.
#include "envs/guest.h"

#include <memory>
#include <thread>

#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/counting_env.h"

using namespace saccade;
using Catch::Contains;
using tests::Counting;

namespace {

envs::Spec far_away(const std::string& id) {
  return {.id = id,
          .observation_space = envs::Box{.low = {0, 0, 0}, .high = {1, 1, 1}},
          .action_space = envs::Discrete{4},
          .max_episode_steps = 7};
}

envs::Factory counting() {
  return [] { return std::make_unique<Counting>(Counting::Script{}); };
}

}  // namespace

TEST_CASE("an environment elsewhere that nothing is known of is no environment here", "[envs]") {
  for (const auto& f :
       {+[] { envs::make("python:Unheard-v0"); }, +[] { envs::canonical_id("python:Unheard-v0"); },
        +[] { envs::require_here("python:Unheard-v0"); }}) {
    CHECK_THROWS_WITH(f(), Contains("python:Unheard-v0") && Contains("only Python can step"));
  }
  CHECK_NOTHROW(envs::require_here("Pendulum-v1"));
  CHECK_THROWS_WITH(envs::add("python:Mine-v0", counting()), Contains("python:Mine-v0"));
}

TEST_CASE("of an environment elsewhere that is remembered all is known but how to step it", "[envs]") {
  const std::string id = "python:Far-v0";
  envs::remember_guest(far_away(id));
  const std::unique_ptr<envs::Env> env = envs::make(id);
  CHECK(env->spec().id == id);
  CHECK(envs::size_of(env->spec().observation_space) == 3);
  CHECK(std::get<envs::Discrete>(env->spec().action_space).n == 4);
  std::vector<double> obs(3), action(1);
  Rng rng(1);
  CHECK_THROWS_WITH(env->reset(rng, obs), Contains(id) && Contains("only Python can step"));
  CHECK_THROWS_WITH(env->observe(obs), Contains(id));
  CHECK_THROWS_WITH(env->state(), Contains(id));
  CHECK_THROWS_AS(envs::require_here(id), ConfigError);
}

TEST_CASE("the name of an environment elsewhere is one that can be printed and be part of code", "[envs]") {
  for (const char* id : {"python:", "python:a\nint evil = 1; //", "python:\x1b[31m", "python:a b"}) {
    CAPTURE(id);
    CHECK_THROWS_WITH(envs::remember_guest(far_away(id)), Contains("letters, digits") && !Contains("\n"));
  }
  CHECK_THROWS_AS(envs::remember_guest(far_away("python:" + std::string(201, 'a'))), ConfigError);
  CHECK_NOTHROW(envs::remember_guest(far_away("python:mylab/Robot-v0_2.b")));
}

TEST_CASE("an environment is here as long as its scope, and in its thread", "[envs]") {
  const std::string id = "python:Near-v0";
  envs::remember_guest(far_away(id));
  {
    const envs::GuestHere here(id, counting());
    CHECK_NOTHROW(envs::require_here(id));
    CHECK(envs::make(id)->spec().id == "Counting-v0");
    {
      const envs::GuestHere other("python:Other-v0", counting());
      CHECK(envs::GuestHere::has(id));
      CHECK(envs::make("python:Other-v0")->spec().id == "Counting-v0");
    }
    CHECK_FALSE(envs::GuestHere::has("python:Other-v0"));
    bool elsewhere = true;
    std::thread([&] { elsewhere = envs::GuestHere::has(id); }).join();
    CHECK_FALSE(elsewhere);
  }
  CHECK_FALSE(envs::GuestHere::has(id));
  CHECK(envs::make(id)->spec().id == id);
}
