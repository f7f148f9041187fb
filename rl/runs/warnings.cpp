#include "rl/runs/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace saccade::rl {

namespace {

// 41000 as "41,000".
std::string grouped(std::int64_t n) {
  std::string text = fmt::format("{}", n);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

// The later half of the rows after the first updates, when what is said should be true by now.
std::vector<Diagnosis> settled(const RunLog& log) {
  std::vector<Diagnosis> rows;
  for (const DiagnosisRow& row : log.diagnoses) {
    if (row.step > log.info.config.off_policy.learning_starts) rows.push_back(row.diagnosis);
  }
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2));
  return rows;
}

template <class F>
double mean_of(const std::vector<Diagnosis>& rows, const F& value) {
  double sum = 0;
  for (const Diagnosis& row : rows) sum += value(row);
  return sum / static_cast<double>(rows.size());
}

using Sentences = std::vector<std::string>;

void about_temperature(const RunLog& log, Sentences& said) {
  constexpr double kCollapsed = 1e-4, kRanAway = 100;
  const std::vector<double>&alpha = log.episodes["alpha"], &step = log.episodes["step"];
  for (std::size_t i = 0; i < alpha.size(); ++i) {
    if (!(alpha[i] < kCollapsed || alpha[i] > kRanAway)) continue;  // NaN is neither
    const bool low = alpha[i] < kCollapsed;
    said.push_back(fmt::format(
        "The temperature {} at step {}: it was {:.2g}. {}", low ? "collapsed" : "ran away",
        grouped(static_cast<std::int64_t>(step[i])), alpha[i],
        low ? "Entropy counts for nothing from there on." : "Next to entropy, rewards count for little."));
    return;
  }
}

void about_actions(const RunLog& log, Sentences& said) {
  constexpr double kMany = 0.5;
  if (log.diagnoses.empty()) return;
  const auto& [step, d] = log.diagnoses.back();
  if (d.saturated < kMany) return;
  said.push_back(
      fmt::format("{:.0f} % of the actions' components were saturated, beyond ±0.99, at step {}. There the "
                  "policy's gradient is "
                  "small; some tasks are best solved so.",
                  100 * d.saturated, grouped(step)));
}

void about_q(const std::vector<Diagnosis>& rows, Sentences& said) {
  if (rows.empty()) return;
  const double q = mean_of(rows, [](const Diagnosis& d) { return d.q; });
  const double g = mean_of(rows, [](const Diagnosis& d) { return d.soft_return; });
  const double off = q - g, size = std::max(std::abs(g), 1.0);
  if (std::abs(off) < size) return;
  const std::string ratio = g > 1 && q > 1 ? fmt::format(", {:.1f} times as much", q / g) : "";
  said.push_back(
      fmt::format("In the later half the critics say {:.4g} where {:.4g} comes{}: they {}estimate.", q, g,
                  ratio, off > 0 ? "over" : "under"));
}

void about_entropy(const std::vector<Diagnosis>& rows, Sentences& said) {
  if (rows.empty() || !rows.back().entropy || !rows.back().target_entropy) return;
  const double entropy = mean_of(rows, [](const Diagnosis& d) { return d.entropy.value_or(0); });
  const double target = *rows.back().target_entropy;
  if (std::abs(entropy - target) < 1 + 0.5 * std::abs(target)) return;
  said.push_back(fmt::format(
      "In the later half the policy's entropy is {:.3g}, and its target {:.3g}: the temperature does not "
      "bring it there.",
      entropy, target));
}

void about_losses(const RunLog& log, Sentences& said) {
  constexpr double kGrown = 100;
  std::vector<double> losses;
  for (const double loss : log.episodes["critic_loss"]) {
    if (std::isfinite(loss)) losses.push_back(loss);
  }
  const std::size_t tenth = losses.size() / 10;
  if (tenth == 0) return;
  const auto median = [](std::vector<double> part) {
    std::nth_element(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2), part.end());
    return part[part.size() / 2];
  };
  const double all = median(losses),
               last = median({losses.end() - static_cast<std::ptrdiff_t>(tenth), losses.end()});
  if (!(last > kGrown * all)) return;
  said.push_back(
      fmt::format("The critics' loss in the last tenth, {:.3g}, is {:.0f} times that of the whole run.", last,
                  last / all));
}

void about_returns(const RunLog& log, Sentences& said) {
  const std::vector<double>&mean = log.evaluations["mean"], &step = log.evaluations["step"];
  if (mean.size() < 4) return;
  const auto best = std::max_element(mean.begin(), mean.end());
  const double worst = *std::min_element(mean.begin(), mean.end()), last = mean.back();
  if (*best - last < 0.5 * (*best - worst) || *best == last) return;
  said.push_back(fmt::format(
      "The policy got worse: evaluations fell from {:.5g} at step {} to {:.5g}.", *best,
      grouped(static_cast<std::int64_t>(step[static_cast<std::size_t>(best - mean.begin())])), last));
}

void about_divergences(const RunLog& log, Sentences& said) {
  if (log.summary.is_null()) return;
  const std::int64_t divergences = log.summary.value("divergences", std::int64_t{0});
  if (divergences == 0) return;
  said.push_back(
      fmt::format("The simulation diverged {} times, which ended those episodes.", grouped(divergences)));
}

}  // namespace

std::vector<std::string> warnings(const RunLog& log) {
  const std::vector<Diagnosis> rows = settled(log);
  Sentences said;
  about_returns(log, said);
  about_q(rows, said);
  about_temperature(log, said);
  about_entropy(rows, said);
  about_actions(log, said);
  about_losses(log, said);
  about_divergences(log, said);
  return said;
}

}  // namespace saccade::rl
