#include "rl/runs/logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace saccade::rl {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestLog = std::int64_t{1} << 30;
constexpr std::size_t kMostColumns = 1000, kMostNorms = 100;

// Takes the next line off; false where none is whole.
bool next_line(std::string_view& text, std::string_view& line) {
  const std::size_t end = text.find('\n');
  if (end == text.npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

template <class F>
void for_each_cell(std::string_view line, const F& f) {
  for (std::size_t column = 0;; ++column) {
    const std::size_t comma = line.find(',');
    f(column, line.substr(0, comma));
    if (comma == line.npos) return;
    line.remove_prefix(comma + 1);
  }
}

Json number_or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(nullptr); }

std::optional<double> optional_number(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

Json rounded(const std::vector<double>& shares) {
  Json json = Json::array();
  for (const double share : shares) json.push_back(std::round(share * 1e4) / 1e4);
  return json;
}

DiagnosisRow row_from_json(const Json& json, const std::string& source) {
  DiagnosisRow row = {.step = count_of(json, "step", source), .diagnosis = {}};
  Diagnosis& d = row.diagnosis;
  d.steps = count_of(json, "episode_steps", source);
  d.ret = json.at("return");
  d.q = json.at("q");
  d.soft_return = json.at("soft_return");
  d.q_error = json.at("q_error");
  d.alpha = json.at("alpha");
  d.entropy = optional_number(json.at("entropy"));
  d.target_entropy = optional_number(json.at("target_entropy"));
  d.saturated = json.at("saturated");
  d.actions = json.at("actions").get<std::vector<double>>();
  d.pre_squash = json.at("pre_squash").get<std::vector<double>>();
  for (const auto& [name, norm] : json.at("gradient_norms").items())
    d.gradient_norms.emplace_back(name, norm);
  return row;
}

// One agent's rows, in order: their histograms have the same parts. Many names would take long to sort out.
void check_after(const DiagnosisRow& before, const DiagnosisRow& row, const std::string& source) {
  const Diagnosis &a = before.diagnosis, &b = row.diagnosis;
  if (row.step < before.step)
    throw FormatError(fmt::format("{}: step {} comes after step {}", source, row.step, before.step));
  if (b.actions.size() != a.actions.size() || b.pre_squash.size() != a.pre_squash.size()) {
    throw FormatError(fmt::format("{}: has histograms of {} and {} parts, expected {} and {} as before",
                                  source, b.actions.size(), b.pre_squash.size(), a.actions.size(),
                                  a.pre_squash.size()));
  }
}

std::vector<DiagnosisRow> read_diagnoses(const std::string& path) {
  const std::string text = read_file(path, kLargestLog);
  std::vector<DiagnosisRow> rows;
  std::set<std::string> norms;
  std::string_view rest = text, line;
  next_line(rest, line);  // says what the rows are made of
  for (std::size_t number = 2; next_line(rest, line); ++number) {
    const std::string source = fmt::format("{}: line {}", path, number);
    try {
      DiagnosisRow row = row_from_json(parse_json(line, source), source);
      check_after(rows.empty() ? row : rows.back(), row, source);
      for (const auto& [name, norm] : row.diagnosis.gradient_norms) norms.insert(name);
      if (norms.size() > kMostNorms)
        throw FormatError(fmt::format("{}: has gradient norms of more than {} names", source, kMostNorms));
      rows.push_back(std::move(row));
    } catch (const Json::exception& error) {
      throw FormatError(fmt::format("{}: is damaged: {}", source, error.what()));
    }
  }
  return rows;
}

// Whether it is what others rely on.
Json read_summary(const std::string& path) {
  Json summary = read_json(path);
  try {
    for (const char* key : {"steps", "episodes", "divergences"}) count_of(summary, key, path);
    if (const Json& evaluation = summary.at("final_evaluation"); !evaluation.is_null()) {
      count_of(evaluation, "episodes", path);
      for (const char* key : {"mean", "std", "min", "max"}) evaluation.at(key).get<double>();
    }
    for (const char* key : {"seconds", "steps_per_second"}) summary.at(key).get<double>();
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}: is damaged: {}", path, error.what()));
  }
  return summary;
}

// The cell as a number; NaN for an empty one.
double number_in(std::string_view cell, const std::string& source) {
  double value = std::numeric_limits<double>::quiet_NaN();
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (!cell.empty() && (error != std::errc() || end != cell.data() + cell.size()))
    throw FormatError(fmt::format("{}: \"{}\" is no number", source, printable(cell.substr(0, 40))));
  return value;
}

std::size_t column_of(const Table& table, const std::string& name, const std::string& path) {
  const auto found = std::find(table.names.begin(), table.names.end(), name);
  if (found == table.names.end()) throw FormatError(fmt::format("{}: has no column \"{}\"", path, name));
  return static_cast<std::size_t>(found - table.names.begin());
}

void check_step(const std::vector<double>& steps, const std::string& source) {
  constexpr double kMost = 9e15;
  const double step = steps.back(), before = steps.size() > 1 ? steps[steps.size() - 2] : 0;
  if (step >= before && step <= kMost && std::floor(step) == step) return;
  throw FormatError(
      fmt::format("{}: its step is {}, expected a whole number of at least {}", source, step, before));
}

}  // namespace

Json to_json(const DiagnosisRow& row) {
  const Diagnosis& d = row.diagnosis;
  Json norms = Json::object();
  for (const auto& [name, norm] : d.gradient_norms) norms[name] = norm;
  return {{"step", row.step},
          {"episode_steps", d.steps},
          {"return", d.ret},
          {"q", d.q},
          {"soft_return", d.soft_return},
          {"q_error", d.q_error},
          {"alpha", d.alpha},
          {"entropy", number_or_null(d.entropy)},
          {"target_entropy", number_or_null(d.target_entropy)},
          {"saturated", d.saturated},
          {"actions", rounded(d.actions)},
          {"pre_squash", rounded(d.pre_squash)},
          {"gradient_norms", norms}};
}

const std::vector<double>& Table::operator[](std::string_view name) const {
  static const std::vector<double> none;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return columns[i];
  }
  return none;
}

Table read_table(const std::string& path, const std::vector<std::string>& needed) {
  const std::string text = read_file(path, kLargestLog);
  std::string_view rest = text, line;
  Table table;
  if (!next_line(rest, line)) return table;
  if (std::count(line.begin(), line.end(), ',') >= static_cast<std::ptrdiff_t>(kMostColumns))
    throw FormatError(fmt::format("{}: has more than {} columns", path, kMostColumns));
  for_each_cell(line, [&](std::size_t, std::string_view name) { table.names.emplace_back(name); });
  table.columns.resize(table.names.size());
  for (const std::string& name : needed) column_of(table, name, path);
  const std::vector<double>& steps = table.columns[column_of(table, "step", path)];
  for (std::size_t number = 2; next_line(rest, line); ++number) {
    const std::string source = fmt::format("{}: line {}", path, number);
    std::size_t cells = 0;
    for_each_cell(line, [&](std::size_t column, std::string_view cell) {
      const double value = number_in(cell, source);
      if (column < table.columns.size()) table.columns[column].push_back(value);
      ++cells;
    });
    if (cells != table.names.size()) {
      throw FormatError(fmt::format("{}: has {} cells, expected {}", source, cells, table.names.size()));
    }
    check_step(steps, source);
  }
  return table;
}

std::int64_t RunLog::last_step() const {
  double last = diagnoses.empty() ? 0 : static_cast<double>(diagnoses.back().step);
  if (!summary.is_null()) last = std::max(last, summary.at("steps").get<double>());
  for (const Table* table : {&episodes, &evaluations}) {
    const std::vector<double>& steps = (*table)["step"];
    if (!steps.empty()) last = std::max(last, steps.back());
  }
  return static_cast<std::int64_t>(last);
}

RunLog read_run_log(const std::string& run) {
  RunLog log = {.info = read_run_info(run),
                .episodes = {},
                .evaluations = read_table(run_file(run, "eval.csv"), {"mean", "min", "max"}),
                .diagnoses = {},
                .summary = nullptr};
  if (const std::string path = run_file(run, "progress.csv"); std::filesystem::exists(path))
    log.episodes = read_table(path);
  if (const std::string path = run_file(run, "diagnostics.jsonl"); std::filesystem::exists(path))
    log.diagnoses = read_diagnoses(path);
  if (const std::string path = run_file(run, "summary.json"); std::filesystem::exists(path))
    log.summary = read_summary(path);
  return log;
}

}  // namespace saccade::rl
