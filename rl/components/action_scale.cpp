#include "rl/components/action_scale.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"

namespace saccade::rl {

ActionScale::ActionScale(const envs::Spec& spec) {
  const auto* box = std::get_if<envs::Box>(&spec.action_space);
  if (box == nullptr) {
    middle_ = {0};
    half_ = {1};
    return;
  }
  for (std::size_t i = 0; i < box->low.size(); ++i) {
    const double low = box->low[i], high = box->high[i];
    if (!std::isfinite(low) || !std::isfinite(high) || low >= high) {
      throw ConfigError(fmt::format("{}: action[{}] ranges from {} to {}; training needs finite bounds",
                                    spec.id, i, low, high));
    }
    middle_.push_back((low + high) / 2);
    half_.push_back((high - low) / 2);
  }
}

void ActionScale::operator()(std::span<const double> action, std::span<double> scaled) const {
  for (std::size_t i = 0; i < middle_.size(); ++i) scaled[i] = middle_[i] + half_[i] * action[i];
}

}  // namespace saccade::rl
