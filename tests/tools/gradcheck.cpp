// `saccade gradcheck`: dtypes, mutants and the page.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "autograd/ops.h"
#include "autograd/record.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tools/gradcheck/log_prob_errors.h"
#include "tools/gradcheck/mutation.h"
#include "tools/gradcheck/rows.h"
#include "tools/gradcheck/suite.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

std::set<std::string> op_names() {
  std::set<std::string> names;
  for (const suite::Check& check : suite::op_checks()) names.insert(check.name);
  return names;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0, start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    widest = std::max(widest, end - start);
    start = end + 1;
  }
  return widest;
}

}  // namespace

TEST_CASE("every op and quantity of the suite has a formula", "[gradcheck_command]") {
  std::map<std::string, std::set<std::string>> formulas;
  for (const suite::Check& check : suite::all_checks())
    formulas[check.group + "/" + check.name].insert(check.formula);
  for (auto& [name, found] : formulas) {
    found.erase("");
    INFO(name << ": its row has no formula, or there are several");
    CHECK(found.size() == 1);
  }
  CHECK(formulas.at("ops/tanh") == std::set<std::string>{"y = tanh x;  dx = g (1 - y^2)"});
}

TEST_CASE("gradcheck --html writes one page with every op that loads nothing else",
          "[gradcheck_command][slow]") {
  const TemporaryFolder folder;
  const Output output = run_command(folder, "gradcheck --html page.html");
  INFO(output.err);
  REQUIRE(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("page.html") && Contains("passed"));
  CHECK(snapshot(folder.path()).size() == 1);
  const std::string page = read_file(folder.path("page.html"));
  CHECK(page.size() > 100'000);
  check_page(page, "gradcheck");

  const Json data = page_data(page);
  std::set<std::string> names;
  std::size_t checks = 0;
  for (const Json& row : data.at("rows")) {
    if (row.at("group") == "ops") names.insert(row.at("name").get<std::string>());
    CHECK_FALSE(row.at("formula").get<std::string>().empty());
    checks += row.at("variants").size();
    for (const Json& variant : row.at("variants")) CHECK(variant.at("errors").at(2) >= 0);
  }
  CHECK(names == op_names());
  CHECK(checks == suite::all_checks().size());
  CHECK(data.at("build").contains("instruction_set"));
  CHECK(data.at("tolerance") == Json::parse(R"({"relative": 1e-6, "absolute": 1e-8, "value": 1e-11})"));
  std::set<std::string> curves;
  for (const Json& curve : data.at("log_prob").at("curves")) {
    curves.insert(curve.at("form").get<std::string>() + " " + curve.at("dtype").get<std::string>());
    CHECK(curve.at("value").size() == data.at("log_prob").at("u").size());
    CHECK(curve.at("gradient").size() == data.at("log_prob").at("u").size());
  }
  CHECK(curves == std::set<std::string>{"1e-6 f32", "1e-6 f64", "stable f32", "stable f64"});
  for (const std::string& curve : curves) CHECK_THAT(page, Contains('"' + curve + "\": "));  // its colour
}

TEST_CASE("gradcheck --html replaces a file at once, and follows a link to it", "[gradcheck_command]") {
  const TemporaryFolder folder;
  write_file(folder.path("old.html"), "old");
  const Output refused =
      run_command(folder, "gradcheck --filter cumsum --html link.html", "ln -s old.html link.html &&");
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("link.html") && Contains("no page called \"Saccade: gradient checks\"") &&
                              Contains("--force"));
  CHECK(read_file(folder.path("old.html")) == "old");
  CHECK(run_command(folder, "gradcheck --filter cumsum --html link.html --force").exit_code == 0);
  const Output output = run_command(folder, "gradcheck --filter cumsum --html link.html --json");
  CHECK(output.exit_code == 0);
  CHECK(Json::parse(output.out).at("passed") == true);
  CHECK(page_data(read_file(folder.path("old.html"))).at("rows").size() == 1);
  CHECK(snapshot(folder.path()).size() == 2);
}

TEST_CASE("a page that cannot be written is one clear line, before any work", "[gradcheck_command]") {
  const TemporaryFolder folder;
  const auto before = snapshot(folder.path());
  for (const std::string path : {"absent/page.html", ".", "/dev/null", "/proc/page.html"}) {
    const Output output = run_command(folder, "gradcheck --html " + path);
    INFO(output.err);
    CHECK(output.exit_code == 1);
    CHECK(output.out.empty());
    CHECK_THAT(output.err, Contains("saccade: error: " + path) && Contains("cannot be written"));
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
  }
  CHECK(snapshot(folder.path()) == before);
}

TEST_CASE("gradcheck --dtype f32 compares values and gradients with f64", "[gradcheck_command]") {
  const TemporaryFolder folder;
  const Output text = run_command(folder, "gradcheck --dtype f32");
  INFO(text.out);
  CHECK(text.exit_code == 0);
  CHECK(widest_line(text.out) <= 80);
  CHECK_THAT(text.out, Contains("All") && Contains("limit") && Contains("one_hot"));
  const Json json = Json::parse(run_command(folder, "gradcheck --dtype f32 --filter tanh --json").out);
  CHECK(json.at("dtype") == "f32");
  CHECK(json.at("rows").at(0).at("f32_error") < json.at("rows").at(0).at("f32_limit"));
  CHECK_FALSE(json.at("rows").at(0).contains("order_1"));
}

TEST_CASE("a check that fails in f32 says by how much", "[gradcheck_command]") {
  const suite::Check check = {"ops",
                              "cancel",
                              "[1]",
                              [](const TensorList& x) { return TensorList{(x[0] + 1e6) - 1e6}; },
                              {from_values({0.3}, {1}, DType::f64)}};
  const std::vector<suite::Row> rows = suite::run_checks({check}, {1, true}, [](const suite::Row&) {});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].failures() == 1);
  CHECK_THAT(rows[0].variants[0].failures.at(0), Contains("f32 is") && Contains("less than 64"));
}

namespace {

// tanh with a gradient that is wrong, as an op of its own.
Tensor wrong_tanh(const Tensor& x) {
  return record("wrong_tanh", tanh(x.detach()), {{x, [x](const Tensor& g) { return g * (1 - tanh(x)); }}});
}

suite::Check check_of(const char* name, TensorFunction f, TensorFunction expected = {}) {
  suite::Check check;
  check.group = "ops";
  check.name = name;
  check.variant = "[2]";
  check.f = std::move(f);
  check.inputs = {from_values({0.3, -0.4}, {2}, DType::f64)};
  check.formula = "y";
  check.expected = std::move(expected);
  return check;
}

}  // namespace

TEST_CASE("a value that is another than its formula's fails, with a right gradient of the wrong function",
          "[gradcheck_command]") {
  const auto of = [](double shift, const Shape& shape = {2}) {
    return [=](const TensorList& x) { return TensorList{reshape(tanh(x[0]) + shift, shape)}; };
  };
  const std::vector<suite::Row> rows =
      suite::run_checks({check_of("same", of(0), of(0)), check_of("shifted", of(0), of(1e-9)),
                         check_of("reshaped", of(0), of(0, {2, 1}))},
                        {2, false}, [](const suite::Row&) {});
  CHECK(rows.at(0).failures() == 0);
  CHECK(rows.at(0).value() == 0);
  REQUIRE(rows.at(1).failures() == 1);
  CHECK_THAT(rows[1].variants[0].failures.at(0), Contains("value") && Contains("1.0e-09"));
  REQUIRE(rows.at(2).failures() == 1);
  CHECK_THAT(rows[2].variants[0].failures.at(0), Contains("shape [2], expected [2, 1]"));
}

TEST_CASE("checks that fail together name the op that they share", "[gradcheck_command]") {
  const std::vector<suite::Check> checks = {
      check_of("a", [](const TensorList& x) { return TensorList{exp(wrong_tanh(x[0]))}; }),
      check_of("b", [](const TensorList& x) { return TensorList{sin(wrong_tanh(x[0]))}; }),
      check_of("c", [](const TensorList& x) { return TensorList{exp(x[0])}; })};
  const std::vector<suite::Row> rows = suite::run_checks(checks, {2, false}, [](const suite::Row&) {});
  CHECK(suite::suspicion(checks, rows) == "2 checks fail; all use wrong_tanh, as do 0 that pass.");
  CHECK(suite::suspicion({checks[2]}, {rows[2]}).empty());
}

TEST_CASE("a suite that fails unbroken is not mutated", "[gradcheck_command]") {
  CHECK_THROWS_WITH(
      suite::mutate({check_of("a", [](const TensorList& x) { return TensorList{wrong_tanh(x[0])}; })}),
      Contains("a ([2]) fails with nothing broken"));
}

TEST_CASE("gradcheck --mutate kills every mutant that changes a number", "[gradcheck_command][slow]") {
  const TemporaryFolder folder;
  const Output text = run_command(folder, "gradcheck --mutate");
  INFO(text.out << text.err);
  CHECK(text.exit_code == 0);
  CHECK(widest_line(text.out) <= 80);
  std::smatch totals;
  REQUIRE(std::regex_search(text.out, totals,
                            std::regex(R"(made (\d+), killed (\d+), equivalent (\d+), survived (\d+))")));
  CHECK(std::stoi(totals[1]) > 300);
  CHECK(std::stoi(totals[1]) == std::stoi(totals[2]) + std::stoi(totals[3]));
  CHECK(totals[4] == "0");

  const Json json = Json::parse(run_command(folder, "gradcheck --mutate --filter tanh --json").out);
  CHECK(json.at("passed") == true);
  CHECK(json.at("made") == json.at("killed"));
  for (const Json& mutant : json.at("mutants")) CHECK(mutant.at("op") == "tanh");
}

TEST_CASE("what gradcheck's flags do not allow is one clear line", "[gradcheck_command][slow]") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& arguments, const std::vector<std::string>& words) {
    INFO(arguments);
    const Output output = run_command(folder, "gradcheck " + arguments);
    CHECK(output.exit_code == 2);
    CHECK(output.out.empty());
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    for (const std::string& word : words) CHECK_THAT(output.err, Contains(word));
  };
  refuses("--dtype f16", {"--dtype", "'f16'", "f32 or f64"});
  refuses("--mutate --html page.html", {"--mutate", "--html"});
  refuses("--mutate --dtype f32", {"--mutate", "--dtype"});
  refuses("--mutate --order 1", {"--mutate", "--order"});
  refuses("--mutate --filter no-such-op", {"--filter", "'no-such-op'"});
  refuses("--dtype f32 --order 1", {"--dtype f32", "--order"});
  refuses("--html ''", {"--html", "empty"});
  CHECK(snapshot(folder.path()).empty());
}

TEST_CASE("the page's curves: the stable log pi is exact, the 1e-6 form is off by 1.2 at u = 8",
          "[gradcheck_command]") {
  const suite::LogProbErrors errors = suite::log_prob_errors();
  const auto at =
      static_cast<std::size_t>(std::find(errors.u.begin(), errors.u.end(), 8.0) - errors.u.begin());
  REQUIRE(at < errors.u.size());
  REQUIRE(errors.curves.size() == 4);
  for (const suite::LogProbErrors::Curve& curve : errors.curves) {
    INFO(curve.form << " " << curve.dtype);
    const double unit = curve.dtype == "f32" ? 0x1p-24 : 0x1p-53;
    if (curve.form == "stable") {  // log pi is up to 38, made of terms up to 80: half a rounding is 32 units
      CHECK(*std::max_element(curve.value.begin(), curve.value.end()) < 128 * unit);
      CHECK(*std::max_element(curve.gradient.begin(), curve.gradient.end()) < 8 * unit);
    } else {
      CHECK(curve.value[at] == Approx(1.2).margin(0.3));
      CHECK(curve.gradient[at] == Approx(1.4).margin(0.2));
    }
  }
}
