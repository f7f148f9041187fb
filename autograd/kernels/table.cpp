#include "autograd/kernels/table.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace saccade::kernels {

namespace {

// Best last. Detection is the compiler's: it asks the operating system's XCR0 too.
std::vector<const Tables*> supported() {
#if defined(__x86_64__)
  std::vector<const Tables*> found = {&tables_sse2};
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) found.push_back(&tables_avx2);
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(&tables_avx512);
  }
  return found;
#else
  return {&tables_native};
#endif
}

const Tables& choose() {
  const std::vector<const Tables*> found = supported();
  const char* forced = std::getenv("SACCADE_ISA");
  if (forced == nullptr || *forced == '\0') return *found.back();
  for (const Tables* tables : found) {
    if (std::string_view(tables->f32.name) == forced) return *tables;
  }
  throw ConfigError(fmt::format("SACCADE_ISA is '{}'; this processor can run {}", forced,
                                join(supported_instruction_sets())));
}

}  // namespace

const Tables& tables() {
  static const Tables& chosen = choose();
  return chosen;
}

const char* instruction_set() { return tables().f32.name; }

std::vector<std::string> supported_instruction_sets() {
  std::vector<std::string> names;
  for (const Tables* tables : supported()) names.emplace_back(tables->f32.name);
  return names;
}

}  // namespace saccade::kernels
