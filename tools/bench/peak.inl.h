// The loops behind the limits, for a vector of floats. Included by one small file per instruction set, each
// compiled with its own flags; everything here is local to that file.
#pragma once

#include "tools/bench/peak.h"

namespace saccade::bench {

namespace {

// Enough independent chains to hide the latency of an operation, and few enough for 16 registers.
constexpr int kChains = 12;

template <class Vector>
constexpr int kWidth = sizeof(Vector) / sizeof(float);

template <class Vector>
float sum(const Vector* chains) {
  float total = 0;
  for (int c = 0; c < kChains; ++c) {
    for (int i = 0; i < kWidth<Vector>; ++i) total += chains[c][i];
  }
  return total;
}

template <class Vector>
float fma(std::int64_t flops) {
  Vector chains[kChains] = {}, factor = {}, term = {};
  factor += 0.999f;
  term += 0.001f;
  for (int c = 0; c < kChains; ++c) chains[c] += static_cast<float>(c);  // equal ones would be computed once
  const std::int64_t rounds = flops / (2 * kWidth<Vector> * kChains);
  for (std::int64_t r = 0; r < rounds; ++r) {
    for (Vector& chain : chains) chain = chain * factor + term;
  }
  return sum(chains);
}

template <class Vector>
float read(const float* values, std::int64_t n) {
  constexpr int kReads = 8;
  Vector chains[kChains] = {};
  const auto* vectors = reinterpret_cast<const Vector*>(values);
  for (std::int64_t i = 0; i < n / kWidth<Vector>; i += kReads) {
    for (int c = 0; c < kReads; ++c) chains[c] += vectors[i + c];
  }
  return sum(chains);
}

}  // namespace

}  // namespace saccade::bench
