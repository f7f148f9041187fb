#include "tools/pages/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/files.h"
#include "base/text.h"
#include "rl/runs/build_info.h"
#include "rl/runs/training.h"
#include "rl/runs/warnings.h"
#include "tools/pages/assemble.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;
using rl::Diagnosis;
using rl::DiagnosisRow;

constexpr double kGridPoints = 400;
constexpr std::size_t kHistogramColumns = 100;

// A round number of steps apart: 1, 2, 5, 10, 20, ...
std::vector<double> make_grid(double last) {
  double apart = 1;
  for (int i = 0; last / apart > kGridPoints; ++i) apart *= i % 3 == 1 ? 2.5 : 2;
  std::vector<double> grid;
  for (double step = 0; step < last; step += apart) grid.push_back(step);
  grid.push_back(last);
  return grid;
}

struct Series {
  std::vector<double> steps, values;
};

// The series on the grid: at each point the mean of its rows since the one before, or, between rows, on the
// straight line from one mean to the next; null before the first and after the last.
Json on_grid(const Series& series, const std::vector<double>& grid) {
  std::vector<double> sums(grid.size()), counts(grid.size());
  for (std::size_t i = 0; i < series.steps.size(); ++i) {
    if (!std::isfinite(series.values[i])) continue;
    const auto at = std::lower_bound(grid.begin(), grid.end(), series.steps[i]);
    if (at == grid.end()) continue;
    sums[static_cast<std::size_t>(at - grid.begin())] += series.values[i];
    counts[static_cast<std::size_t>(at - grid.begin())] += 1;
  }
  Json values = Json::array();
  std::optional<std::size_t> before;
  for (std::size_t i = 0; i < grid.size(); ++i) {
    if (counts[i] == 0) {
      values.push_back(nullptr);
      continue;
    }
    const double here = sums[i] / counts[i];
    for (std::size_t k = before.value_or(i) + 1; k < i; ++k) {
      const double there = sums[*before] / counts[*before];
      const double share = (grid[k] - grid[*before]) / (grid[i] - grid[*before]);
      values[k] = shortened(there + share * (here - there));
    }
    values.push_back(shortened(here));
    before = i;
  }
  return values;
}

template <class F>
Series of_diagnoses(const rl::RunLog& log, const F& value) {
  Series series;
  for (const DiagnosisRow& row : log.diagnoses) {
    const std::optional<double> number = value(row.diagnosis);
    if (!number) continue;
    series.steps.push_back(static_cast<double>(row.step));
    series.values.push_back(*number);
  }
  return series;
}

std::optional<double> norm_of(const Diagnosis& d, const std::string& name) {
  for (const auto& [of, norm] : d.gradient_norms) {
    if (of == name) return norm;
  }
  return std::nullopt;
}

Json curves_of(const rl::RunLog& log, const std::vector<double>& grid) {
  Json curves = Json::object();
  const auto add = [&](const std::string& name, const Series& series) {
    // A loss or temperature that is 0 throughout is none: that of a temperature which is not learned.
    const bool may_be_none = name.ends_with("_loss") || name == "alpha";
    const bool is_something = std::any_of(series.values.begin(), series.values.end(),
                                          [](double x) { return std::isfinite(x) && x != 0; });
    if (!series.steps.empty() && (is_something || !may_be_none)) curves[name] = on_grid(series, grid);
  };
  const rl::Table& episodes = log.episodes;
  const std::vector<double>& steps = episodes["step"];
  for (std::size_t i = 0; i < episodes.names.size(); ++i) {
    static const std::vector<std::string> no_curves = {"step", "episode", "updates", "terminated", "seconds"};
    const std::string& name = episodes.names[i];
    if (std::count(no_curves.begin(), no_curves.end(), name) > 0) continue;
    add(name, {steps, episodes.columns[i]});
  }
  const rl::Table& evaluations = log.evaluations;
  for (const char* name : {"mean", "min", "max"}) {
    add(fmt::format("evaluation_{}", name), {evaluations["step"], evaluations[name]});
  }
  add("policy_entropy", of_diagnoses(log, [](const Diagnosis& d) { return d.entropy; }));
  add("target_entropy", of_diagnoses(log, [](const Diagnosis& d) { return d.target_entropy; }));
  const auto number = [](double Diagnosis::*member) {
    return [member](const Diagnosis& d) { return std::optional(d.*member); };
  };
  if (episodes["alpha"].empty())
    add("alpha", of_diagnoses(log, number(&Diagnosis::alpha)));  // one that is fixed
  add("expected", of_diagnoses(log, number(&Diagnosis::q)));
  add("soft_return", of_diagnoses(log, number(&Diagnosis::soft_return)));
  add("q_error", of_diagnoses(log, number(&Diagnosis::q_error)));
  std::vector<std::string> learners;
  for (const DiagnosisRow& row : log.diagnoses) {
    for (const auto& [name, norm] : row.diagnosis.gradient_norms) {
      if (std::count(learners.begin(), learners.end(), name) == 0) learners.push_back(name);
    }
  }
  for (const std::string& name : learners) {
    add("gradient_" + name, of_diagnoses(log, [&](const Diagnosis& d) { return norm_of(d, name); }));
  }
  return curves;
}

// No more columns than there is room for: of many rows every second, third ... one.
Json histograms_of(const rl::RunLog& log) {
  Json steps = Json::array(), actions = Json::array(), pre_squash = Json::array();
  const std::size_t every = (log.diagnoses.size() + kHistogramColumns - 1) / kHistogramColumns;
  for (std::size_t i = 0; i < log.diagnoses.size(); i += every) {
    const auto& [step, d] = log.diagnoses[i];
    steps.push_back(step);
    actions.push_back(d.actions);
    if (!d.pre_squash.empty()) pre_squash.push_back(d.pre_squash);
  }
  return {
      {"steps", steps}, {"actions", actions}, {"pre_squash", pre_squash}, {"limit", Diagnosis::kPreSquash}};
}

Json settings_of(const rl::Config& config) {
  const Json now = to_json(config), usual = to_json(rl::Config(config.algorithm().name));
  Json settings = Json::array();
  for (const auto& [key, value] : now.items()) {
    if (key == "algorithm") continue;
    const rl::Config::Place place = rl::Config(config).find(key);
    settings.push_back({{"key", key},
                        {"value", value},
                        {"default", usual.at(key)},
                        {"meaning", place.key == nullptr ? "" : place.key->meaning}});
  }
  return settings;
}

Json last_of(const std::vector<double>& values) {
  return values.empty() ? Json(nullptr) : Json(values.back());
}

Json facts_of(const rl::RunLog& log) {
  const rl::Table& evaluations = log.evaluations;
  const std::vector<double>& means = evaluations["mean"];
  const Json& summary = log.summary;
  std::vector<double> all = means, steps = evaluations["step"];
  if (!summary.is_null() && !summary.at("final_evaluation").is_null()) {
    all.push_back(summary.at("final_evaluation").at("mean"));
    steps.push_back(summary.at("steps"));
  }
  const auto best = std::max_element(all.begin(), all.end());
  Json facts = {{"steps", log.last_step()},
                {"planned_steps", rl::last_step(log.info.config.run)},
                {"episodes", summary.is_null() ? Json(log.episodes.rows()) : summary.at("episodes")},
                {"seconds", summary.is_null() ? last_of(log.episodes["seconds"]) : summary.at("seconds")},
                {"steps_per_second", summary.is_null() ? last_of(log.episodes["steps_per_second"])
                                                       : summary.at("steps_per_second")},
                {"last_evaluation", last_of(means)},
                {"best_evaluation", best == all.end() ? Json(nullptr) : Json(*best)},
                {"best_step", best == all.end() ? Json(nullptr)
                                                : Json(steps[static_cast<std::size_t>(best - all.begin())])}};
  if (!log.summary.is_null()) facts["summary"] = log.summary;
  return facts;
}

}  // namespace

std::vector<std::size_t> best_median_worst(const std::vector<double>& returns) {
  std::vector<std::size_t> order(returns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return returns[a] > returns[b]; });
  if (order.size() < 3) return order;
  return {order.front(), order[order.size() / 2], order.back()};
}

Json to_json(const std::vector<ReportedRun>& runs, const std::optional<ReportedEpisodes>& episodes) {
  std::int64_t last = 1;
  for (const ReportedRun& run : runs) last = std::max(last, run.log.last_step());
  const std::vector<double> grid = make_grid(static_cast<double>(last));
  Json json = {{"date", utc_now()}, {"build", rl::build_info()}, {"steps", grid}};
  for (const ReportedRun& run : runs) {
    const rl::Config& config = run.log.info.config;
    json["runs"].push_back({{"name", run.name},
                            {"env", config.run.env},
                            {"algorithm", config.algorithm().name},
                            {"title", config.algorithm().title},
                            {"preset", run.log.info.preset},
                            {"seed", config.run.seed},
                            {"threshold", nullptr},
                            {"facts", facts_of(run.log)},
                            {"settings", settings_of(config)},
                            {"warnings", rl::warnings(run.log)},
                            {"curves", curves_of(run.log, grid)},
                            {"histograms", histograms_of(run.log)}});
    if (const auto threshold = rl::make_env(config.run.env)->spec().reward_threshold) {
      json["runs"].back()["threshold"] = *threshold;
    }
  }
  if (episodes) {
    json.update(to_json(episodes->recording));
    json["captions"] = episodes->captions;
    json["about_episodes"] = episodes->about;
  }
  return json;
}

std::string live_report(const Json& data) {
  std::string page = assemble("report", data);
  const auto put = [&](const std::string& at, const std::string& before) {
    page.insert(page.find(at), before);
  };
  put("\">\n<title>", "; connect-src 'self'");
  put("</body>", fmt::format("<script>\n{}</script>\n", web_file("report_live.js")));
  return page;
}

void write_report(const std::string& path, const std::vector<ReportedRun>& runs,
                  const std::optional<ReportedEpisodes>& episodes, std::size_t most_bytes) {
  std::optional<ReportedEpisodes> shown = episodes;
  std::string page = assemble("report", to_json(runs, shown));
  while (page.size() > most_bytes && shown && shown->captions.size() > 1) {
    shown->recording.episodes.pop_back();
    shown->captions.pop_back();
    shown->about =
        fmt::format("{}; there is room for the first {} here", episodes->about, shown->captions.size());
    page = assemble("report", to_json(runs, shown));
  }
  write_file(path, page);
}

}  // namespace saccade::pages
