#include "tools/cli/mutation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/gradcheck/mutation.h"
#include "tools/gradcheck/rows.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;
using suite::Mutant;

struct Tally {
  std::string name;
  int made = 0, killed = 0, equivalent = 0;

  int survived() const { return made - killed - equivalent; }
  void count(const Mutant& mutant) {
    ++made;
    killed += mutant.killed ? 1 : 0;
    equivalent += !mutant.killed && mutant.equivalent ? 1 : 0;
  }
};

bool survived(const Mutant& mutant) { return !mutant.killed && !mutant.equivalent; }

std::string label(const Mutant& mutant) {
  return fmt::format("{}, input {}, {}", mutant.op, mutant.edge, mutant.kind);
}

// One for each name that occurs, in order of first occurrence.
template <class F>
std::vector<Tally> tally(const std::vector<Mutant>& mutants, const F& name) {
  std::vector<Tally> all;
  for (const Mutant& mutant : mutants) {
    auto at = std::find_if(all.begin(), all.end(), [&](const Tally& t) { return t.name == name(mutant); });
    if (at == all.end()) at = all.insert(at, Tally{name(mutant)});
    at->count(mutant);
  }
  return all;
}

std::vector<Tally> by_op(const std::vector<Mutant>& mutants) {
  return tally(mutants, [](const Mutant& mutant) { return mutant.op; });
}

std::vector<Tally> by_kind(const std::vector<Mutant>& mutants) {
  return tally(mutants, [](const Mutant& mutant) { return mutant.kind; });
}

void print_table(const char* heading, const std::vector<Tally>& tallies) {
  out("{:<34} {:>6} {:>8} {:>11}\n", heading, "made", "killed", "equivalent");
  for (const Tally& t : tallies) {
    out("  {:<32} {:>6} {:>8} {:>11}  {}\n", t.name, t.made, t.killed, t.equivalent,
        t.survived() == 0 ? "ok" : fmt::format("{} SURVIVED", t.survived()));
  }
  out("\n");
}

template <class F>
void print_list(const char* heading, const std::vector<Mutant>& mutants, const F& listed) {
  if (std::none_of(mutants.begin(), mutants.end(), listed)) return;
  out("\n{}\n", heading);
  for (const Mutant& mutant : mutants) {
    if (!listed(mutant)) continue;
    const std::string text = fmt::format("{}: {}", label(mutant), mutant.killer);
    bool first = true;
    for (const std::string& line : wrap(text, kColumns - 4)) {
      out("{}{}\n", first ? "  " : "    ", line);
      first = false;
    }
  }
}

void print(const std::vector<Mutant>& mutants, const Tally& total, double seconds) {
  out("Every gradient of every op, broken on purpose; some check must fail\n\n");
  print_table("ops", by_op(mutants));
  print_table("ways to break it", by_kind(mutants));
  out("made {}, killed {}, equivalent {}, survived {}, in {:.1f} s\n", total.made, total.killed,
      total.equivalent, total.survived(), seconds);
  print_list("Equivalent: these change no number in any check.", mutants,
             [](const Mutant& mutant) { return !mutant.killed && mutant.equivalent; });
  print_list("SURVIVED: these are wrong, and no check noticed.", mutants, survived);
}

Json to_json(const Tally& t) {
  return {{"name", t.name},
          {"made", t.made},
          {"killed", t.killed},
          {"equivalent", t.equivalent},
          {"survived", t.survived()}};
}

Json to_json(const std::vector<Tally>& tallies) {
  Json list = Json::array();
  for (const Tally& t : tallies) list.push_back(to_json(t));
  return list;
}

Json to_json(const std::vector<Mutant>& mutants, const Tally& total, double seconds) {
  Json json = to_json(total);
  json.erase("name");
  json["passed"] = total.survived() == 0;
  json["seconds"] = seconds;
  json["ops"] = to_json(by_op(mutants));
  json["kinds"] = to_json(by_kind(mutants));
  json["mutants"] = Json::array();
  for (const Mutant& mutant : mutants) {
    json["mutants"].push_back({{"op", mutant.op},
                               {"input", mutant.edge},
                               {"kind", mutant.kind},
                               {"verdict", mutant.killed       ? "killed"
                                           : mutant.equivalent ? "equivalent"
                                                               : "survived"},
                               {mutant.killed ? "killer" : "reason", mutant.killer}});
  }
  return json;
}

}  // namespace

int run_mutation(const std::string& pattern, bool json) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  std::vector<Mutant> mutants = suite::mutate(suite::op_checks());
  std::erase_if(mutants,
                [&](const Mutant& mutant) { return !suite::matches("ops/" + mutant.op + ' ', pattern); });
  if (mutants.empty()) {
    throw ConfigError(
        fmt::format("--filter: no recorded op matches '{}'; expected part of a name, such as matmul or tanh "
                    "(of a composition such as gelu, its parts)",
                    pattern));
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  Tally total;
  for (const Mutant& mutant : mutants) total.count(mutant);
  if (json) {
    out_json(to_json(mutants, total, seconds));
  } else {
    print(mutants, total, seconds);
  }
  return total.survived() == 0 ? 0 : 1;
}

}  // namespace saccade::cli
