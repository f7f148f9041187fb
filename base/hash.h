// FNV-1a, a hash to tell contents apart; not one to stand up to somebody who wants two to be alike.
#pragma once

#include <cstdint>
#include <string_view>

namespace saccade {

inline constexpr std::uint64_t kFnv1aStart = 0xcbf29ce484222325ULL;

/// The hash of what `hash` is of, followed by `bytes`.
constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = kFnv1aStart) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace saccade
