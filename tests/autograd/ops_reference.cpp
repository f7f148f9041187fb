// Every op against PyTorch's results: values, gradients and second derivatives, for inputs of several
// layouts.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;

namespace {

using Json = nlohmann::json;
using Op = std::function<TensorList(const TensorList& x, const Json& attrs)>;

Shape shape_of(const Json& list) {
  Shape shape;
  for (const Json& n : list) shape.push_back(n.get<std::int64_t>());
  return shape;
}
// Null means all dimensions, which is how an empty list reads here.
Shape dims_of(const Json& a) { return a["dims"].is_null() ? Shape{} : shape_of(a["dims"]); }
std::int64_t dim_of(const Json& a) { return a["dim"]; }
bool keepdim_of(const Json& a) { return a["keepdim"]; }
Reduction reduction_of(const Json& a) {
  const std::map<std::string, Reduction> names = {
      {"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}};
  return names.at(a["reduction"]);
}
std::optional<double> bound_of(const Json& a, const char* key) {
  return a.contains(key) ? std::optional(a[key].get<double>()) : std::nullopt;
}

Op one(Tensor (*f)(const Tensor&)) {
  return [f](const TensorList& x, const Json&) { return TensorList{f(x[0])}; };
}
Op two(Tensor (*f)(const Tensor&, const Tensor&)) {
  return [f](const TensorList& x, const Json&) { return TensorList{f(x[0], x[1])}; };
}
// For ops of one result: f(inputs, attributes).
template <class F>
Op op(const F& f) {
  return [f](const TensorList& x, const Json& a) { return TensorList{f(x, a)}; };
}

using X = const TensorList&;
using A = const Json&;

const std::map<std::string, Op> kOps = {
    {"add", two(saccade::add)},
    {"sub", two(saccade::sub)},
    {"mul", two(saccade::mul)},
    {"div", two(saccade::div)},
    {"pow_tensor", two(saccade::pow)},
    {"minimum", two(saccade::minimum)},
    {"maximum", two(saccade::maximum)},
    {"matmul", two(saccade::matmul)},
    {"neg", one(saccade::neg)},
    {"exp", one(saccade::exp)},
    {"log", one(saccade::log)},
    {"log1p", one(saccade::log1p)},
    {"expm1", one(saccade::expm1)},
    {"sqrt", one(saccade::sqrt)},
    {"rsqrt", one(saccade::rsqrt)},
    {"square", one(saccade::square)},
    {"reciprocal", one(saccade::reciprocal)},
    {"tanh", one(saccade::tanh)},
    {"sigmoid", one(saccade::sigmoid)},
    {"softplus", one(saccade::softplus)},
    {"relu", one(saccade::relu)},
    {"abs", one(saccade::abs)},
    {"sin", one(saccade::sin)},
    {"cos", one(saccade::cos)},
    {"atan", one(saccade::atan)},
    {"silu", one(saccade::silu)},
    {"erf", one(saccade::erf)},
    {"logsigmoid", one(saccade::logsigmoid)},
    {"mish", one(saccade::mish)},
    {"sign", one(saccade::sign)},
    {"floor", one(saccade::floor)},
    {"max_all", one(saccade::amax)},
    {"elu", op([](X x, A a) { return elu(x[0], a.value("alpha", 1.0)); })},
    {"gelu_erf", op([](X x, A) { return gelu(x[0], Gelu::erf); })},
    {"gelu_tanh", op([](X x, A) { return gelu(x[0], Gelu::tanh); })},
    {"leaky_relu", op([](X x, A a) { return leaky_relu(x[0], a["negative_slope"]); })},
    {"pow_scalar", op([](X x, A a) { return pow(x[0], a["exponent"].get<double>()); })},
    {"clamp", op([](X x, A a) { return clamp(x[0], bound_of(a, "min"), bound_of(a, "max")); })},
    {"where", op([](X x, A) { return where(x[0], x[1], x[2]); })},
    {"sum", op([](X x, A a) { return sum(x[0], dims_of(a), keepdim_of(a)); })},
    {"mean", op([](X x, A a) { return mean(x[0], dims_of(a), keepdim_of(a)); })},
    {"var", op([](X x, A a) { return var(x[0], dims_of(a), a["unbiased"], keepdim_of(a)); })},
    {"std", op([](X x, A a) { return saccade::std(x[0], dims_of(a), a["unbiased"], keepdim_of(a)); })},
    {"amax", op([](X x, A a) { return amax(x[0], dims_of(a), keepdim_of(a)); })},
    {"amin", op([](X x, A a) { return amin(x[0], dims_of(a), keepdim_of(a)); })},
    {"logsumexp", op([](X x, A a) { return logsumexp(x[0], dims_of(a), keepdim_of(a)); })},
    {"max_dim", op([](X x, A a) { return saccade::max(x[0], dim_of(a), keepdim_of(a)).first; })},
    {"min_dim", op([](X x, A a) { return saccade::min(x[0], dim_of(a), keepdim_of(a)).first; })},
    {"prod_dim", op([](X x, A a) { return prod(x[0], dim_of(a), keepdim_of(a)); })},
    {"softmax", op([](X x, A a) { return softmax(x[0], dim_of(a)); })},
    {"log_softmax", op([](X x, A a) { return log_softmax(x[0], dim_of(a)); })},
    {"cumsum", op([](X x, A a) { return cumsum(x[0], dim_of(a)); })},
    {"linear", op([](X x, A) { return linear(x[0], x[1], x[2]); })},
    {"transpose", op([](X x, A a) { return transpose(x[0], a["dim0"], a["dim1"]); })},
    {"permute", op([](X x, A a) { return permute(x[0], shape_of(a["dims"])); })},
    {"reshape", op([](X x, A a) { return reshape(x[0], shape_of(a["shape"])); })},
    {"broadcast_to", op([](X x, A a) { return expand(x[0], shape_of(a["shape"])); })},
    {"slice", op([](X x, A a) { return slice(x[0], dim_of(a), a["start"], a["stop"], a["step"]); })},
    {"select", op([](X x, A a) { return select(x[0], dim_of(a), a["index"]); })},
    {"concat", op([](X x, A a) { return cat(x, dim_of(a)); })},
    {"stack", op([](X x, A a) { return stack(x, dim_of(a)); })},
    {"unsqueeze", op([](X x, A a) { return unsqueeze(x[0], dim_of(a)); })},
    {"squeeze", op([](X x, A a) { return squeeze(x[0], dim_of(a)); })},
    {"split", [](X x, A a) { return split(x[0], shape_of(a["sizes"]), dim_of(a)); }},
    {"flip", op([](X x, A a) { return flip(x[0], shape_of(a["dims"])); })},
    {"gather", op([](X x, A a) { return gather(x[0], dim_of(a), x[1]); })},
    {"index_select", op([](X x, A a) { return index_select(x[0], dim_of(a), x[1]); })},
    {"tril", op([](X x, A a) { return tril(x[0], a["diagonal"]); })},
    {"triu", op([](X x, A a) { return triu(x[0], a["diagonal"]); })},
    {"layer_norm", op([](X x, A a) { return layer_norm(x[0], x[1], x[2], a["eps"]); })},
    {"mse_loss", op([](X x, A a) { return mse_loss(x[0], x[1], reduction_of(a)); })},
    {"l1_loss", op([](X x, A a) { return l1_loss(x[0], x[1], reduction_of(a)); })},
    {"huber_loss", op([](X x, A a) { return huber_loss(x[0], x[1], reduction_of(a), a["delta"]); })},
    {"smooth_l1_loss", op([](X x, A a) { return smooth_l1_loss(x[0], x[1], reduction_of(a), a["beta"]); })},
    {"cross_entropy", op([](X x, A a) { return cross_entropy(x[0], x[1], reduction_of(a)); })},
    {"bce_with_logits",
     op([](X x, A a) { return binary_cross_entropy_with_logits(x[0], x[1], reduction_of(a)); })},
    {"normal_log_prob", op([](X x, A) {
       const Tensor z = (x[0] - x[1]) / exp(x[2]);
       return -0.5 * square(z) - x[2] - 0.5 * std::log(2 * std::numbers::pi);
     })},
    {"composite_x_mul_x_plus_x", op([](X x, A) { return x[0] * x[0] + x[0]; })},
    {"composite_mlp", op([](X x, A) {
       const Tensor h = tanh(matmul(x[0], x[1]) + x[2]);
       return mean(square(tanh(matmul(h, x[3]) + x[4])));
     })},
    {"composite_outer",
     op([](X x, A) { return log(1 + sum(square(unsqueeze(x[0], 0) - unsqueeze(x[0], 1)), {1})); })},
    {"composite_grad_penalty", op([](X x, A) {
       const Tensor z = matmul(x[0], x[1]);
       return sum(softmax(z, -1) * sigmoid(z), {-1});
     })},
};

// ---- layouts: the same values, stored otherwise ----

Tensor as_is(const Tensor& x) { return x; }

// Column-major: the dimensions in storage are in the opposite order.
Tensor transposed(const Tensor& x) {
  Shape reversed;
  for (std::int64_t d = x.dim() - 1; d >= 0; --d) reversed.push_back(d);
  return permute(permute(x, reversed) * 1, reversed);
}

// Every second element of a larger tensor of NaN, from its second on, in every dimension.
Tensor sliced(const Tensor& x) {
  Shape larger;
  for (const std::int64_t n : x.shape()) larger.push_back(2 * n + 1);
  Tensor view = full(larger, std::nan(""), x.dtype());
  for (std::int64_t d = 0; d < x.dim(); ++d) view = slice(view, d, 1, 2 * x.shape()[d], 2);
  view.copy_(x);
  return view;
}

// The first entry of the first dimension for all of them: other values than x's, by a stride of 0.
Tensor expanded(const Tensor& x) {
  if (x.dim() == 0 || x.numel() == 0) return x;
  return expand(slice(x, 0, 0, 1), x.shape());
}

using Layout = Tensor (*)(const Tensor&);
using Named = std::pair<const char*, Layout>;

// ---- one case: what it gives, and what it should ----

struct Results {
  TensorList outputs, grads, grad_inputs, grad_cotangents;
};

Tensor tensor_of(const Json& t) { return from_values(numbers(t["data"]), shape_of(t["shape"]), DType::f64); }

TensorList tensors_of(const Json& list) {
  TensorList all;
  for (const Json& t : list) all.push_back(tensor_of(t));
  return all;
}

// Masks and indices may take a layout of their own, for those that change values.
Results run(const Json& c, DType dtype, Layout layout, Layout for_constants) {
  TensorList inputs, wrt, seeds;
  for (const Json& t : c["inputs"]) {
    const bool constant = t.value("const", false);
    inputs.push_back(to((constant ? for_constants : layout)(tensor_of(t)), dtype));
    if (!constant) wrt.push_back(inputs.back().requires_grad_());
  }
  for (const Json& t : c["cotangents"]) seeds.push_back(to(layout(tensor_of(t)), dtype).requires_grad_());
  const bool twice = c.contains("double_backward") && dtype == DType::f64;
  Results r;
  r.outputs = kOps.at(c["op"])(inputs, c["attrs"]);
  r.grads = grad(r.outputs, wrt, {.grad_outputs = seeds, .create_graph = twice});
  if (!twice) return r;
  // s = sum_i <grads_i, w_i>; a gradient that is constant, such as that of x^0, adds nothing.
  TensorList all = wrt, varying, weights;
  all.insert(all.end(), seeds.begin(), seeds.end());
  for (std::size_t i = 0; i < r.grads.size(); ++i) {
    if (!r.grads[i].requires_grad()) continue;
    varying.push_back(r.grads[i]);
    weights.push_back(tensor_of(c["double_backward"]["w"][i]));
  }
  TensorList second;
  for (const Tensor& x : all) second.push_back(zeros_like(x));
  if (!varying.empty()) second = grad(varying, all, {.grad_outputs = weights, .allow_unused = true});
  const auto split_at = second.begin() + static_cast<std::ptrdiff_t>(wrt.size());
  r.grad_inputs.assign(second.begin(), split_at);
  r.grad_cotangents.assign(split_at, second.end());
  return r;
}

Results expected(const Json& c) {
  Results r = {tensors_of(c["outputs"]), tensors_of(c["grads"]), {}, {}};
  if (c.contains("double_backward")) {
    r.grad_inputs = tensors_of(c["double_backward"]["grad_inputs"]);
    r.grad_cotangents = tensors_of(c["double_backward"]["grad_cotangents"]);
  }
  // torch's softplus is the identity beyond 20; ours is exact.
  if (c["op"] != "softplus") return r;
  const Tensor x = tensor_of(c["inputs"][0]), beyond = gt(x, 20);
  r.outputs[0] = where(beyond, x + log1p(exp(-x)), r.outputs[0]);
  r.grads[0] = where(beyond, tensor_of(c["cotangents"][0]) / (1 + exp(-x)), r.grads[0]);
  return r;
}

// The largest |got - expected| / (relative |expected| + absolute max(1, the largest |expected|)) of a tensor:
// at most 1 if all is well. Infinities and NaN must match.
double error(const Tensor& got, const Tensor& expected, double relative, double absolute) {
  const std::vector<double> x = got.to_vector(), y = expected.to_vector();
  double scale = 1, worst = 0;
  for (const double v : y) {
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    const double here = std::abs(x[i] - y[i]) / (relative * std::abs(y[i]) + absolute * scale);
    worst = std::isfinite(here) ? std::max(worst, here) : here;
    if (!std::isfinite(here)) break;
  }
  return worst;
}

void check_same(const char* what, const TensorList& got, const TensorList& expected, double relative,
                double absolute) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO(what << " " << i << ": " << got[i] << ", expected " << expected[i]);
    REQUIRE(got[i].shape() == expected[i].shape());
    CHECK(error(got[i], expected[i], relative, absolute) <= 1);
  }
}

// f64 against f64: the results are a few dozen roundings of 1e-16 away from each other, of values near the
// largest of their tensor.
void check_f64(const Results& got, const Results& expected) {
  constexpr double kRelative = 1e-10, kAbsolute = 1e-12;
  check_same("output", got.outputs, expected.outputs, kRelative, kAbsolute);
  check_same("gradient", got.grads, expected.grads, kRelative, kAbsolute);
  check_same("second gradient, input", got.grad_inputs, expected.grad_inputs, kRelative, kAbsolute);
  check_same("second gradient, cotangent", got.grad_cotangents, expected.grad_cotangents, kRelative,
             kAbsolute);
}

template <class F>
void for_each_case(const F& f) {
  const Json file = reference("ops.json");
  for (std::size_t i = 0; i < file["cases"].size(); ++i) {
    const Json& c = file["cases"][i];
    std::string shapes;
    for (const Json& x : c["inputs"]) shapes += x["shape"].dump() + " ";
    INFO("case " << i << ": " << c["op"] << " of " << shapes << "with " << c["attrs"] << " "
                 << c.value("note", ""));
    REQUIRE(kOps.count(c["op"]) == 1);
    f(c);
  }
}

}  // namespace

TEST_CASE("every op gives PyTorch's values and first and second gradients, whatever the layout", "[ops]") {
  int twice = 0;
  std::map<std::string, int> seen;
  for_each_case([&](const Json& c) {
    const Results right = expected(c);
    ++seen[c["op"]];
    twice += c.contains("double_backward") ? 1 : 0;
    for (const auto& [name, layout] :
         {Named("as they are", as_is), Named("transposed", transposed), Named("sliced", sliced)}) {
      INFO("inputs " << name);
      check_f64(run(c, DType::f64, layout, layout), right);
    }
  });
  CHECK(seen.size() == kOps.size());  // no op of the table is left without a case
  CHECK(twice > 0);
}

TEST_CASE("an expanded input gives what a copy of it gives", "[ops]") {
  const Layout copied = [](const Tensor& x) { return expanded(x) * 1; };
  for_each_case([&](const Json& c) {
    check_f64(run(c, DType::f64, expanded, as_is), run(c, DType::f64, copied, as_is));
  });
}

TEST_CASE("every op in f32 gives what f64 gives", "[ops]") {
  // From the same inputs, rounded to f32. No case adds more than 33 terms, nor computes an element in more
  // than some 15 steps of eps / 2 each: 8 eps of the element and of the largest in its tensor. Measured: 5.5.
  constexpr double kBound = 8 * std::numeric_limits<float>::epsilon();
  const Layout rounded = [](const Tensor& x) { return to(to(x, DType::f32), DType::f64); };
  const auto in_f32 = [](const TensorList& list) {
    TensorList all;
    for (const Tensor& x : list) all.push_back(to(x.detach(), DType::f32));
    return all;
  };
  for_each_case([&](const Json& c) {
    const Results got = run(c, DType::f32, as_is, as_is), right = run(c, DType::f64, rounded, as_is);
    check_same("output", got.outputs, in_f32(right.outputs), kBound, kBound);
    check_same("gradient", got.grads, in_f32(right.grads), kBound, kBound);
    CHECK(got.outputs[0].dtype() == DType::f32);
  });
}
