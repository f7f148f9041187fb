// A row for every op. Each row becomes a check per shape, and for its first shapes one per memory layout;
// gradcheck and the comparison of f32 with f64 do the rest. A test compares this table with autograd/ops.h
// and fails where a row is missing.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/ops.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

using F = TensorFunction;
using Shapes = std::vector<Shape>;  // of the inputs of one call

struct Row {
  const char* name;
  const char* arguments;  // what tells rows of one op apart
  F f;
  std::vector<Shapes> shapes;
  double low = -2, high = 2;          // where inputs are drawn from
  std::vector<double> corners = {0};  // kept at a distance
  bool differentiable = true;
};

// ---- shapes ----

const std::vector<Shapes> kUnary = {{{2, 3}}, {{}}, {{5}}, {{1, 4}}, {{3, 3}}, {{2, 3, 2}}, {{0, 3}}};
const std::vector<Shapes> kBinary = {{{2, 3}, {2, 3}}, {{3, 3}, {3, 3}}, {{2, 3}, {3}},    {{2, 1}, {1, 3}},
                                     {{}, {2, 2}},     {{1}, {1, 1}},    {{0, 3}, {1, 3}}, {{3}, {}}};
const std::vector<Shapes> kMatrix = {{{3, 4}}, {{3, 3}}, {{2, 3, 2}}, {{1, 3}}};
const std::vector<Shapes> kPair = {{{3, 4}, {3, 4}}, {{2, 2}, {2, 2}}, {{4, 1}, {4, 1}}, {{}, {}}};

// ---- functions of the list of inputs ----

F of(Tensor (*f)(const Tensor&)) {
  return [f](const TensorList& x) { return TensorList{f(x[0])}; };
}
F of(Tensor (*f)(const Tensor&, const Tensor&)) {
  return [f](const TensorList& x) { return TensorList{f(x[0], x[1])}; };
}
template <class G>
F one(G g) {  // g(x)
  return [g](const TensorList& x) { return TensorList{g(x[0])}; };
}
template <class G>
F two(G g) {  // g(x, y)
  return [g](const TensorList& x) { return TensorList{g(x[0], x[1])}; };
}

const Tensor& mask() {  // (2, 3), of 0 and 1
  static const Tensor m = from_values({1, 0, 0, 1, 1, 0}, {2, 3}, DType::f64);
  return m;
}
Tensor indices(std::initializer_list<double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64);
}

std::vector<Row> rows() {
  using R = Reduction;
  std::vector<Row> table = {
      // arithmetic
      {"add", "", of(add), kBinary},
      {"add", "2.5", one([](auto& x) { return add(x, 2.5); }), kUnary},
      {"sub", "", of(sub), kBinary},
      {"mul", "", of(mul), kBinary},
      {"mul", "-1.5", one([](auto& x) { return mul(x, -1.5); }), kUnary},
      {"div", "", of(div), kBinary, 0.5, 2},
      {"div", "3", one([](auto& x) { return div(x, 3); }), kUnary},
      {"neg", "", of(neg), kUnary},
      {"pow", "", two([](auto& x, auto& y) { return pow(x, y); }), kBinary, 0.3, 2},
      {"pow", "3", one([](auto& x) { return pow(x, 3); }), kUnary},
      {"pow", "-0.5", one([](auto& x) { return pow(x, -0.5); }), kUnary, 0.3, 2},
      {"pow", "0", one([](auto& x) { return pow(x, 0); }), kUnary},
      {"maximum", "", of(maximum), kBinary},
      {"minimum", "", of(minimum), kBinary},
      {"clamp", "-0.5, 0.7", one([](auto& x) { return clamp(x, -0.5, 0.7); }), kUnary, -2, 2, {-0.5, 0.7}},
      {"clamp", "0.1, none", one([](auto& x) { return clamp(x, 0.1, std::nullopt); }), kUnary, -2, 2, {0.1}},
      {"where",
       "",
       two([](auto& x, auto& y) { return where(to(mask(), x.dtype()), x, y); }),
       {{{2, 3}, {2, 3}}, {{2, 1}, {3}}, {{}, {2, 3}}}},
      {"eq", "", of(eq), kBinary, -2, 2, {0}, false},
      {"gt", "", two([](auto& x, auto& y) { return gt(x, y); }), kBinary, -2, 2, {0}, false},
      {"ge", "", two([](auto& x, auto& y) { return ge(x, y); }), kBinary, -2, 2, {0}, false},
      // functions of one tensor
      {"exp", "", of(exp), kUnary},
      {"log", "", of(log), kUnary, 0.2, 3},
      {"log1p", "", of(log1p), kUnary, -0.7, 3},
      {"expm1", "", of(expm1), kUnary},
      {"sqrt", "", of(sqrt), kUnary, 0.2, 3},
      {"rsqrt", "", of(rsqrt), kUnary, 0.2, 3},
      {"square", "", of(square), kUnary},
      {"reciprocal", "", of(reciprocal), kUnary, 0.5, 3},
      {"abs", "", of(abs), kUnary},
      {"sign", "", of(sign), kUnary},
      {"floor", "", of(floor), kUnary, -2.4, 2.4, {-2, -1, 0, 1, 2}},
      {"sin", "", of(sin), kUnary, -4, 4},
      {"cos", "", of(cos), kUnary, -4, 4},
      {"atan", "", of(atan), kUnary},
      {"erf", "", of(erf), kUnary},
      {"tanh", "", of(tanh), kUnary},
      {"tanh", "far out", of(tanh), {{{2, 3}}}, -9, 9},
      {"sigmoid", "", of(sigmoid), kUnary},
      {"sigmoid", "far out", of(sigmoid), {{{2, 3}}}, -20, 20},
      {"softplus", "", of(softplus), kUnary},
      {"softplus", "far out", of(softplus), {{{2, 3}}}, -30, 30},
      {"logsigmoid", "", of(logsigmoid), kUnary, -20, 20},
      {"relu", "", of(relu), kUnary},
      {"relu_grad",
       "",
       one([](auto& x) { return relu_grad(x, to(mask(), x.dtype())); }),
       {{{2, 3}}, {{1, 3}}, {{}}}},
      {"leaky_relu", "", one([](auto& x) { return leaky_relu(x, 0.1); }), kUnary},
      {"elu", "", one([](auto& x) { return elu(x, 0.8); }), kUnary},
      {"gelu", "erf", one([](auto& x) { return gelu(x); }), kUnary},
      {"gelu", "tanh", one([](auto& x) { return gelu(x, Gelu::tanh); }), kUnary},
      {"silu", "", of(silu), kUnary},
      {"mish", "", of(mish), kUnary},
      // reductions
      {"sum", "", one([](auto& x) { return sum(x); }), kUnary},
      {"sum", "0", one([](auto& x) { return sum(x, {0}); }), kMatrix},
      {"sum", "0, -1, keepdim", one([](auto& x) {
         return sum(x, {0, -1}, true);
       }),
       kMatrix},
      {"mean", "", one([](auto& x) { return mean(x); }), {{{2, 3}}, {{}}, {{2, 3, 2}}}},
      {"mean", "-1", one([](auto& x) { return mean(x, {-1}); }), kMatrix},
      {"var", "-1", one([](auto& x) { return var(x, {-1}); }), kMatrix},
      {"std", "-1, biased", one([](auto& x) { return saccade::std(x, {-1}, false, true); }), kMatrix},
      {"amax", "", one([](auto& x) { return amax(x); }), {{{2, 3}}, {{}}, {{2, 3, 2}}}},
      {"amax", "0", one([](auto& x) { return amax(x, {0}); }), kMatrix},
      {"amin", "", one([](auto& x) { return amin(x); }), {{{2, 3}}, {{}}, {{2, 3, 2}}}},
      {"amin", "0", one([](auto& x) { return amin(x, {0}); }), kMatrix},
      {"amin", "0, -1, keepdim", one([](auto& x) {
         return amin(x, {0, -1}, true);
       }),
       kMatrix},
      {"max", "-1", one([](auto& x) { return max(x, -1).first; }), kMatrix},
      {"min", "0", one([](auto& x) { return min(x, 0, true).first; }), kMatrix},
      {"argmax", "-1", one([](auto& x) { return argmax(x, -1); }), kMatrix, -2, 2, {0}, false},
      {"prod", "1", one([](auto& x) { return prod(x, 1); }), kMatrix},
      {"prod", "0", one([](auto& x) { return prod(x, 0, true); }), {{{5}}, {{3, 2}}}},
      {"logsumexp", "-1", one([](auto& x) { return logsumexp(x, {-1}); }), kMatrix},
      {"logsumexp", "all, far out", one([](auto& x) { return logsumexp(x, {}); }), kMatrix, -300, 300},
      {"softmax", "1", one([](auto& x) { return softmax(x, 1); }), kMatrix},
      {"log_softmax", "0", one([](auto& x) { return log_softmax(x, 0); }), kMatrix},
      {"cumsum", "0", one([](auto& x) { return cumsum(x, 0); }), kMatrix},
      {"cumsum", "-1", one([](auto& x) { return cumsum(x, -1); }), kMatrix},
      {"sum_to",
       "[3, 1]",
       one(
           [](auto& x) {
             return sum_to(x, {3, 1});
           }),
       {{{3, 4}}, {{2, 3, 2}}}},
      // views and layout
      {"reshape",
       "[-1, 2]",
       one(
           [](auto& x) {
             return reshape(x, {-1, 2});
           }),
       {{{3, 4}}, {{2, 3, 2}}, {{0, 2}}}},
      {"contiguous", "", one([](auto& x) { return contiguous(transpose(x)); }), kMatrix},
      {"to", "f32 and back", one([](auto& x) { return to(to(x, x.dtype()), x.dtype()); }), kUnary},
      {"transpose", "", one([](auto& x) { return transpose(x); }), kMatrix},
      {"transpose", "0, 1", one([](auto& x) { return transpose(x, 0, 1); }), kMatrix},
      {"permute",
       "-1, 0, 1",
       one(
           [](auto& x) {
             return permute(x, {-1, 0, 1});
           }),
       {{{2, 3, 4}}}},
      {"expand",
       "[2, 3, 4]",
       one(
           [](auto& x) {
             return expand(x, {2, 3, 4});
           }),
       {{{3, 1}}, {{4}}, {{}}, {{2, 1, 4}}}},
      {"slice", "0, 1:3", one([](auto& x) { return slice(x, 0, 1, 3); }), {{{4, 2}}, {{3}}}},
      {"slice", "-1, 0:4:2", one([](auto& x) { return slice(x, -1, 0, 4, 2); }), {{{3, 4}}, {{2, 5}}}},
      {"slice", "empty", one([](auto& x) { return slice(x, 0, 2, 2); }), {{{3, 2}}}},
      {"select", "1, -1", one([](auto& x) { return select(x, 1, -1); }), kMatrix},
      {"unsqueeze", "1", one([](auto& x) { return unsqueeze(x, 1); }), kMatrix},
      {"squeeze", "0", one([](auto& x) { return squeeze(x, 0); }), {{{1, 3}}, {{2, 3}}}},
      {"flatten", "0, 1", one([](auto& x) { return flatten(x, 0, 1); }), kMatrix},
      {"split", "1, 2 along 1", [](auto& x) { return split(x[0], {1, 2}, 1); }, {{{2, 3}}}},
      {"chunk", "2 along -1", [](auto& x) { return chunk(x[0], 2, -1); }, {{{3, 4}}}},
      {"cat",
       "1",
       [](auto& x) { return TensorList{cat(x, 1)}; },
       {{{2, 3}, {2, 1}, {2, 2}}, {{2, 3}}, {{0, 2}, {0, 1}}}},
      {"stack", "-1", [](auto& x) { return TensorList{stack(x, -1)}; }, {{{2, 3}, {2, 3}}, {{}, {}, {}}}},
      {"flip", "0, 1", one([](auto& x) {
         return flip(x, {0, 1});
       }),
       kMatrix},
      // indexing
      {"gather",
       "0",
       one(
           [](auto& x) {
             return gather(x, 0, indices({2, 0, 1, 1, 0, 2}, {2, 3}));
           }),
       {{{3, 4}}}},
      {"gather",
       "1",
       one(
           [](auto& x) {
             return gather(x, 1, indices({0, 3, 3, 1}, {2, 2}));
           }),
       {{{3, 4}}}},
      {"scatter_add",
       "0",
       one(
           [](auto& x) {
             return scatter_add(x, {4, 2}, 0, indices({3, 0, 3, 1, 0, 0}, {3, 2}));
           }),
       {{{3, 2}}}},
      {"index_select",
       "1",
       one(
           [](auto& x) {
             return index_select(x, 1, indices({2, 0, 2, 1}, {4}));
           }),
       {{{3, 4}}, {{2, 3, 2}}}},
      {"one_hot",
       "4",
       one([](auto& x) { return one_hot(abs(floor(x)), 4); }),
       {{{3}}, {{2, 2}}},
       -2,
       2,
       {-1, 0, 1},
       false},
      {"tril", "0", one([](auto& x) { return tril(x); }), {{{3, 4}}, {{4, 2}}}},
      {"triu", "1", one([](auto& x) { return triu(x, 1); }), {{{3, 4}}, {{2, 3, 3}}}},
      // matrix products
      {"matmul",
       "",
       of(matmul),
       {{{3, 4}, {4, 2}},
        {{4}, {4}},
        {{4}, {4, 2}},
        {{3, 4}, {4}},
        {{2, 3, 4}, {2, 4, 2}},
        {{2, 1, 2, 3}, {3, 3, 2}},
        {{2, 3, 4}, {4, 2}},
        {{0, 3}, {3, 2}},
        {{2, 0}, {0, 3}},
        {{1, 1}, {1, 1}}}},
      {"linear",
       "",
       [](auto& x) { return TensorList{linear(x[0], x[1], x[2])}; },
       {{{3, 4}, {2, 4}, {2}},
        {{4}, {2, 4}, {2}},
        {{2, 3, 4}, {2, 4}, {2}},
        {{1, 4}, {1, 4}, {1}},
        {{3, 4}, {2, 5, 4}, {2, 5}},
        {{2, 3, 4}, {2, 5, 4}, {2, 5}}}},
      {"linear",
       "no bias",
       two([](auto& x, auto& w) { return linear(x, w); }),
       {{{3, 4}, {2, 4}}, {{3, 4}, {2, 1, 4}}}},
      {"linear",
       "relu",
       [](auto& x) { return TensorList{linear(x[0], x[1], x[2], Activation::relu)}; },
       {{{3, 4}, {2, 4}, {2}}, {{3, 2}, {2, 4, 2}, {2, 4}}}},
      {"linear",
       "tanh",
       [](auto& x) { return TensorList{linear(x[0], x[1], x[2], Activation::tanh)}; },
       {{{3, 4}, {2, 4}, {2}}}},
      // normalisation and losses
      {"layer_norm",
       "",
       [](auto& x) { return TensorList{layer_norm(x[0], x[1], x[2])}; },
       {{{3, 4}, {4}, {4}}, {{2, 2, 5}, {5}, {5}}}},
      {"cross_entropy",
       "",
       one(
           [](auto& x) {
             return cross_entropy(x, indices({2, 0, 1}, {3}));
           }),
       {{{3, 4}}}},
  };
  for (const auto& [reduction, label] :
       {std::pair{R::none, "none"}, std::pair{R::mean, "mean"}, std::pair{R::sum, "sum"}}) {
    table.push_back(
        {"mse_loss", label, two([r = reduction](auto& x, auto& y) { return mse_loss(x, y, r); }), kPair});
    table.push_back(
        {"l1_loss", label, two([r = reduction](auto& x, auto& y) { return l1_loss(x, y, r); }), kPair});
    table.push_back({"huber_loss", label,
                     two([r = reduction](auto& x, auto& y) { return huber_loss(x, y, r, 1.3); }), kPair});
    table.push_back({"smooth_l1_loss", label,
                     two([r = reduction](auto& x, auto& y) { return smooth_l1_loss(x, y, r, 0.6); }), kPair});
    table.push_back({"binary_cross_entropy_with_logits", label, two([r = reduction](auto& x, auto& y) {
                       return binary_cross_entropy_with_logits(x, y, r);
                     }),
                     kPair});
  }
  return table;
}

// ---- inputs ----

// Distinct numbers, shuffled over all of a call's inputs, at least 0.3 of the spacing apart: no ties, and
// none within 0.08 of a corner. The same for every run.
TensorList draw(const Row& row, const Shapes& shapes) {
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
  for (const Row& row : rows()) {
    const auto add = [&](const Shapes& shapes, const Layout* layout) {
      Check check{"ops", row.name, row.arguments, row.f, draw(row, shapes), {}, row.differentiable};
      if (!check.variant.empty()) check.variant += "  ";
      check.variant += describe_shapes(shapes);
      if (layout != nullptr) {
        check.variant += fmt::format(" {}", layout->name);
        check.f = [f = row.f, arrange = layout->arrange](const TensorList& x) {
          TensorList arranged;
          for (const Tensor& input : x) arranged.push_back(arrange(input));
          return f(arranged);
        };
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
