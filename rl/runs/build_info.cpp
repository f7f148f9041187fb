#include "rl/runs/build_info.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "autograd/kernels/table.h"
#include "autograd/kernels/version.h"
#include "base/threads.h"
#include "envs/mujoco/tasks.h"

namespace saccade::rl {

namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("Clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
  return fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
  return "unknown";
#endif
}

std::string dotted(int major, int minor, int patch) { return fmt::format("{}.{}.{}", major, minor, patch); }

}  // namespace

std::string version() { return SACCADE_VERSION; }

nlohmann::ordered_json build_info() {
  const std::string mujoco = envs::mujoco_version();
  return {
      {"saccade", version()},
      {"compiler", compiler()},
      {"libraries",
       {{"xsimd", kernels::xsimd_version()},
        {"fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
        {"nlohmann_json",
         dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
        {"mujoco", mujoco.empty() ? "none" : mujoco}}},
      {"instruction_set", kernels::instruction_set()},
      {"threads", num_threads()},
  };
}

}  // namespace saccade::rl
