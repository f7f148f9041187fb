#include "rl/runs/progress.h"

namespace saccade::rl {

void Rates::add(double seconds, std::int64_t step, std::int64_t updates) {
  constexpr double kWindow = 5, kShortest = 0.05;
  if (!samples_.empty() && seconds < samples_.back().seconds + kShortest) return;
  // Steps before the first update are far faster than those to come.
  if (!samples_.empty() && samples_.back().updates == 0 && updates > 0) samples_.clear();
  while (samples_.size() > 1 && samples_[1].seconds < seconds - kWindow) samples_.pop_front();
  samples_.push_back({seconds, step, updates});
}

std::optional<double> Rates::rate(std::int64_t Sample::*count) const {
  if (samples_.size() < 2) return std::nullopt;
  const Sample &first = samples_.front(), &last = samples_.back();
  return static_cast<double>(last.*count - first.*count) / (last.seconds - first.seconds);
}

}  // namespace saccade::rl
