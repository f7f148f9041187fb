#include "rl/runs/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace saccade::rl {

namespace {

template <class F>
double mean_of(const std::vector<Diagnosis>& rows, const F& value) {
  double sum = 0;
  for (const Diagnosis& row : rows) sum += value(row);
  return sum / static_cast<double>(rows.size());
}

using Sentences = std::vector<std::string>;

void about_temperature(const RunLog& log, Sentences& said) {
  constexpr double kCollapsed = 1e-4, kRanAway = 100;
  std::vector<double> alpha, step;
  for (std::size_t i = 0; i < log.episodes["alpha"].size(); ++i) {
    if (!std::isfinite(log.episodes["alpha"][i])) continue;
    alpha.push_back(log.episodes["alpha"][i]);
    step.push_back(log.episodes["step"][i]);
  }
  const auto is_odd = [](double a) { return a < kCollapsed || a > kRanAway; };
  const auto odd = std::find_if(alpha.begin(), alpha.end(), is_odd);
  // One that never changes was set, not learned.
  if (odd == alpha.end() || std::all_of(alpha.begin(), alpha.end(), [&](double a) { return a == alpha[0]; }))
    return;
  const bool low = *odd < kCollapsed;
  std::string after = fmt::format("It came to {:.2g} in the end.", alpha.back());
  if (is_odd(alpha.back())) {
    after = low ? "Entropy counts for nothing from there on." : "Next to entropy, rewards count for little.";
  }
  const double at = step[static_cast<std::size_t>(odd - alpha.begin())];
  said.push_back(fmt::format("The temperature {} at step {}: it was {:.2g}. {}",
                             low ? "collapsed" : "ran away", grouped(static_cast<std::int64_t>(at)), *odd,
                             after));
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
  const double off = q - g;
  if (std::abs(off) < 0.5 * std::max(std::abs(g), 1.0)) return;
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

// A fall of half of what was ever gained, and more than chance makes of evaluations of so many episodes.
void about_returns(const RunLog& log, Sentences& said) {
  struct Evaluated {
    double step, mean, error;
  };
  std::vector<Evaluated> all;
  const Table& e = log.evaluations;
  for (std::size_t i = 0; i < e.rows(); ++i) {
    if (e["step"][i] <= static_cast<double>(log.info.config.off_policy.learning_starts)) continue;
    const double std = i < e["std"].size() ? e["std"][i] : 0,
                 n = i < e["episodes"].size() ? e["episodes"][i] : 1;
    all.push_back({e["step"][i], e["mean"][i], std / std::sqrt(std::max(n, 1.0))});
  }
  if (all.size() < 4) return;
  const auto by_mean = [](const Evaluated& a, const Evaluated& b) { return a.mean < b.mean; };
  const auto [worst, best] = std::minmax_element(all.begin(), all.end(), by_mean);
  const Evaluated& last = all.back();
  const double fall = best->mean - last.mean, chance = 4 * std::hypot(best->error, last.error);
  if (!(fall >= 0.5 * (best->mean - worst->mean) && fall > chance)) return;
  said.push_back(fmt::format("The policy got worse: evaluations fell from {:.5g} at step {} to {:.5g}.",
                             best->mean, grouped(static_cast<std::int64_t>(best->step)), last.mean));
}

void about_divergences(const RunLog& log, Sentences& said) {
  if (log.summary.is_null()) return;
  const std::int64_t divergences = log.summary.value("divergences", std::int64_t{0});
  if (divergences == 0) return;
  said.push_back(
      fmt::format("The simulation diverged {} times, which ended those episodes.", grouped(divergences)));
}

}  // namespace

std::vector<Diagnosis> later_half(const RunLog& log) {
  std::vector<Diagnosis> rows;
  for (const DiagnosisRow& row : log.diagnoses) {
    if (row.step > log.info.config.off_policy.learning_starts) rows.push_back(row.diagnosis);
  }
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2));
  return rows;
}

std::vector<std::string> warnings(const RunLog& log) {
  // While a run has only begun, its later half is no more than a moment.
  constexpr std::size_t kFew = 3;
  std::vector<Diagnosis> rows = later_half(log);
  if (log.summary.is_null() && rows.size() < kFew) rows.clear();
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
