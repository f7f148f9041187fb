// `saccade tabular --html`: what the page shows is what rl/tabular came to.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "envs/registry.h"
#include "rl/tabular/optimum.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tools/pages/assemble.h"
#include "tools/pages/tabular_page.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

envs::TransitionTable table_of(const std::string& id) { return *envs::make(id)->transitions(); }

// Of the alpha nearest to this one.
const Json& at(const Json& data, double alpha) {
  const Json& optima = data.at("optima");
  return *std::min_element(optima.begin(), optima.end(), [&](const Json& a, const Json& b) {
    return std::abs(a.at("alpha").get<double>() - alpha) < std::abs(b.at("alpha").get<double>() - alpha);
  });
}

void check_same(const Json& shown, const std::vector<double>& exact) {
  REQUIRE(shown.size() == exact.size());
  for (std::size_t i = 0; i < exact.size(); ++i)
    CHECK(shown[i].get<double>() == Approx(exact[i]).epsilon(1e-4).margin(1e-300));
}

}  // namespace

TEST_CASE("a grid world is one page, with hard and soft optima at a hundred temperatures", "[tabular]") {
  const TemporaryFolder folder;
  for (const std::string id : {"CliffWalking-v1", "FrozenLake-v1", "FrozenLake8x8-v1"}) {
    INFO(id);
    const Output output = run_command(folder, fmt::format("tabular {} --alpha 0.123 --html page.html", id));
    CHECK(output.err.empty());
    CHECK(output.exit_code == 0);
    CHECK_THAT(output.out, Contains("\nThe page: page.html\n"));
    const std::string page = read_file(folder.path("page.html"));
    check_page(page, "tabular");
    const Json data = page_data(page);
    CHECK(data.at("env") == id);
    CHECK(data.at("optima").size() == 1 + 97 + 1);
    CHECK(data.at("optima")[0].at("alpha") == 0);
    CHECK(at(data, 0.123).at("alpha") == 0.123);
    CHECK(data.at("walks") == (id == "CliffWalking-v1"));
    double before = -1;
    for (const Json& optimum : data.at("optima")) {
      CHECK(optimum.at("alpha") > before);
      before = optimum.at("alpha");
      CHECK(optimum.at("value") >= data.at("optima")[0].at("value"));    // entropy adds to it
      CHECK(optimum.at("reward") <= data.at("optima")[0].at("reward"));  // and costs reward
      CHECK(optimum.contains("route") == (id == "CliffWalking-v1"));
    }
  }
}

TEST_CASE("the page's numbers are those of rl/tabular", "[tabular]") {
  const envs::TransitionTable table = table_of("CliffWalking-v1");
  const Json data = pages::tabular_data("CliffWalking-v1", table, 0.9, {0.65});
  for (const double alpha : {0.0, 0.65}) {
    INFO("alpha " << alpha);
    const rl::Solution x = rl::value_iteration(table, 0.9, alpha);
    const Json& shown = at(data, alpha);
    check_same(shown.at("v"), x.v);
    check_same(shown.at("q"), x.q);
    check_same(shown.at("policy"), x.policy);
    CHECK(shown.at("route") == Json(rl::likeliest_route(table, x)));
    CHECK(shown.at("value").get<double>() == Approx(x.v[36]).epsilon(1e-4));
    CHECK(shown.at("entropy").get<double>() ==
          Approx(rl::mean_entropy(table, x, 0.9)).epsilon(1e-4).margin(1e-12));
    CHECK(shown.at("astray").get<double>() == Approx(rl::reward_astray(table, x, 0.9, 0.1)).epsilon(1e-4));
    // Of what is shown alone: V = max Q, or alpha log sum exp(Q / alpha), and pi = exp((Q - V) / alpha).
    for (std::size_t s = 0; s < 36; ++s) {
      std::vector<double> q(4);
      for (std::size_t a = 0; a < 4; ++a) q[a] = shown.at("q")[4 * s + a];
      CHECK(shown.at("v")[s].get<double>() == Approx(rl::soft_value(q, alpha)).epsilon(1e-4));
      double entropy = 0;
      for (std::size_t a = 0; a < 4; ++a) {
        const double p = shown.at("policy")[4 * s + a];
        entropy -= p > 0 ? p * std::log(p) : 0;
      }
      CHECK(shown.at("entropies")[s].get<double>() == Approx(entropy).epsilon(1e-3).margin(1e-4));
    }
  }
}

TEST_CASE("the page tells of the cliff: the risky way, the safe ones, and none", "[tabular]") {
  const Json data = pages::tabular_data("CliffWalking-v1", table_of("CliffWalking-v1"), 0.99, {});
  std::vector<std::size_t> lengths;  // without repetitions, in the order of alpha
  double risky = 0, safe = -1e9;
  for (const Json& optimum : data.at("optima")) {
    const std::size_t length = optimum.at("route").size() - 1;
    if (lengths.empty() || lengths.back() != length) lengths.push_back(length);
    if (length == 13) risky = optimum.at("astray");
    if (length == 15 || length == 17) safe = std::max(safe, optimum.at("astray").get<double>());
  }
  REQUIRE(lengths.size() >= 4);
  CHECK(std::vector<std::size_t>(lengths.begin(), lengths.begin() + 3) ==
        std::vector<std::size_t>{13, 15, 17});
  CHECK(data.at("optima").back().at("route").back() != 47);
  CHECK(risky == Approx(-42.31).epsilon(1e-3));
  CHECK(safe > -22);
}

TEST_CASE("an arrow's area is its probability, and colours go from the least to the most", "[tabular]") {
  if (!has_node()) return;
  const std::string page = pages::assemble(
      "tabular", pages::tabular_data("CliffWalking-v1", table_of("CliffWalking-v1"), 0.99, {}));
  const auto script = [&](const std::string& expression) {
    return page_script("tabular_board.js", page, expression);
  };
  // Twice the area of each direction's triangle at p, and where its tip is.
  const std::string area =
      "(d, p) => { const [a, b, c, e, f, g] = arrowPath(steps[d], "
      "p).match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);"
      " return Math.abs((c - a) * (g - b) - (f - a) * (e - b)); }";
  const Json areas =
      script("[...\"^>v<\"].map(d => [0.01, 0.25, 0.5, 1].map(p => (" + area + ")(d, p) / p))");
  for (const Json& direction : areas) {
    for (const Json& ratio : direction)
      CHECK(ratio.get<double>() == Approx(areas[0][0].get<double>()).epsilon(1e-9));
  }
  CHECK(script("arrowPath(steps[\">\"], 1)").get<std::string>().find("L4.4 0L") != std::string::npos);
  CHECK(script("arrowPath(steps[\"^\"], 1)").get<std::string>().find("L0 -4.4L") != std::string::npos);
  const Json levels = script("levelsOf(data.optima[0].v)");
  CHECK(levels.at("high") == -1);
  CHECK(levels.at("levels")[35] == 1);
  CHECK(levels.at("levels")[0].get<double>() < 0.1);
  CHECK(script("[36, 47, 37, 13].map(nameOfCell)") ==
        Json({"Row 4, column 1, start", "Row 4, column 12, goal", "Row 4, column 2, cliff",
              "Row 2, column 2"}));
  CHECK(script("[acts(36), acts(47), acts(37), policyOf(data.optima[0], 36)]") ==
        Json({true, false, false, Json({1.0, 0.0, 0.0, 0.0})}));
}

TEST_CASE("what --html cannot draw is one line, and changes nothing", "[tabular]") {
  const TemporaryFolder folder;
  write_file(folder.path("thesis.html"), "<title>mine</title>");
  const auto before = snapshot(folder.path());
  const auto refuses = [&](const std::string& arguments, const std::string& what) {
    INFO(arguments);
    const Output output = run_command(folder, "tabular " + arguments);
    CHECK(output.exit_code > 0);
    CHECK(output.out.empty());
    CHECK_THAT(output.err, Contains(what));
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') <= 2);
  };
  refuses("taxi --html page.html", "its states lie in 20 grids");
  refuses("frozenlake --html thesis.html", "--force replaces it");
  refuses("frozenlake --html no/page.html", "no/page.html");
  refuses("pendulum --html page.html", "no table");
  CHECK((snapshot(folder.path()) == before));

  envs::TransitionTable table = table_of("CliffWalking-v1");
  CHECK_NOTHROW(pages::check_drawable("Mine-v0", table));
  table.grid.arrows = "NESW";
  CHECK_THROWS_WITH(pages::check_drawable("Mine-v0", table), Contains("Mine-v0") && Contains("\"NESW\""));
  table.grid = {};
  CHECK_THROWS_WITH(pages::check_drawable("Mine-v0", table), Contains("Mine-v0") && Contains("no grid"));
  envs::TransitionTable wide{.states = 151, .actions = 4, .grid = {{std::string(151, '.')}, "^>v<"}};
  CHECK_THROWS_WITH(pages::check_drawable("Mine-v0", wide),
                    Contains("151 states") && Contains("at most 150"));
}
