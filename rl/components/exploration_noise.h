// Noise that is correlated in time, for exploration.
#pragma once

#include <span>
#include <vector>

#include "base/rng.h"

namespace saccade::rl {

/// The next values of independent sequences of pink noise, each standard normal by itself, with a power
/// spectrum of about 1 / f between periods of a few and of a thousand steps: half of what it explores is
/// slow. Eberhard et al., "Pink noise is all you need", ICLR 2023, make theirs by a Fourier transform for a
/// whole episode; here it is the sum of first-order autoregressive processes whose time constants are 1, 4,
/// 16, 64 and 256 steps, so that it goes on as long as it must. `processes` is what it remembers; empty at
/// the start; Error if it is of other sequences.
void pink_noise(std::vector<double>& processes, Rng& rng, std::span<double> values);

}  // namespace saccade::rl
