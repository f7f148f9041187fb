// `saccade entropy --html`: its numbers are right, and its script comes to the same ones.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tests/support/reference_data.h"
#include "tools/pages/assemble.h"
#include "tools/pages/squash_page.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

const std::string& page() {
  static const std::string text = pages::assemble("squash", pages::squash_data(0));
  return text;
}

Json script(const std::string& expression) { return page_script("squash_math.js", page(), expression); }

long double exact_log_slope(long double u) {
  const long double size = std::abs(u);
  return 2 * (std::numbers::ln2_v<long double> - size - std::log1p(std::exp(-2 * size)));
}

long double exact_log_normal(long double u, long double mean, long double log_std) {
  const long double z = (u - mean) * std::exp(-log_std);
  return -(z * z + std::log(2 * std::numbers::pi_v<long double>)) / 2 - log_std;
}

// P(tanh(u) < a)
double share_below(double a, double mean, double std) {
  return std::erfc(-(std::atanh(a) - mean) / std / std::numbers::sqrt2) / 2;
}

}  // namespace

TEST_CASE("the squash is one page, which begins at the mean that is asked for", "[squash]") {
  const TemporaryFolder folder;
  const Output output = run_command(folder, "entropy --mean 1.5 --html squash.html");
  CHECK(output.err.empty());
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("<- the most that any sigma gives") && Contains("The page: squash.html\n"));
  const std::string text = read_file(folder.path("squash.html"));
  check_page(text, "squash");
  CHECK(page_data(text).at("mean") == 1.5);
  CHECK(run_command(folder, "entropy --html squash.html").exit_code == 0);  // over a page of its own

  write_file(folder.path("thesis.html"), "<title>mine</title>");
  const auto before = snapshot(folder.path());
  for (const char* path : {"thesis.html", "no/folder.html", "."}) {
    const Output refused = run_command(folder, fmt::format("entropy --html {}", path));
    INFO(refused.err);
    CHECK(refused.exit_code > 0);
    CHECK(refused.out.empty());
    CHECK_THAT(refused.err, Contains(path));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') <= 2);
  }
  CHECK((snapshot(folder.path()) == before));
  CHECK(run_command(folder, "entropy --html thesis.html --force").exit_code == 0);
}

TEST_CASE("the numbers that the squash brings along are exact", "[squash]") {
  const Json data = pages::squash_data(0);
  std::size_t points = 0;
  for (const Json& at : data.at("check").at("grid")) {
    const double mean = at.at("mean"), log_std = at.at("log_std");
    INFO(fmt::format("mean {}, log std {}", mean, log_std));
    for (std::size_t i = 0; i < at.at("u").size(); ++i, ++points) {
      const double u = at.at("u")[i];
      const long double log_normal = exact_log_normal(u, mean, log_std);
      CHECK(at.at("log_normal")[i].get<double>() == Approx(double(log_normal)).epsilon(1e-13).margin(1e-13));
      CHECK(at.at("log_pi")[i].get<double>() ==
            Approx(double(log_normal - exact_log_slope(u))).epsilon(1e-13).margin(1e-13));
    }
    // A Riemann sum of another step over u itself.
    long double sum = 0;
    const long double std = std::exp(log_std), step = std / 400;
    for (long double u = mean - 10 * std; u < mean + 10 * std; u += step)
      sum += step * std::exp(exact_log_normal(u, mean, log_std) + exact_log_slope(u));
    CHECK(at.at("mean_slope").get<double>() == Approx(double(sum)).epsilon(1e-10));
  }
  CHECK(points == 36 * 12);
}

TEST_CASE("tanh 5 beside tanh 6: what f32 has of them", "[squash]") {
  const Json rows = page_data(page()).at("saturation");  // where infinity has become null
  REQUIRE(rows.size() == 25);
  for (const Json& row : rows) {
    const double u = row.at("u");
    INFO("u = " << u);
    const Json &exact = row.at("exact"), &f32 = row.at("f32");
    const float a = f32.at("a");
    CHECK(exact.at("a").get<double>() == Approx(std::tanh(u)).epsilon(1e-15));
    CHECK(exact.at("below_one").get<double>() == Approx(2 / (std::exp(2 * u) + 1)).epsilon(1e-14));
    CHECK(std::abs(a - std::tanh(u)) <= 1.2e-7);
    CHECK(f32.at("slope").get<double>() == double(1.0F - a * a));
    // Counted one by one where they are few.
    if (u >= 5) {
      int count = 0;
      for (float x = a; x < 1; x = std::nextafter(x, 2.0F)) ++count;
      CHECK(f32.at("floats_up_to_one") == count);
    }
    const double log_pi = exact.at("log_pi");
    CHECK(log_pi == Approx(double(exact_log_normal(0, 0, 0) - exact_log_slope(u))).epsilon(1e-14));
    CHECK(f32.at("stable").get<double>() == Approx(log_pi).epsilon(2e-7));
    CHECK(f32.at("u_again").is_null() == (u > 9.01));
    CHECK(f32.at("naive").is_null() == (u > 9.01));
    const double slope = exact.at("slope");
    CHECK(f32.at("eps1e6").get<double>() ==
          Approx(double(exact_log_normal(0, 0, 0)) - std::log(slope + 1e-6)).margin(0.1));
  }
  CHECK(rows[10].at("f32").at("floats_up_to_one") == 1523);
  CHECK(rows[12].at("f32").at("floats_up_to_one") == 206);
  CHECK(rows[16].at("exact").at("log_pi").get<double>() - rows[16].at("f32").at("eps1e6").get<double>() > 1);
}

TEST_CASE("the script of the squash computes what the engine does", "[squash]") {
  if (!has_node()) return;
  const Json held = script("agreement(data.check)");
  CHECK(held.at("numbers") == 36 * (2 * 12 + 2) + 6);
  CHECK(held.at("worst") < 1e-13);
  CHECK(held.at("area") < 2e-5);
  // It would be noticed, and the page would say so.
  for (const char* number : {"entropy", "normal_entropy"}) {
    CHECK(script(fmt::format("(data.check.grid[7].{0} += 1e-9, agreement(data.check).worst)", number)) >
          1e-10);
  }
  for (const char* number : {"log_pi", "log_normal"}) {
    CHECK(script(fmt::format("(data.check.grid[9].{0}[3] += 1e-7, agreement(data.check).worst)", number)) >
          1e-10);
  }
  CHECK(script("(data.check.grid[3].mean_slope += 1e-3, agreement(data.check).area)") > 1e-4);
  CHECK(script("(data.check.grid[3].log_pi[0] = NaN, agreement(data.check).worst)") == "NaN");
  const Json data = pages::squash_data(0);
  for (const Json& peak : data.at("check").at("peaks")) {
    const double mean = peak.at("mean");
    INFO("mean " << mean);
    CHECK(script(fmt::format("mostRandomStd({})", mean)).get<double>() ==
          Approx(peak.at("std").get<double>()).epsilon(1e-5));
  }
}

TEST_CASE("the script's areas, entropies and densities beside numbers of 40 digits", "[squash]") {
  if (!has_node()) return;
  const nlohmann::json file = tests::reference("entropy.json");
  std::size_t compared = 0;
  std::string expression = "[";
  std::vector<double> entropies, densities;
  for (const nlohmann::json& c : file.at("squashed_gaussian")) {
    expression += fmt::format("squashedEntropy({}, Math.exp({})),", c.at("mean").get<double>(),
                              c.at("log_std").get<double>());
    entropies.push_back(c.at("nats"));
  }
  const Json ours = script(expression + "]");
  for (std::size_t i = 0; i < entropies.size(); ++i, ++compared)
    CHECK(ours[i].get<double>() == Approx(entropies[i]).epsilon(1e-12).margin(1e-12));
  expression = "[";
  for (const nlohmann::json& c : file.at("squashed_density")) {
    const std::vector<double> actions = tests::numbers(c.at("a").at("data")),
                              log_p = tests::numbers(c.at("log_p").at("data"));
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (std::abs(actions[i]) > 0.999) continue;  // a alone does not say u well
      expression += fmt::format("logPi({}, {}, {}),", std::atanh(actions[i]), tests::number(c.at("mean")),
                                tests::number(c.at("log_std")));
      densities.push_back(log_p[i]);
    }
  }
  const Json logs = script(expression + "]");
  for (std::size_t i = 0; i < densities.size(); ++i, ++compared)
    CHECK(logs[i].get<double>() == Approx(densities[i]).epsilon(1e-11).margin(1e-11));
  CHECK(compared > 60);

  // All over the sliders, not only on the grid: one area is 1, the other never is.
  const Json areas =
      script("[-3, -0.65, 0, 1.4, 3].flatMap(m => [-3, -2.2, -0.1, 0.85, 1.6, 2].map(s => areas(m, s)))");
  CHECK(areas.size() == 30);
  for (const Json& area : areas) {
    CHECK(std::abs(area.at("pi").get<double>() - 1) < 2e-5);
    CHECK(area.at("bare") < 0.998);
  }
}

TEST_CASE("the script's draws fall where they should", "[squash]") {
  if (!has_node()) return;
  constexpr int draws = 40'000;
  constexpr std::size_t parts = 50;
  for (const auto& [mean, log_std] : {std::pair(0.0, 0.0), std::pair(1.0, -0.7), std::pair(-0.5, 1.5)}) {
    INFO(fmt::format("mean {}, log std {}", mean, log_std));
    const std::vector<double> counts =
        script(fmt::format("(() => {{ const next = makeNormals(1), bins = new Array({2}).fill(0);"
                           " for (let i = 0; i < {3}; ++i)"
                           "   ++bins[partOf(Math.tanh({0} + Math.exp({1}) * next()), {2})];"
                           " return bins; }})()",
                           mean, log_std, parts, draws));
    const double std = std::exp(log_std);
    double chi2 = 0;
    int cells = 0;
    for (std::size_t i = 0; i < parts; ++i) {
      const auto edge = [](std::size_t n) { return -1 + 2 * static_cast<double>(n) / parts; };
      const double p = share_below(edge(i + 1), mean, std) - share_below(edge(i), mean, std);
      if (p * draws < 5) continue;
      chi2 += std::pow(counts[i] - p * draws, 2) / (p * draws);
      ++cells;
    }
    CHECK(cells > 20);
    CHECK(std::abs(chi2 - cells) < 5 * std::sqrt(2.0 * cells));
  }
  CHECK(script("[-1, 1, -0.9999999, 0].map(a => partOf(a, 50))") == Json({0, 49, 0, 25}));
}
