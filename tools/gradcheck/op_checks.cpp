// From the rows of the op table to checks: inputs, shapes and memory layouts.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/ops.h"
#include "tools/gradcheck/op_table.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

std::vector<OpRow> rows() {
  std::vector<OpRow> table = elementwise_rows();
  for (const auto& more : {shapes_rows(), products_rows()})
    table.insert(table.end(), more.begin(), more.end());
  return table;
}

// ---- inputs ----

// Distinct numbers, shuffled over all of a call's inputs, at least 0.3 of the spacing apart: no ties, and
// none within 0.08 of a corner. The same for every run.
TensorList draw(const OpRow& row, const Shapes& shapes) {
  std::int64_t total = 0;
  for (const Shape& shape : shapes) total += shape.numel();
  Rng rng(static_cast<std::uint64_t>(total) * 31 + shapes.size());
  std::vector<std::int64_t> order(static_cast<std::size_t>(total));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  const double spacing = (row.high - row.low) / static_cast<double>(std::max<std::int64_t>(1, total));
  TensorList inputs;
  std::size_t next = 0;
  for (const Shape& shape : shapes) {
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (double& value : values) {
      value = row.low + spacing * (static_cast<double>(order[next++]) + rng.uniform(0.15, 0.85));
      for (const double corner : row.corners) {
        if (std::abs(value - corner) < 0.08)
          value = corner + (value < corner ? -0.08 : 0.08) - 0.3 * (value - corner);
      }
    }
    inputs.push_back(from_values(values, shape, DType::f64));
  }
  return inputs;
}

// ---- memory layouts: the same values in other places, by ops that are differentiable themselves ----

struct Layout {
  const char* name;
  Tensor (*arrange)(const Tensor&);
};

const Layout kLayouts[] = {
    {"transposed", [](const Tensor& x) { return x.dim() < 2 ? x : transpose(contiguous(transpose(x))); }},
    {"sliced",
     [](const Tensor& x) {  // every second element of a tensor twice as long, from the second on
       if (x.dim() < 1) return x;
       const Tensor twice = flatten(stack({2 * x, x}, x.dim()), -2, -1);
       return slice(twice, -1, 1, 2 * x.size(-1), 2);
     }},
    {"expanded",
     [](const Tensor& x) {  // the first row for all rows
       return x.dim() < 1 || x.size(0) == 0 ? x : expand(slice(x, 0, 0, 1), x.shape());
     }},
};

std::string describe_shapes(const Shapes& shapes) {
  std::string text;
  for (const Shape& shape : shapes) text += (text.empty() ? "" : " ") + shape.str();
  return text;
}

}  // namespace

std::vector<Check> op_checks() {
  std::vector<Check> checks;
  for (const OpRow& row : rows()) {
    const auto add = [&](const Shapes& shapes, const Layout* layout) {
      Check check{"ops", row.name,           row.arguments, row.function.f, draw(row, shapes),
                  {},    row.differentiable, row.formula};
      if (!check.variant.empty()) check.variant += "  ";
      check.variant += describe_shapes(shapes);
      check.expected = row.function.expected;
      if (layout != nullptr) {
        check.variant += fmt::format(" {}", layout->name);
        const auto arranged = [arrange = layout->arrange](TensorFunction f) -> TensorFunction {
          return [=](const TensorList& x) {
            TensorList inputs;
            for (const Tensor& input : x) inputs.push_back(arrange(input));
            return f(inputs);
          };
        };
        check.f = arranged(check.f);
        if (check.expected) check.expected = arranged(check.expected);
      }
      checks.push_back(std::move(check));
    };
    for (const Shapes& shapes : row.shapes) add(shapes, nullptr);
    for (const Layout& layout : kLayouts) {
      // Repeated rows tie, and extrema and comparisons have corners there.
      const bool ties =
          std::string_view(layout.name) == "expanded" &&
          (std::string_view("amax amin max min argmax").find(row.name) != std::string_view::npos);
      if (!ties) add(row.shapes[0], &layout);
    }
  }
  return checks;
}

}  // namespace saccade::suite
