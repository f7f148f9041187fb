// `saccade explain`: expressions, built-in graphs, their text, pages and drawings.

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tools/explain/builtin.h"
#include "tools/explain/drawing.h"
#include "tools/explain/expression.h"
#include "tools/explain/graphviz.h"
#include "tools/pages/explain.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using study::Expression;
using Json = nlohmann::ordered_json;

namespace {

namespace fs = std::filesystem;

double value(const std::string& text, double x = 0.5, double w = -1.2) {
  return Expression(text)({{"x", scalar(x, DType::f64)}, {"w", scalar(w, DType::f64)}}).item();
}

std::string complaint(const std::string& text) {
  try {
    value(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "none";
}

bool has_dot() { return std::system("command -v dot >/dev/null") == 0; }

}  // namespace

TEST_CASE("expressions are read as mathematics is", "[explain]") {
  CHECK(value("tanh(x*w)+x") == std::tanh(0.5 * -1.2) + 0.5);
  CHECK(value("1 + 2 * 3 - 4 / 8") == 6.5);
  CHECK(value("2^3^2") == 512);
  CHECK(value("2**3") == 8);
  CHECK(value("-x^2") == -0.25);
  CHECK(value("2^-x") == Approx(std::pow(2, -0.5)));
  CHECK(value("x - w - 1") == Approx(0.7));
  CHECK(value("x / w / 2") == Approx(0.5 / -1.2 / 2));
  CHECK(value("-x*w") == 0.6);
  CHECK(value("--x") == 0.5);
  CHECK(value("(x + w) * -2") == Approx(1.4));
  CHECK(value(".5e1 + x") == 5.5);
  CHECK(value("clamp(w, -1, 1)") == -1);
  CHECK(value("sin(pi*x)") == Approx(1));
  CHECK(value("log(e)+maximum(x,w)") == Approx(1.5));
  CHECK(value("2*3+1") == 7);
  const Tensor m = from_values({1, 2, 3, 4}, {2, 2}, DType::f64);
  CHECK(Expression("sum(m, 0)")({{"m", m}}).to_vector() == std::vector<double>{4, 6});
  CHECK(Expression("matmul(m, transpose(m))")({{"m", m}}).to_vector() == std::vector<double>{5, 11, 11, 25});
  CHECK(Expression("select(m, 0, 1)*2")({{"m", m}}).to_vector() == std::vector<double>{6, 8});
}

TEST_CASE("a wrong expression is one error, which says where", "[explain]") {
  CHECK_THAT(complaint("2*tanhh(x)"),
             Contains("at character 3, 'tanhh(x)'") && Contains("did you mean 'tanh'?"));
  CHECK_THAT(complaint("x+"), Contains("at its end") && Contains("missing"));
  CHECK_THAT(complaint(""), Contains("empty"));
  CHECK_THAT(complaint("(x"), Contains("at character 1") && Contains("not closed"));
  CHECK_THAT(complaint("x)"), Contains("at character 2") && Contains("no bracket"));
  CHECK_THAT(complaint("x w"), Contains("at character 3, 'w'") && Contains("operator"));
  CHECK_THAT(complaint("x $ w"), Contains("at character 3, '$ w'"));
  CHECK_THAT(complaint("x * / w"), Contains("at character 5"));
  CHECK_THAT(complaint("x, w"), Contains("comma"));
  CHECK_THAT(complaint("(x, w)"), Contains("comma"));
  CHECK_THAT(complaint("tanh(x, w)"), Contains("tanh takes 1 argument, and here are 2"));
  CHECK_THAT(complaint("tanh()"), Contains("expected a number, a name"));
  CHECK_THAT(complaint("sum(x, w)"), Contains("whole number"));
  CHECK_THAT(complaint("sum(x, 3)"), Contains("sum:") && Contains("3"));
  CHECK_THAT(complaint("q*x"), Contains("'q' has no value") && Contains("q=0.5"));
  CHECK_THAT(complaint("tanh*x"), Contains("is a function"));
  CHECK_THAT(complaint("1e999*x"), Contains("no number"));
  CHECK_THAT(complaint(std::string(201, '(') + "x" + std::string(201, ')')), Contains("more than 200"));
  CHECK(complaint(std::string(200, '(') + "x" + std::string(200, ')')) == "none");
  CHECK_THAT(complaint(std::string(100'000, '-') + "x"), Contains("more than 200"));
  std::string long_sum = "x";
  for (int i = 0; i < 1000; ++i) long_sum += "+x";
  CHECK_THAT(complaint(long_sum), Contains("more than 2000 parts"));
  CHECK_THAT(complaint("x\x1b[31m"), Contains("\\x1b"));
  const Tensor row = zeros({1000}, DType::f64);
  CHECK_THROWS_WITH(Expression("r*transpose(c)")({{"r", row}, {"c", zeros({1, 1000}, DType::f64)}}),
                    Contains("more than 10000 elements"));
}

TEST_CASE("values are numbers and lists of them", "[explain]") {
  CHECK(study::parse_value("x", "-1.5e1").item() == -15);
  const Tensor m = study::parse_value("m", " [[1, 2, 3],[4,5,6]] ");
  CHECK(m.shape() == Shape{2, 3});
  CHECK(m.to_vector() == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(m.dtype() == DType::f64);
  for (const auto& [text, why] :
       std::vector<std::pair<std::string, std::string>>{{"", "missing"},
                                                        {"[", "missing"},
                                                        {"[1,2", "not closed"},
                                                        {"[1,[2]]", "rows differ"},
                                                        {"[[1,2],[3]]", "1 entries, those before it 2"},
                                                        {"[[1],2]", "rows differ"},
                                                        {"1 2", "nothing more"},
                                                        {"[]", "expected a number"},
                                                        {"abc", "expected a number"},
                                                        {"1e999", "no number"},
                                                        {"--1", "no number"},
                                                        {"[[[[[1]]]]]", "four deep"}}) {
    INFO(text);
    CHECK_THROWS_WITH(study::parse_value("x", text), Contains("x=") && Contains(why));
  }
}

TEST_CASE("every built-in graph is explained, and every derivative agrees", "[explain]") {
  const TemporaryFolder folder;
  for (const study::Builtin& builtin : study::builtins()) {
    INFO(builtin.name);
    const study::Subject subject = study::make_builtin(builtin.name);
    TensorList targets;
    for (const Named& named : subject.wrt) targets.push_back(named.tensor);
    const TensorList expected = grad(subject.f(), targets);
    const Explanation e = explain(subject.f, subject.wrt, {.names = subject.names});
    CHECK(e.no_numeric == "");
    CHECK(e.compared() >= 10);
    CHECK(e.worst_difference() < 1e-6);
    std::size_t found = 0;
    for (const Explanation::Node& node : e.nodes) {
      if (!node.wanted) continue;
      for (std::size_t i = 0; i < subject.wrt.size(); ++i) {
        if (subject.wrt[i].name != node.label) continue;
        CHECK(node.gradient.to_vector() == expected[i].to_vector());
        ++found;
      }
    }
    CHECK(found == subject.wrt.size());
    const std::string text = to_text(e);
    CHECK(widest(text) <= 80);

    const std::string page = folder.path(std::string(builtin.name) + ".html");
    pages::write_explain_page(page, e, subject.title, subject.formula);
    check_page(read_file(page), "explain");
    const Json data = page_data(read_file(page));
    CHECK(data.at("nodes").size() == e.nodes.size());
    CHECK(data.at("steps").size() == e.steps.size());
    CHECK(data.at("nodes").back().at("value").at("values").at(0) == e.nodes.back().value.item());
    for (const auto& [key, drawing] : data.at("drawings").items()) {
      CHECK(key.size() == data.at("scopes").size());
      std::vector<int> drawn(e.nodes.size(), 0);
      for (const Json& box : drawing.at("boxes")) {
        for (const std::size_t n : box.at("nodes")) ++drawn[n];
      }
      for (std::size_t n = 0; n < e.nodes.size(); ++n)
        CHECK(drawn[n] == (study::is_drawn(e.nodes[n]) ? 1 : 0));
      for (const Json& line : drawing.at("lines")) CHECK(line.at("points").size() % 6 == 2);  // 1 + 3n points
    }
  }
}

TEST_CASE("an update of 256x256 with a batch of 256 is a page below 2 MB", "[explain]") {
  for (const char* name : {"sac-critic", "sac-actor", "td3-actor"}) {
    INFO(name);
    const TemporaryFolder folder;
    const Output output =
        run_command(folder, fmt::format("explain {} --hidden 256 --batch 256 --html page.html", name));
    CHECK(output.exit_code == 0);
    check_page(read_file(folder.path("page.html")), "explain");
    const Json data = page_data(read_file(folder.path("page.html")));
    bool has_heat = false;
    for (const Json& node : data.at("nodes"))
      has_heat = has_heat || (!node.at("value").is_null() && node.at("value").contains("heat"));
    CHECK(has_heat);
  }
}

TEST_CASE("the layout of our own puts every box below its inputs, and none on another", "[explain]") {
  const study::Subject subject = study::make_builtin("sac-actor");
  const Explanation e = explain(subject.f, subject.wrt, {.numeric = false});
  const study::Scopes scopes = study::scopes_of(e);
  CHECK(scopes.names == std::vector<std::string>{"actor", "critic"});
  for (const bool open : {false, true}) {
    study::Drawing drawing = study::boxes_of(e, scopes, std::vector<bool>(scopes.names.size(), open));
    study::place_by_layers(drawing);
    for (const study::Line& line : drawing.lines)
      CHECK(drawing.boxes[line.from].y + drawing.boxes[line.from].height / 2 < drawing.boxes[line.to].y);
    for (std::size_t i = 0; i < drawing.boxes.size(); ++i) {
      const study::Box& a = drawing.boxes[i];
      CHECK((a.x - a.width / 2 >= 0 && a.x + a.width / 2 <= drawing.width &&
             a.y + a.height / 2 <= drawing.height));
      for (std::size_t j = 0; j < i; ++j) {
        const study::Box& b = drawing.boxes[j];
        CHECK((std::abs(a.x - b.x) >= (a.width + b.width) / 2 ||
               std::abs(a.y - b.y) >= (a.height + b.height) / 2));
      }
    }
    if (has_dot()) {
      study::place(drawing);
      CHECK(drawing.by_graphviz);
      for (const study::Box& box : drawing.boxes) CHECK((box.x > 0 && box.y > 0));
    }
  }
}

TEST_CASE("without graphviz the page says so, and a dot that fails is as good as none", "[explain]") {
  const TemporaryFolder folder;
  CHECK(run_command(folder, "explain expression --html page.html", "PATH=/nonexistent").exit_code == 0);
  CHECK(page_data(read_file(folder.path("page.html"))).at("by_graphviz") == false);
  CHECK(run_shell(folder, "mkdir bin && printf '#!/bin/sh\\nexit 1\\n' >bin/dot && chmod +x bin/dot")
            .exit_code == 0);
  CHECK(run_command(folder, "explain expression --html page.html", "PATH=\"$PWD/bin:/usr/bin:/bin\"")
            .exit_code == 0);
  CHECK(page_data(read_file(folder.path("page.html"))).at("by_graphviz") == false);
  // What a dot answers is used as it is.
  CHECK(
      run_shell(folder,
                "printf '#!/bin/sh\\necho graph 1 4 5\\nfor n in 0 1 2 3 4; do echo node $n 2 $n 1 1; done\\n"
                "echo stop\\n' >bin/dot")
          .exit_code == 0);
  CHECK(run_command(folder, "explain expression --html page.html", "PATH=\"$PWD/bin:/usr/bin:/bin\"")
            .exit_code == 0);
  const Json data = page_data(read_file(folder.path("page.html")));
  CHECK(data.at("by_graphviz") == true);
  CHECK(data.at("drawings").at("").at("boxes").at(1).at("at").at(1) == 72 * 4);
}

TEST_CASE("explain as a command: list, text, files, errors", "[explain]") {
  const TemporaryFolder folder;
  const Output list = run_command(folder, "explain");
  CHECK(list.exit_code == 0);
  CHECK(widest(list.out) <= 80);
  for (const study::Builtin& builtin : study::builtins()) CHECK_THAT(list.out, Contains(builtin.name));
  CHECK(widest(run_command(folder, "explain --help").out) <= 80);

  const Output text = run_command(folder, "explain 'tanh(x*w)+x' x=0.5 w=-1.2");
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Contains("d = tanh c                      f64[]       -0.53705") &&
                           Contains("1 + this =                0.14611"));
  CHECK_THAT(run_command(folder, "explain 'x*2' x=[1,2,3]").out, Contains("sum of x*2"));

  CHECK_THAT(run_command(folder, "explain -- '-x^2' x=2").out, Contains("c = neg b"));

  const Output both = run_command(folder, "explain log-prob --html page.html --dot graph.dot");
  CHECK(both.exit_code == 0);
  CHECK_THAT(both.out, Contains("page.html") && Contains("graph.dot") && !Contains("forward"));
  CHECK_THAT(read_file(folder.path("graph.dot")), Contains("digraph") && Contains("tanh_log_det"));
  if (has_dot()) CHECK(run_shell(folder, "dot -Tsvg graph.dot -o graph.svg").exit_code == 0);
  const Json json = Json::parse(run_command(folder, "explain 'x^2' x=3 --json").out);
  CHECK(json.at("nodes").at(0).at("gradient").at("values").at(0) == 6);

  const auto refused = [&](const std::string& arguments, const std::string& why) {
    INFO(arguments);
    const auto before = snapshot(folder.path());
    const Output output = run_command(folder, "explain " + arguments);
    CHECK(output.exit_code == 2);
    CHECK(output.out.empty());
    CHECK_THAT(output.err, Contains(why));
    CHECK(snapshot(folder.path()) == before);
  };
  refused("lgo-prob", "did you mean 'log-prob'?");
  refused("'x+' x=1", "at its end");
  refused("'x*w' x=1", "'w' has no value");
  refused("'x*2' y=1", "'y' is not in the expression");
  refused("'x*2' x=1 x=2", "two values");
  refused("'x*2' x", "expected NAME=VALUE");
  refused("'1+2'", "nothing to differentiate");
  refused("log-prob x=1", "values of its own");
  refused("'x*2' x=1 --hidden 8", "built-in");
  refused("mlp --hidden 0", "--hidden");
  refused("--html page.html", "missing");
  refused("mlp --force", "--force needs");
  write_file(folder.path("notes.html"), "mine");
  refused("mlp --html notes.html", "--force");
}

TEST_CASE("every op that the library records has a formula for the page", "[explain]") {
  int ops = 0;
  for (const char* room : {"autograd", "nn", "rl"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SACCADE_SOURCE_DIR) / room)) {
      if (entry.path().extension() != ".cpp") continue;
      const std::string text = read_file(entry.path().string());
      const std::regex recorded(R"re(\brecord\("([a-z0-9_]+)")re");
      for (std::sregex_iterator at(text.begin(), text.end(), recorded), end; at != end; ++at, ++ops) {
        INFO(entry.path() << ": " << (*at)[1]);
        CHECK(pages::formula_of((*at)[1]) != "");
      }
    }
  }
  CHECK(ops > 50);
}
