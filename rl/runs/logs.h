// What a run has written as it went, read back: for reports and comparisons, of runs that still go on too.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "rl/runs/run_folder.h"
#include "rl/training/diagnosis.h"

namespace saccade::rl {

/// The columns of a CSV file.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;  // NaN where a row has nothing

  std::size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
  /// Empty where there is none of this name.
  const std::vector<double>& operator[](std::string_view name) const;
};

/// A run's table, with a "step" and the `needed` columns among others; without the last row if that was not
/// written to its end yet. Throws FormatError, naming file and line, where a column is missing, for what is
/// no number, for rows of other lengths, and for steps that are no whole numbers or go back.
Table read_table(const std::string& path, const std::vector<std::string>& needed = {});

/// A row of diagnostics.jsonl, after its first, which says what they are made of.
struct DiagnosisRow {
  std::int64_t step = 0;
  Diagnosis diagnosis;
};
nlohmann::ordered_json to_json(const DiagnosisRow& row);

struct RunLog {
  RunInfo info;
  Table episodes, evaluations;
  std::vector<DiagnosisRow> diagnoses;  // none in runs that began before there were any
  nlohmann::ordered_json summary;       // as Training::run() returns it; null before the run's end

  /// The last step that any of it speaks of; 0 if there is none yet.
  std::int64_t last_step() const;
};

/// Without the files that are not there, but for config.json and eval.csv. FormatError or ConfigError, naming
/// the file, where there is no run or one of its files is damaged.
RunLog read_run_log(const std::string& run);

}  // namespace saccade::rl
