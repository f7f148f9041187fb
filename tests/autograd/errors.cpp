// The answer of every op to wrong shapes, dimensions, dtypes, indices and undefined tensors: the right kind
// of error, whose message names the op and shows what was given.
#include <cmath>
#include <functional>
#include <string>
#include <typeinfo>
#include <vector>

#include "autograd/ops.h"
#include "autograd/tensor.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

enum class Kind { shape, dtype };

struct Mistake {
  const char* what;
  std::function<void()> make;
  Kind kind;
  std::vector<std::string> says;  // each a part of the message
};

void check_all(const std::vector<Mistake>& mistakes) {
  for (const Mistake& m : mistakes) {
    INFO(m.what);
    try {
      m.make();
      FAIL_CHECK("no error");
    } catch (const Error& error) {
      INFO("message: " << error.what());
      CHECK((m.kind == Kind::shape ? dynamic_cast<const ShapeError*>(&error) != nullptr
                                   : dynamic_cast<const DTypeError*>(&error) != nullptr));
      for (const std::string& part : m.says) CHECK(std::string(error.what()).find(part) != std::string::npos);
    }
  }
}

const Tensor kNone;
Tensor f32(const Shape& shape) { return ones(shape); }
Tensor f64(const Shape& shape) { return ones(shape, DType::f64); }
Tensor index_of(std::initializer_list<double> values) {
  return from_values(values, {static_cast<std::int64_t>(values.size())});
}

using Two = Tensor (*)(const Tensor&, const Tensor&);
using One = Tensor (*)(const Tensor&);

const std::vector<std::pair<const char*, Two>> kTwo = {
    {"add", saccade::add},
    {"sub", saccade::sub},
    {"mul", saccade::mul},
    {"div", saccade::div},
    {"pow", saccade::pow},
    {"maximum", saccade::maximum},
    {"minimum", saccade::minimum},
    {"eq", saccade::eq},
    {"gt", saccade::gt},
    {"ge", saccade::ge},
    {"where", [](const Tensor& a, const Tensor& b) { return where(a, b, b); }},
    {"where", [](const Tensor& a, const Tensor& b) { return where(b, a, b); }},
};

const std::vector<One> kOne = {
    saccade::exp,
    saccade::log,
    saccade::log1p,
    saccade::expm1,
    saccade::sqrt,
    saccade::rsqrt,
    saccade::square,
    saccade::reciprocal,
    saccade::abs,
    saccade::sign,
    saccade::floor,
    saccade::sin,
    saccade::cos,
    saccade::atan,
    saccade::erf,
    saccade::tanh,
    saccade::sigmoid,
    saccade::softplus,
    saccade::relu,
    saccade::neg,
    saccade::silu,
    saccade::mish,
    saccade::logsigmoid,
    [](const Tensor& x) { return leaky_relu(x); },
    [](const Tensor& x) { return elu(x); },
    [](const Tensor& x) { return gelu(x); },
    [](const Tensor& x) { return gelu(x, Gelu::tanh); },
    [](const Tensor& x) { return clamp(x, 0, 1); },
    [](const Tensor& x) { return clamp(x, std::nullopt, std::nullopt); },
    [](const Tensor& x) { return pow(x, 2.0); },
    [](const Tensor& x) { return x + 1; },
    [](const Tensor& x) { return 1 - x; },
    [](const Tensor& x) { return 2 * x; },
    [](const Tensor& x) { return 1 / x; },
    [](const Tensor& x) { return gt(x, 0); },
    [](const Tensor& x) { return ge(x, 0); },
};

// Ops along one dimension: f(x, dim).
const std::vector<std::pair<const char*, Tensor (*)(const Tensor&, std::int64_t)>> kAlong = {
    {"sum", [](const Tensor& x, std::int64_t d) { return sum(x, {d}); }},
    {"mean", [](const Tensor& x, std::int64_t d) { return mean(x, {d}); }},
    {"var", [](const Tensor& x, std::int64_t d) { return var(x, {d}); }},
    {"var", [](const Tensor& x, std::int64_t d) { return saccade::std(x, {d}); }},
    {"amax", [](const Tensor& x, std::int64_t d) { return amax(x, {d}); }},
    {"amin", [](const Tensor& x, std::int64_t d) { return amin(x, {d}); }},
    {"max", [](const Tensor& x, std::int64_t d) { return saccade::max(x, d).first; }},
    {"min", [](const Tensor& x, std::int64_t d) { return saccade::min(x, d).first; }},
    {"argmax", [](const Tensor& x, std::int64_t d) { return argmax(x, d); }},
    {"prod", [](const Tensor& x, std::int64_t d) { return prod(x, d); }},
    {"logsumexp", [](const Tensor& x, std::int64_t d) { return logsumexp(x, {d}); }},
    {"softmax", [](const Tensor& x, std::int64_t d) { return softmax(x, d); }},
    {"log_softmax", [](const Tensor& x, std::int64_t d) { return log_softmax(x, d); }},
    {"cumsum", [](const Tensor& x, std::int64_t d) { return cumsum(x, d); }},
    {"transpose", [](const Tensor& x, std::int64_t d) { return transpose(x, 0, d); }},
    {"slice", [](const Tensor& x, std::int64_t d) { return slice(x, d, 0, 1); }},
    {"select", [](const Tensor& x, std::int64_t d) { return select(x, d, 0); }},
    {"squeeze", [](const Tensor& x, std::int64_t d) { return squeeze(x, d); }},
    {"flatten", [](const Tensor& x, std::int64_t d) { return flatten(x, 0, d); }},
    {"split",
     [](const Tensor& x, std::int64_t d) {
       return split(x, {1, 1}, d)[0];
     }},
    {"chunk", [](const Tensor& x, std::int64_t d) { return chunk(x, 2, d)[0]; }},
    {"cat",
     [](const Tensor& x, std::int64_t d) {
       return cat({x, x}, d);
     }},
    {"flip", [](const Tensor& x, std::int64_t d) { return flip(x, {d}); }},
    {"gather",
     [](const Tensor& x, std::int64_t d) {
       return gather(x, d, f32({2, 3}));
     }},
    {"scatter_add",
     [](const Tensor& x, std::int64_t d) {
       return scatter_add(x, {2, 3}, d, f32({2, 3}));
     }},
    {"index_select", [](const Tensor& x, std::int64_t d) { return index_select(x, d, index_of({0})); }},
};

// The remaining ops of one tensor.
const std::vector<std::pair<const char*, One>> kWhole = {
    {"sum", saccade::sum},
    {"mean", saccade::mean},
    {"amax", saccade::amax},
    {"amin", saccade::amin},
    {"sum_to", [](const Tensor& x) { return sum_to(x, {1}); }},
    {"reshape", [](const Tensor& x) { return reshape(x, {1}); }},
    {"contiguous", saccade::contiguous},
    {"to", [](const Tensor& x) { return to(x, DType::f64); }},
    {"transpose", [](const Tensor& x) { return transpose(x); }},
    {"permute", [](const Tensor& x) { return permute(x, {0}); }},
    {"expand", [](const Tensor& x) { return expand(x, {1}); }},
    {"unsqueeze", [](const Tensor& x) { return unsqueeze(x, 0); }},
    {"stack", [](const Tensor& x) { return stack({x}, 0); }},
    {"one_hot", [](const Tensor& x) { return one_hot(x, 2); }},
    {"tril", [](const Tensor& x) { return tril(x); }},
    {"triu", [](const Tensor& x) { return triu(x); }},
    {"matmul", [](const Tensor& x) { return matmul(x, f32({1})); }},
    {"matmul", [](const Tensor& x) { return matmul(f32({1}), x); }},
    {"linear",
     [](const Tensor& x) {
       return linear(x, f32({1, 1}));
     }},
    {"linear",
     [](const Tensor& x) {
       return linear(f32({1, 1}), x);
     }},
    {"layer_norm", [](const Tensor& x) { return layer_norm(x); }},
    {"gather", [](const Tensor& x) { return gather(f32({1}), 0, x); }},
    {"scatter_add", [](const Tensor& x) { return scatter_add(f32({1}), {1}, 0, x); }},
    {"index_select", [](const Tensor& x) { return index_select(f32({1}), 0, x); }},
    {"mse_loss", [](const Tensor& x) { return mse_loss(x, f32({1})); }},
    {"l1_loss", [](const Tensor& x) { return l1_loss(f32({1}), x); }},
    {"huber_loss", [](const Tensor& x) { return huber_loss(x, x); }},
    {"smooth_l1_loss", [](const Tensor& x) { return smooth_l1_loss(x, f32({1})); }},
    {"cross_entropy", [](const Tensor& x) { return cross_entropy(x, f32({1})); }},
    {"cross_entropy",
     [](const Tensor& x) {
       return cross_entropy(f32({1, 1}), x);
     }},
    {"binary_cross_entropy_with_logits",
     [](const Tensor& x) { return binary_cross_entropy_with_logits(x, f32({1})); }},
};

}  // namespace

TEST_CASE("an undefined tensor is an error in every op", "[errors]") {
  std::vector<Mistake> all;
  for (const auto& [op, f] : kTwo) {
    all.push_back({op, [f = f] { f(kNone, f32({2})); }, Kind::shape, {op, "undefined"}});
    all.push_back({op, [f = f] { f(f32({2}), kNone); }, Kind::shape, {op, "undefined"}});
  }
  for (const One f : kOne) all.push_back({"of one", [f] { f(kNone); }, Kind::shape, {"undefined"}});
  for (const auto& [op, f] : kAlong) {
    all.push_back({op, [f = f] { f(kNone, 0); }, Kind::shape, {op, "undefined"}});
  }
  for (const auto& [op, f] : kWhole) {
    all.push_back({op, [f = f] { f(kNone); }, Kind::shape, {op, "undefined"}});
  }
  all.push_back({"1 /", [] { 1 / kNone; }, Kind::shape, {"an op with a number", "undefined"}});
  check_all(all);
}

TEST_CASE("shapes that do not fit are errors that show both", "[errors]") {
  std::vector<Mistake> all;
  for (const auto& [op, f] : kTwo) {
    all.push_back({op,
                   [f = f] {
                     f(f32({2, 3}), f32({4}));
                   },
                   Kind::shape,
                   {op, "[2, 3]", "[4]", "do not broadcast"}});
  }
  for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{
           {{2, 3}, {2, 3}}, {{}, {3}}, {{3}, {4}}, {{3}, {4, 2}}, {{2, 3}, {4}}, {{5, 2, 3}, {5, 2, 3}}}) {
    all.push_back(
        {"matmul", [a = a, b = b] { matmul(f32(a), f32(b)); }, Kind::shape, {"matmul", a.str(), b.str()}});
  }
  const auto mistake = [&all](const char* op, std::function<void()> f, std::vector<std::string> says) {
    says.emplace_back(op);
    all.push_back({op, std::move(f), Kind::shape, std::move(says)});
  };
  mistake("matmul", [] { matmul(f32({2, 4, 3}), f32({3, 3, 5})); }, {"[2]", "[3]"});
  mistake("linear", [] { linear(f32({2, 3}), f32({4, 5}), f32({4})); }, {"[2, 3]", "[4, 5]", "(out, in)"});
  mistake("linear", [] { linear(f32({2, 3}), f32({4, 3}), f32({3})); }, {"bias [3]"});
  mistake("linear", [] { linear(f32({}), f32({4, 3})); }, {"input []"});
  mistake("linear", [] { linear(f32({5, 2, 3}), f32({2, 4, 3})); }, {"[5, 2, 3]", "[2, 4, 3]"});
  mistake("linear", [] { linear(f32({2, 3}), f32({3})); }, {"weight [3]", "bias none"});
  mistake("reshape", [] { reshape(f32({2, 3}), {4}); }, {"[4]", "6 elements", "[2, 3]"});
  mistake("reshape", [] { reshape(f32({2, 3}), {-1, -1}); }, {"[-1, -1]"});
  mistake("reshape", [] { reshape(f32({2, 3}), {-1, 4}); }, {"[-1, 4]"});
  mistake("reshape", [] { reshape(f32({2, 3}), {-2, -3}); }, {"[-2, -3]"});
  mistake("expand", [] { expand(f32({2, 3}), {3, 3}); }, {"[2, 3]", "[3, 3]"});
  mistake("expand", [] { expand(f32({2, 3}), {3}); }, {"[2, 3]", "[3]"});
  mistake("expand", [] { expand(f32({3}), {-1, 3}); }, {"[-1, 3]"});
  mistake("permute", [] { permute(f32({2, 3}), {0}); }, {"[0]", "[2, 3]"});
  mistake("permute", [] { permute(f32({2, 3}), {0, 0}); }, {"[0, 0]", "once"});
  mistake("permute", [] { permute(f32({2, 3}), {0, 2}); }, {"dim 2"});
  mistake("cat", [] { cat({}, 0); }, {"no tensors"});
  mistake("cat", [] { cat({f32({2, 3}), f32({2, 4})}, 0); }, {"[2, 3]", "[2, 4]"});
  mistake("cat", [] { cat({f32({2, 3}), f32({3})}, 0); }, {"[2, 3]", "[3]"});
  mistake("cat", [] { stack({f32({2}), f32({3})}, 0); }, {"[1, 2]", "[1, 3]"});
  mistake("split", [] { split(f32({2, 3}), {1, 1}, 1); }, {"[1, 1]", "dimension 1", "[2, 3]"});
  mistake("split", [] { split(f32({3}), {-1, 4}, 0); }, {"[-1, 4]", "[3]"});
  mistake("chunk", [] { chunk(f32({3}), 2, 0); }, {"[3]", "2 equal parts"});
  mistake("chunk", [] { chunk(f32({3}), 0, 0); }, {"0 equal parts"});
  mistake("flatten", [] { flatten(f32({2, 3}), 1, 0); }, {"[2, 3]"});
  mistake("tril", [] { tril(f32({3})); }, {"at least 2", "[3]"});
  mistake("layer_norm", [] { layer_norm(f32({2, 3}), f32({2})); }, {"[2]", "[2, 3]"});
  mistake("layer_norm", [] { layer_norm(f32({2, 3}), f32({3}), f32({2, 3})); }, {"[2, 3]"});
  for (const auto loss : {mse_loss, l1_loss, binary_cross_entropy_with_logits}) {
    mistake("differ in shape", [loss] { loss(f32({3}), f32({3, 1}), Reduction::mean); }, {"[3]", "[3, 1]"});
  }
  mistake("huber_loss", [] { huber_loss(f32({3}), f32({1})); }, {"[3]", "[1]"});
  mistake("smooth_l1_loss", [] { smooth_l1_loss(f32({3}), f32({})); }, {"[3]", "[]"});
  mistake("cross_entropy", [] { cross_entropy(f32({2, 3}), f32({3})); }, {"[2, 3]", "[3]", "(n, classes)"});
  mistake("cross_entropy", [] { cross_entropy(f32({2, 3}), f32({2, 1})); }, {"[2, 1]"});
  check_all(all);
}

TEST_CASE("a dimension out of range, or given twice, is an error", "[errors]") {
  std::vector<Mistake> all;
  for (const auto& [op, f] : kAlong) {
    for (const std::int64_t dim : {2, -3}) {
      all.push_back({op,
                     [f = f, dim] {
                       f(f32({2, 3}), dim);
                     },
                     Kind::shape,
                     {op, "dim " + std::to_string(dim), "-2 to 1"}});
    }
    if (std::string(op) != "flatten")
      all.push_back({op, [f = f] { f(f32({}), 0); }, Kind::shape, {op, "no dimensions"}});
  }
  all.push_back({"sum", [] { sum(f32({2, 3}), {0, -2}); }, Kind::shape, {"sum", "twice", "[0, 0]"}});
  all.push_back(
      {"unsqueeze", [] { unsqueeze(f32({2}), 3); }, Kind::shape, {"unsqueeze", "dim 3", "-2 to 1"}});
  all.push_back({"select", [] { select(f32({2, 3}), 1, 3); }, Kind::shape, {"select", "index 3", "[2, 3]"}});
  all.push_back({"select", [] { select(f32({2, 3}), 1, -4); }, Kind::shape, {"select", "index -4"}});
  all.push_back({"slice", [] { slice(f32({2}), 0, 0, 1, 0); }, Kind::shape, {"slice", "step 0"}});
  for (const auto& [op, f] : {std::pair<const char*, One>("amax", saccade::amax), {"amin", saccade::amin}}) {
    all.push_back({op, [f = f] { f(f32({0, 3})); }, Kind::shape, {op, "[0, 3]", "no element"}});
  }
  all.push_back({"max", [] { saccade::max(f32({0, 3}), 0); }, Kind::shape, {"max", "[0, 3]"}});
  all.push_back({"logsumexp", [] { logsumexp(f32({0}), {}); }, Kind::shape, {"logsumexp", "[0]"}});
  check_all(all);
}

TEST_CASE("f32 and f64 do not mix", "[errors]") {
  std::vector<Mistake> all;
  for (const auto& [op, f] : kTwo) {
    all.push_back({op, [f = f] { f(f32({2}), f64({2})); }, Kind::dtype, {op, "f32 [2]", "f64 [2]", "to()"}});
  }
  const auto mistake = [&all](const char* op, std::function<void()> f) {
    all.push_back({op, std::move(f), Kind::dtype, {op, "f32", "f64"}});
  };
  mistake("matmul", [] { matmul(f32({2, 3}), f64({3, 2})); });
  mistake("linear", [] { linear(f32({2, 3}), f64({4, 3})); });
  mistake("linear", [] { linear(f32({2, 3}), f32({4, 3}), f64({4})); });
  mistake("cat", [] { cat({f32({2}), f64({2})}, 0); });
  mistake("cat", [] { stack({f64({2}), f32({2})}, 0); });
  mistake("mul", [] { layer_norm(f32({2, 3}), f64({3})); });
  for (const auto loss : {mse_loss, l1_loss})
    mistake("sub", [loss] { loss(f32({3}), f64({3}), Reduction::sum); });
  check_all(all);
}

TEST_CASE("indices must be whole and in range", "[errors]") {
  std::vector<Mistake> all;
  const Tensor x = f32({2, 3});
  for (const double bad : {-1.0, 3.0, 0.5, std::nan(""), double(INFINITY), 1e30}) {
    const Tensor index = index_of({0, bad});
    const auto mistake = [&](const char* op, std::function<void()> f) {
      all.push_back({op, std::move(f), Kind::shape, {op, "index", "position 1", "from 0 to 2"}});
    };
    mistake("gather", [=] { gather(x, 1, reshape(index, {2, 1})); });
    mistake("scatter_add", [=] { scatter_add(f32({2, 1}), {2, 3}, 1, reshape(index, {2, 1})); });
    mistake("gather", [=] { index_select(x, 1, index); });
    mistake("one_hot", [=] { one_hot(index, 3); });
    mistake("gather", [=] { cross_entropy(x, index); });
  }
  all.push_back({"gather", [x] { gather(x, 0, f32({2})); }, Kind::shape, {"gather", "[2]", "[2, 3]"}});
  all.push_back({"gather", [x] { gather(x, 0, f32({1, 4})); }, Kind::shape, {"gather", "[1, 4]"}});
  all.push_back({"scatter_add",
                 [x] {
                   scatter_add(x, {2, 3}, 0, f32({1, 3}));
                 },
                 Kind::shape,
                 {"scatter_add", "[1, 3]"}});
  all.push_back({"scatter_add", [x] { scatter_add(x, {3}, 0, x); }, Kind::shape, {"scatter_add", "[3]"}});
  all.push_back({"index_select", [x] { index_select(x, 0, x); }, Kind::shape, {"index_select", "[2, 3]"}});
  check_all(all);
  CHECK(gather(f32({2, 3}), 0, zeros({0, 3})).shape() == Shape{0, 3});  // none to be wrong
}
