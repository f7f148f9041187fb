// An explanation as text.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "autograd/explain.h"
#include "autograd/ops.h"
#include "base/text.h"

namespace saccade {

namespace {

using Node = Explanation::Node;
using Kind = Explanation::Kind;

constexpr std::size_t kWidth = 80, kTypeAt = 34, kValueAt = 46;

std::string number(double x) { return fmt::format("{:.5g}", x); }

// Nested as the shape says, or "" where that takes more columns.
std::string all_values(const Tensor& x, std::size_t columns) {
  if (x.numel() > 32) return "";
  const std::vector<double> values = x.to_vector();
  if (x.dim() == 0) return number(values[0]);
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int64_t block = 1, opened = 0;  // brackets that begin, and so end, before this element
    for (std::int64_t d = x.dim(); d-- > 0 && static_cast<std::int64_t>(i) % (block *= x.shape()[d]) == 0;)
      ++opened;
    if (i > 0) text += std::string(static_cast<std::size_t>(opened), ']') + ", ";
    text += std::string(static_cast<std::size_t>(i == 0 ? x.dim() : opened), '[') + number(values[i]);
  }
  text += std::string(static_cast<std::size_t>(x.dim()), ']');
  return text.size() <= columns ? text : "";
}

std::string summary(const Tensor& x) {
  const std::vector<double> values = x.to_vector();
  if (values.empty()) return "no elements";
  const auto wrong = std::count_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (wrong > 0) return fmt::format("{} of {} not finite", wrong, values.size());
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  double sum = 0;
  for (const double v : values) sum += v;
  return fmt::format("{:.3g} to {:.3g}, mean {:.3g}", *low, *high, sum / static_cast<double>(values.size()));
}

// The scope, or for what a gradient made, that.
std::string heading(const Explanation& e, const Node& node) {
  if (node.gradient_of == Explanation::kNone) return node.scope;
  return fmt::format("gradient of {}, {}", e.nodes[node.gradient_of].name, e.nodes[node.gradient_of].op);
}

std::string equation(const Explanation& e, const Node& node) {
  if (node.kind != Kind::op) {
    return fmt::format("{} = {}", node.name,
                       node.label.empty() ? node.op : fmt::format("{} {}", node.op, node.label));
  }
  std::string text = fmt::format("{} = {}", node.name, node.op);
  for (const Explanation::Input& input : node.inputs) text += " " + e.nodes[input.node].name;
  return text;
}

bool is_number(const Node& node) {
  return node.kind == Kind::constant && !std::isalpha(static_cast<unsigned char>(node.name[0]));
}

// `left`, then from column `at` on what is right of it; where left is too long, on a line of its own.
void line(std::string& out, std::string left, std::size_t at, const std::string& right) {
  const std::size_t width = columns(left);
  if (right.empty()) {
    out += left + "\n";
  } else if (width + 1 < at || width + 1 + columns(right) <= kWidth) {
    out += left + std::string(width + 1 < at ? at - width : 1, ' ') + right + "\n";
  } else {
    for (const std::string& part : wrap(left, kWidth)) out += part + "\n";
    out += std::string(at, ' ') + right + "\n";
  }
}

void forward(std::string& out, const Explanation& e) {
  out += "forward, in the order of the tape\n";
  std::string above;
  for (const Node& node : e.nodes) {
    if (is_number(node)) continue;
    if (node.kind == Kind::op && heading(e, node) != above) {
      above = heading(e, node);
      out += above.empty() ? "  --\n" : fmt::format("  -- {}\n", above);
    }
    const std::string type = type_text(node.dtype, node.shape);
    const std::size_t value_at = std::max(kValueAt, kTypeAt + type.size() + 2);
    const std::string value = node.fused_with == Explanation::kNone
                                  ? value_text(node.value, kWidth - value_at)
                                  : fmt::format("made with {} at once", e.nodes[node.fused_with].name);
    line(out, "  " + equation(e, node), kTypeAt,
         type + std::string(value_at - kTypeAt - type.size(), ' ') + value);
  }
}

std::string names(const Explanation& e, const std::vector<std::size_t>& nodes) {
  std::vector<std::string> list;
  for (const std::size_t n : nodes) list.push_back(e.nodes[n].name);
  return join(list);
}

void backward(std::string& out, const Explanation& e) {
  out += "\nbackward, from the newest node to the oldest; g is d result / d node\n";
  for (const Explanation::Step& step : e.steps) {
    const Node& node = e.nodes[step.node];
    const std::string what = node.kind == Kind::op ? node.op : node.label.empty() ? node.op : node.label;
    line(out, fmt::format("  {}  {}", node.name, what), kTypeAt,
         "g = " + value_text(step.gradient, kWidth - kTypeAt - 4));
    for (const Explanation::Pass& pass : step.passes) {
      const std::size_t room = kWidth - kTypeAt;
      line(out, fmt::format("      to {}", e.nodes[pass.to].name), kTypeAt, value_text(pass.gradient, room));
      if (!pass.so_far.defined()) continue;
      const std::string before = value_text(pass.so_far, 12);
      line(out, fmt::format("        {} + this =", before.size() > 12 ? "what was there" : before), kTypeAt,
           value_text(pass.so_far + pass.gradient, room));
    }
    if (!step.freed.empty()) {
      for (const std::string& part : wrap("frees " + names(e, step.freed), kWidth - 6))
        out += "      " + part + "\n";
    }
  }
}

void gradients(std::string& out, const Explanation& e) {
  out += "\ngradients\n";
  for (const Node& node : e.nodes) {
    if (!node.wanted || !node.gradient.defined()) continue;
    line(out, fmt::format("  {}  {}", node.name, node.label), kTypeAt,
         value_text(node.gradient, kWidth - kTypeAt));
    if (node.numeric_gradient.defined())
      line(out, "      numeric", kTypeAt, value_text(node.numeric_gradient, kWidth - kTypeAt));
  }
  std::string note =
      e.no_numeric.empty()
          ? fmt::format(
                "{} derivatives, of the result by each small node and of each op by each of its "
                "inputs, compared with central differences: they differ by at most {:.0e} of "
                "their size.",
                e.compared(), e.worst_difference())
          : fmt::format("No central differences: {}.", e.no_numeric);
  if (!e.traced) note += " Values are those that the tape retains for its gradients: no Trace was alive.";
  out += "\n";
  for (const std::string& part : wrap(note, kWidth)) out += part + "\n";
}

}  // namespace

std::string type_text(DType dtype, const Shape& shape) {
  std::string text = std::string(name(dtype)) + "[";
  for (std::int64_t d = 0; d < shape.size(); ++d) text += fmt::format("{}{}", d == 0 ? "" : ",", shape[d]);
  return text + "]";
}

std::string value_text(const Tensor& value, std::size_t columns) {
  if (!value.defined()) return "not retained";
  const std::string all = all_values(value, columns);
  return all.empty() ? summary(value) : all;
}

std::string to_text(const Explanation& e) {
  std::string out;
  forward(out, e);
  backward(out, e);
  gradients(out, e);
  return out;
}

std::ostream& operator<<(std::ostream& out, const Explanation& explanation) {
  return out << to_text(explanation);
}

}  // namespace saccade
