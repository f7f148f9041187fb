#include "rl/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "nn/team.h"

namespace saccade::rl {

Metrics::Metrics(std::initializer_list<Metric> metrics) : size_(metrics.size()) {
  if (size_ > kMax)
    throw Error(fmt::format("an update reports {} metrics, expected at most {}", size_, kMax));
  std::copy(metrics.begin(), metrics.end(), metrics_.begin());
}

double Metrics::operator[](std::string_view name) const {
  std::vector<std::string> names;
  for (const Metric& metric : *this) {
    if (metric.name == name && metric.value) return *metric.value;
    names.emplace_back(metric.name);
  }
  throw Error(fmt::format("there is no metric '{}', only {}", name, join(names)));
}

Metrics Metrics::averaged(nn::Team& team) const {
  std::vector<double> values;
  for (const Metric& metric : *this) values.push_back(metric.value.value_or(0));
  team.average(values);
  Metrics result = *this;
  for (std::size_t i = 0; i < size_; ++i) {
    if (result.metrics_[i].value) result.metrics_[i].value = values[i];
  }
  return result;
}

void check_finite(std::string_view algorithm, const Metrics& metrics) {
  const auto fits = [](const Metric& metric) { return !metric.value || std::isfinite(*metric.value); };
  if (std::all_of(metrics.begin(), metrics.end(), fits)) return;
  std::vector<std::string> values;
  for (const Metric& metric : metrics) {
    if (metric.value) values.push_back(fmt::format("{} {}", metric.name, *metric.value));
  }
  const std::string message = fmt::format("{} has diverged: {}; try a smaller learning rate or reward_scale",
                                          algorithm, join(values));
  if (nn::Team* const team = nn::team()) return team->doubt(message);
  throw Error(message);
}

void MetricMeans::add(const Metrics& metrics) {
  if (entries_.empty()) {
    for (const Metric& metric : metrics) entries_.push_back({metric.name});
  }
  const auto same = [](const Entry& entry, const Metric& metric) { return entry.name == metric.name; };
  if (!std::equal(entries_.begin(), entries_.end(), metrics.begin(), metrics.end(), same)) {
    throw Error("an update reported other metrics than the updates before it");
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::optional<double>& value = metrics.begin()[i].value;
    if (!value) continue;
    entries_[i].sum += *value;
    ++entries_[i].count;
  }
}

void MetricMeans::clear() {
  for (Entry& entry : entries_) {
    entry.sum = 0;
    entry.count = 0;
  }
}

}  // namespace saccade::rl
