// saccade entropy --html: SAC's policy in one dimension, a = tanh(u), to play with.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace saccade::pages {

/// {mean, check, saturation, log_prob}: `mean` is where the page begins. Its script computes curves by
/// itself, and `check` has our own numbers to hold it to: on a grid of means and log sigmas, log densities at
/// some u, entropies and E(1 - a^2), and for each mean the most random sigma. `saturation` has a row for each
/// u: tanh and log pi(a) at mean u and sigma 1, exact, and as f32 has them.
nlohmann::ordered_json squash_data(double mean);

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_squash_page(const std::string& path, double mean);

}  // namespace saccade::pages
