// saccade report: what one run's agent did, or several runs beside each other.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rl/runs/logs.h"
#include "tools/pages/recording.h"

namespace saccade::pages {

struct ReportedRun {
  std::string name;  // the folder, as it was given
  rl::RunLog log;
};

/// Episodes to watch: the best, the median and the worst of those that an evaluation had.
struct ReportedEpisodes {
  Recording recording;
  std::vector<std::string> captions;  // one an episode
  std::string about;                  // whose they are, as a sentence
};

/// The page is made from
///
///     steps    the grid that all curves are on
///     runs     {name, env, algorithm, facts, settings, warnings, curves: {NAME: values on the grid},
///              histograms: {steps, actions, pre_squash}}
///
/// and, where there are episodes, a recording as recording.h has it, with captions. Curves of rows that
/// lie between two points of the grid are their means; where there is no row they go straight to the next.
nlohmann::ordered_json to_json(const std::vector<ReportedRun>& runs,
                               const std::optional<ReportedEpisodes>& episodes);

/// Replaces the file at once, without the last episodes where it would have more than so many bytes: those of
/// many bodies are long. Throws FormatError if it cannot be written.
void write_report(const std::string& path, const std::vector<ReportedRun>& runs,
                  const std::optional<ReportedEpisodes>& episodes, std::size_t most_bytes = 1'900'000);

/// The page as a server has it that keeps it up to date: it listens to events ("progress", with a JSON object
/// of Progress's numbers, and "report") and asks for report.json, which is to_json() of then.
std::string live_report(const nlohmann::ordered_json& data);

/// Of these episodes the best, the median and the worst, as indices; fewer where there are fewer.
std::vector<std::size_t> best_median_worst(const std::vector<double>& returns);

}  // namespace saccade::pages
