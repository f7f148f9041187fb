#include "tools/pages/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "tools/explain/drawing.h"
#include "tools/gradcheck/op_table.h"
#include "tools/pages/assemble.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kNone = Explanation::kNone;
constexpr std::int64_t kMostValues = 64, kMostJacobian = 1024, kMostCells = 16;

Json index_json(std::size_t n) { return n == kNone ? Json(nullptr) : Json(n); }

// Means of blocks: columns are the last dimension, rows all others.
Json heat_json(const std::vector<double>& values, std::int64_t rows, std::int64_t columns) {
  const std::int64_t cells_down = std::min(rows, kMostCells), cells_across = std::min(columns, kMostCells);
  Json heat = Json::array();
  for (std::int64_t i = 0; i < cells_down; ++i) {
    Json line = Json::array();
    for (std::int64_t j = 0; j < cells_across; ++j) {
      double sum = 0;
      std::int64_t count = 0;
      for (std::int64_t r = i * rows / cells_down; r < (i + 1) * rows / cells_down; ++r) {
        for (std::int64_t c = j * columns / cells_across; c < (j + 1) * columns / cells_across; ++c, ++count)
          sum += values[static_cast<std::size_t>(r * columns + c)];
      }
      line.push_back(shortened(sum / static_cast<double>(count)));
    }
    heat.push_back(std::move(line));
  }
  return heat;
}

Json tensor_json(const Tensor& x, std::int64_t most_values = kMostValues) {
  if (!x.defined()) return nullptr;
  const std::vector<double> values = x.to_vector();
  Json json = {{"type", type_text(x.dtype(), x.shape())},
               {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())}};
  if (x.numel() <= most_values) {
    json["values"] = Json::array();
    for (const double v : values)
      json["values"].push_back(std::isfinite(v) ? Json(v) : Json(fmt::format("{}", v)));
    return json;
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  double sum = 0;
  for (const double v : values) sum += v;
  const std::int64_t columns = x.shape().back();
  json["low"] = shortened(*low);
  json["high"] = shortened(*high);
  json["mean"] = shortened(sum / static_cast<double>(values.size()));
  json["heat"] = heat_json(values, x.numel() / columns, columns);
  return json;
}

// Ops that others are made of, and that ops.h does not declare.
constexpr std::pair<std::string_view, const char*> kInner[] = {
    {"atan_slope", "y = 1 / (1 + x^2), the slope of atan;  dx = -2 g x y^2"},
    {"bell", "y = exp(-x^2), or exp(-x^2 / 2);  dx = -2 g x y, or -g x y"},
    {"checkpoint", "y = f(x), computed again on the way back;  dx = g df/dx"},
    {"normal_cdf", "y = P(z < x) of a standard normal z;  dx = g exp(-x^2 / 2) / sqrt(2 pi)"},
    {"relu_grad", "y = g where relu(x) > 0, else 0;  dg = the same of its gradient"},
    {"sigmoid_slope", "y = sigmoid(x) (1 - sigmoid(x));  dx = -g tanh(x / 2) y"},
    {"tanh_log_det", "y = log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2 u));  du = -2 g tanh u"},
    {"tanh_slope", "y = 1 - tanh(x)^2;  dx = -2 g tanh(x) y"},
    {"team_average", "y = sum_r w_r x_r over the members of a team;  dx_r = sum_s w_s g_s"},
};

// From the tree's root: "autograd/ops/arithmetic.cpp:34".
std::string place_of(const SourceLocation& where) {
  if (where.line == 0) return "";
  std::string_view file = where.file;
  const std::size_t room = file.rfind("autograd/");
  if (room != std::string_view::npos) file.remove_prefix(room);
  return fmt::format("{}:{}", file, where.line);
}

Json node_json(const Explanation::Node& node) {
  constexpr const char* kKinds[] = {"leaf", "constant", "op"};
  Json inputs = Json::array(), saved = Json::array();
  for (const Explanation::Input& input : node.inputs) {
    inputs.push_back({{"node", input.node}, {"on_tape", input.edge != kNone}});
    if (input.jacobian.defined()) inputs.back()["jacobian"] = tensor_json(input.jacobian, kMostJacobian);
    if (input.numeric.defined()) inputs.back()["numeric"] = tensor_json(input.numeric, kMostJacobian);
  }
  for (const Explanation::Saved& s : node.saved)
    saved.push_back({{"node", index_json(s.node)},
                     {"type", type_text(s.value.dtype(), s.value.shape())},
                     {"is_output", s.is_output}});
  return {{"name", node.name},
          {"label", node.label},
          {"kind", kKinds[static_cast<int>(node.kind)]},
          {"op", node.op},
          {"scope", node.scope},
          {"id", node.id},
          {"type", type_text(node.dtype, node.shape)},
          {"wanted", node.wanted},
          {"is_drawn", study::is_drawn(node)},
          {"where", place_of(node.where)},
          {"formula", node.kind == Explanation::Kind::op ? formula_of(node.op) : ""},
          {"inputs", inputs},
          {"saved", saved},
          {"gradient_of", index_json(node.gradient_of)},
          {"fused_with", index_json(node.fused_with)},
          {"seconds", node.seconds},
          {"value", tensor_json(node.value)},
          {"gradient", tensor_json(node.gradient)},
          {"numeric_gradient", tensor_json(node.numeric_gradient)}};
}

Json step_json(const Explanation::Step& step) {
  Json passes = Json::array();
  for (const Explanation::Pass& pass : step.passes) {
    passes.push_back({{"input", pass.input},
                      {"to", pass.to},
                      {"gradient", tensor_json(pass.gradient)},
                      {"so_far", tensor_json(pass.so_far)},
                      {"seconds", pass.seconds}});
  }
  return {{"node", step.node},
          {"passes", passes},
          {"gradient_freed", step.gradient_freed},
          {"edges_freed", step.edges_freed},
          {"freed", step.freed}};
}

Json drawing_json(const study::Drawing& drawing) {
  const auto pixels = [](double x) { return std::round(10 * x) / 10; };
  Json boxes = Json::array(), lines = Json::array();
  for (const study::Box& box : drawing.boxes) {
    boxes.push_back({{"nodes", box.nodes},
                     {"title", box.title},
                     {"detail", box.detail},
                     {"scope", index_json(box.scope)},
                     {"at", {pixels(box.x), pixels(box.y), pixels(box.width), pixels(box.height)}}});
  }
  for (const study::Line& line : drawing.lines) {
    Json points = Json::array();
    for (const double p : line.points) points.push_back(pixels(p));
    lines.push_back({{"from", line.from}, {"to", line.to}, {"points", points}});
  }
  return {{"width", pixels(drawing.width)},
          {"height", pixels(drawing.height)},
          {"boxes", boxes},
          {"lines", lines}};
}

// A drawing for each way to open scopes, by "101": those of a few scopes one by one, of many all or one.
Json drawings_json(const Explanation& e, const study::Scopes& scopes, bool& by_graphviz) {
  constexpr std::size_t kFew = 4;
  const std::size_t n = scopes.names.size();
  std::vector<std::vector<bool>> ways = {std::vector<bool>(n, false), std::vector<bool>(n, true)};
  if (n <= kFew) {
    for (std::size_t bits = 0; bits < (std::size_t{1} << n); ++bits) {
      for (std::size_t s = 0; s < n; ++s) ways[0][s] = (bits >> s & 1) != 0;
      ways.push_back(ways[0]);
    }
    ways.erase(ways.begin(), ways.begin() + 2);
  } else {
    for (std::size_t s = 0; s < n; ++s) {
      ways.emplace_back(n, false);
      ways.back()[s] = true;
    }
  }
  Json json = Json::object();
  for (const std::vector<bool>& open : ways) {
    study::Drawing drawing = study::boxes_of(e, scopes, open);
    study::place(drawing);
    by_graphviz = drawing.by_graphviz;
    std::string key;
    for (const bool is_open : open) key += is_open ? '1' : '0';
    json[key] = drawing_json(drawing);
  }
  return json;
}

}  // namespace

std::string formula_of(const std::string& op) {
  static const std::vector<suite::OpRow> rows = [] {
    std::vector<suite::OpRow> all = suite::elementwise_rows();
    for (const auto& more : {suite::shapes_rows(), suite::products_rows()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  for (const suite::OpRow& row : rows) {
    if (row.name == op && *row.formula != '\0') return row.formula;
  }
  for (const auto& [name, formula] : kInner) {
    if (name == op) return formula;
  }
  return "";
}

Json to_json(const Explanation& e) {
  Json nodes = Json::array(), steps = Json::array();
  for (const Explanation::Node& node : e.nodes) nodes.push_back(node_json(node));
  for (const Explanation::Step& step : e.steps) steps.push_back(step_json(step));
  return {{"nodes", nodes},
          {"steps", steps},
          {"traced", e.traced},
          {"forward_seconds", e.forward_seconds},
          {"backward_seconds", e.backward_seconds},
          {"no_numeric", e.no_numeric},
          {"compared", e.compared()},
          {"worst_difference", e.worst_difference()}};
}

Json explain_page_data(const Explanation& e, const std::string& title, const std::string& formula) {
  const study::Scopes scopes = study::scopes_of(e);
  bool by_graphviz = false;
  Json data = to_json(e);
  data["title"] = title;
  data["formula"] = formula;
  data["scopes"] = scopes.names;
  data["drawings"] = drawings_json(e, scopes, by_graphviz);
  data["by_graphviz"] = by_graphviz;
  return data;
}

void write_explain_page(const std::string& path, const Explanation& e, const std::string& title,
                        const std::string& formula) {
  write_file(path, assemble("explain", explain_page_data(e, title, formula)));
}

}  // namespace saccade::pages
