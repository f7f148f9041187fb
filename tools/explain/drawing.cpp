#include "tools/explain/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "tools/explain/graphviz.h"

namespace saccade::study {

namespace {

using Node = Explanation::Node;
using Kind = Explanation::Kind;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

constexpr double kLetter = 7.3, kHeight = 74, kLeast = 104, kMost = 230, kPerInch = 72;

std::string first_part(const std::string& path) { return path.substr(0, path.find('/')); }
std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string title_of(const Node& node) {
  if (node.kind == Kind::op) return fmt::format("{} = {}", node.name, node.op);
  return node.label.empty() ? fmt::format("{}: {}", node.name, node.op)
                            : fmt::format("{}: {}", node.name, last_part(node.label));
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// An answer of dot -Tplain: "node NAME x y width height ..." and "edge TAIL HEAD n x1 y1 ...", in inches,
// with y upwards.
bool read_plain(const std::string& text, Drawing& drawing) {
  std::istringstream lines(text);
  std::map<std::pair<std::size_t, std::size_t>, std::vector<double>> curves;
  double height = 0;
  std::size_t placed = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, name;
    words >> kind;
    if (kind == "graph") {
      double scale = 1;
      words >> scale >> drawing.width >> height;
      drawing.width *= kPerInch;
      drawing.height = height * kPerInch;
    } else if (kind == "node") {
      std::size_t n = 0;
      double x = 0, y = 0;
      if (!(words >> n >> x >> y) || n >= drawing.boxes.size()) return false;
      drawing.boxes[n].x = x * kPerInch;
      drawing.boxes[n].y = (height - y) * kPerInch;
      ++placed;
    } else if (kind == "edge") {
      std::size_t from = 0, to = 0, points = 0;
      if (!(words >> from >> to >> points) || points > 1000) return false;
      std::vector<double>& curve = curves[{from, to}];
      curve.clear();
      for (std::size_t i = 0; i < points; ++i) {
        double x = 0, y = 0;
        if (!(words >> x >> y)) return false;
        curve.push_back(x * kPerInch);
        curve.push_back((height - y) * kPerInch);
      }
    }
  }
  for (Line& line : drawing.lines) line.points = curves[{line.from, line.to}];
  return placed == drawing.boxes.size();
}

std::string dot_to_place(const Drawing& drawing) {
  std::string text =
      "digraph {\n  rankdir=TB; nodesep=0.22; ranksep=0.42;\n  node [shape=box, fixedsize=true, "
      "label=\"\"];\n";
  std::map<std::size_t, std::string> clusters;
  for (std::size_t b = 0; b < drawing.boxes.size(); ++b) {
    const Box& box = drawing.boxes[b];
    const std::string node =
        fmt::format("{} [width={:.3f}, height={:.3f}];\n", b, box.width / kPerInch, box.height / kPerInch);
    (box.scope == kNone || box.nodes.size() > 1 ? text : clusters[box.scope]) += "    " + node;
  }
  for (const auto& [scope, nodes] : clusters)
    text += fmt::format("  subgraph cluster_{} {{ margin=14;\n{}  }}\n", scope, nodes);
  for (const Line& line : drawing.lines) text += fmt::format("  {} -> {};\n", line.from, line.to);
  return text + "}\n";
}

}  // namespace

bool is_drawn(const Node& node) {
  return node.kind != Kind::constant || (node.name[0] >= 'a' && node.name[0] <= 'z');
}

Scopes scopes_of(const Explanation& e) {
  std::vector<std::string> name(e.nodes.size());
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    const Node& node = e.nodes[n];
    if (node.kind == Kind::op) name[n] = node.gradient_of != kNone ? "gradient" : first_part(node.scope);
  }
  // What goes into one scope alone belongs there.
  std::vector<std::set<std::string>> users(e.nodes.size());
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    for (const Explanation::Input& input : e.nodes[n].inputs) users[input.node].insert(name[n]);
  }
  std::map<std::string, std::size_t> count;
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    if (e.nodes[n].kind != Kind::op && users[n].size() == 1) name[n] = *users[n].begin();
    if (is_drawn(e.nodes[n])) ++count[name[n]];
  }
  Scopes scopes;
  for (const std::string& each : name) {
    const auto known = std::find(scopes.names.begin(), scopes.names.end(), each);
    const bool is_scope = !each.empty() && count[each] > 1;
    scopes.of_node.push_back(is_scope ? static_cast<std::size_t>(known - scopes.names.begin()) : kNone);
    if (is_scope && known == scopes.names.end()) scopes.names.push_back(each);
  }
  return scopes;
}

Drawing boxes_of(const Explanation& e, const Scopes& scopes, const std::vector<bool>& open) {
  Drawing drawing;
  std::vector<std::size_t> box_of(e.nodes.size(), kNone), closed(scopes.names.size(), kNone);
  std::set<std::pair<std::size_t, std::size_t>> lines;
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    const Node& node = e.nodes[n];
    if (!is_drawn(node)) continue;
    const std::size_t scope = scopes.of_node[n];
    if (scope != kNone && !open[scope] && closed[scope] != kNone) {
      box_of[n] = closed[scope];
      drawing.boxes[box_of[n]].nodes.push_back(n);
    } else {
      box_of[n] = drawing.boxes.size();
      if (scope != kNone && !open[scope]) closed[scope] = box_of[n];
      drawing.boxes.push_back({.nodes = {n},
                               .title = title_of(node),
                               .detail = type_text(node.dtype, node.shape),
                               .scope = scope,
                               .height = kHeight});
    }
  }
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    for (const Explanation::Input& input : e.nodes[n].inputs) {
      const std::size_t from = box_of[input.node], to = box_of[n];
      if (from != kNone && from != to && lines.emplace(from, to).second)
        drawing.lines.push_back({from, to, {}});
    }
  }
  for (Box& box : drawing.boxes) {
    if (box.nodes.size() > 1) {
      box.title = scopes.names[box.scope];
      box.detail = fmt::format("{} nodes", box.nodes.size());
    }
    const auto letters = static_cast<double>(std::max(columns(box.title), columns(box.detail)));
    box.width = std::clamp(letters * kLetter + 20, kLeast, kMost);
  }
  return drawing;
}

void place(Drawing& drawing) {
  const std::optional<std::string> answer = run_dot(dot_to_place(drawing));
  drawing.by_graphviz = answer && read_plain(*answer, drawing);
  if (!drawing.by_graphviz) place_by_layers(drawing);
}

void place_by_layers(Drawing& drawing) {
  constexpr double kGap = 18, kBetween = 40, kMargin = 8;
  const std::size_t n = drawing.boxes.size();
  std::vector<std::vector<std::size_t>> from(n);
  std::vector<std::size_t> waits(n, 0), layer(n, 0), ready;
  for (const Line& line : drawing.lines) {
    from[line.from].push_back(line.to);
    ++waits[line.to];
  }
  for (std::size_t b = 0; b < n; ++b) {
    if (waits[b] == 0) ready.push_back(b);
  }
  for (std::size_t i = 0; i < ready.size(); ++i) {
    for (const std::size_t to : from[ready[i]]) {
      layer[to] = std::max(layer[to], layer[ready[i]] + 1);
      if (--waits[to] == 0) ready.push_back(to);
    }
  }
  // An input stands right above the first that takes it. What lies on a circle of closed scopes stays on top.
  std::vector<bool> is_input(n, true);
  for (const Line& line : drawing.lines) is_input[line.to] = false;
  for (std::size_t b = 0; b < n; ++b) {
    std::size_t first = kNone;
    for (const std::size_t to : from[b]) first = std::min(first, layer[to]);
    if (is_input[b] && first != kNone && first > 0) layer[b] = first - 1;
  }
  const std::size_t layers = n == 0 ? 0 : *std::max_element(layer.begin(), layer.end()) + 1;
  std::vector<std::vector<std::size_t>> rows(layers);
  for (std::size_t b = 0; b < n; ++b) rows[layer[b]].push_back(b);
  const auto row_width = [&](const std::vector<std::size_t>& row) {
    double width = -kGap;
    for (const std::size_t b : row) width += drawing.boxes[b].width + kGap;
    return width;
  };
  drawing.width = 0;
  for (const auto& row : rows) drawing.width = std::max(drawing.width, row_width(row) + 2 * kMargin);
  double y = kMargin;
  for (std::vector<std::size_t>& row : rows) {
    std::vector<std::pair<double, double>> above(n, {0, 0});  // sums and counts of x
    for (const Line& line : drawing.lines) {
      if (layer[line.from] >= layer[line.to]) continue;
      above[line.to].first += drawing.boxes[line.from].x;
      above[line.to].second += 1;
    }
    const auto wish = [&](std::size_t b) {
      return above[b].second > 0 ? above[b].first / above[b].second : drawing.width / 2;
    };
    std::stable_sort(row.begin(), row.end(), [&](std::size_t a, std::size_t b) { return wish(a) < wish(b); });
    double x = (drawing.width - row_width(row)) / 2, tallest = 0;
    for (const std::size_t b : row) {
      Box& box = drawing.boxes[b];
      box.x = x + box.width / 2;
      box.y = y + box.height / 2;
      x += box.width + kGap;
      tallest = std::max(tallest, box.height);
    }
    y += tallest + kBetween;
  }
  drawing.height = y - kBetween + kMargin;
  for (Line& line : drawing.lines) {
    const Box &a = drawing.boxes[line.from], &b = drawing.boxes[line.to];
    const double top = a.y + a.height / 2, bottom = b.y - b.height / 2, middle = (top + bottom) / 2;
    line.points = {a.x, top, a.x, middle, b.x, middle, b.x, bottom};
  }
}

std::string to_dot(const Explanation& e, const std::string& title) {
  const Scopes scopes = scopes_of(e);
  std::string text = fmt::format("digraph {} {{\n  label={};\n  node [shape=box, fontname=\"monospace\"];\n",
                                 quoted("saccade"), quoted(printable(title)));
  std::vector<std::string> clusters(scopes.names.size());
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    const Node& node = e.nodes[n];
    if (!is_drawn(node)) continue;
    std::string label = title_of(node);
    for (const Explanation::Input& input : node.inputs) {
      if (!is_drawn(e.nodes[input.node])) label += " " + e.nodes[input.node].name;
    }
    label += "\n" + type_text(node.dtype, node.shape) + " " + value_text(node.value, 24);
    if (node.gradient.defined()) label += "\ng = " + value_text(node.gradient, 24);
    std::string escaped = quoted(printable(label));
    for (std::size_t at = 0; (at = escaped.find("\\\\n", at)) != std::string::npos;)
      escaped.replace(at, 3, "\\n");
    for (std::size_t at = 0; (at = escaped.find("\\\\x0a", at)) != std::string::npos;)
      escaped.replace(at, 5, "\\n");
    const char* style = node.kind == Kind::op     ? ""
                        : node.kind == Kind::leaf ? ", style=bold"
                                                  : ", style=dashed";
    (scopes.of_node[n] == kNone ? text : clusters[scopes.of_node[n]]) +=
        fmt::format("  {} [label={}{}];\n", quoted(node.name), escaped, style);
  }
  for (std::size_t s = 0; s < clusters.size(); ++s)
    text += fmt::format("  subgraph {} {{\n  label={};\n{}  }}\n", quoted(fmt::format("cluster_{}", s)),
                        quoted(scopes.names[s]), clusters[s]);
  for (const Node& node : e.nodes) {
    for (const Explanation::Input& input : node.inputs) {
      if (is_drawn(e.nodes[input.node]))
        text += fmt::format("  {} -> {};\n", quoted(e.nodes[input.node].name), quoted(node.name));
    }
  }
  return text + "}\n";
}

}  // namespace saccade::study
