// Random programs: up to 30 ops on random shapes, with views, broadcasting and shared subexpressions. Their
// gradients must agree with finite differences, and not depend on the order in which independent ops are
// evaluated.

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "autograd/filter_gradients.h"
#include "autograd/grad.h"
#include "autograd/gradcheck.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

// One op on earlier values of the program, given by their places.
struct Instruction {
  std::string name;
  std::vector<std::size_t> inputs;
  std::function<Tensor(const TensorList&)> run;
};

struct Program {
  TensorList inputs;
  std::vector<Instruction> instructions;

  /// Evaluates the instructions in some order that respects their inputs, drawn by `rng`; the first such
  /// order without one. Gives the last three values: shared below, and of any shape.
  TensorList operator()(const TensorList& x, Rng* rng = nullptr) const {
    const std::size_t total = x.size() + instructions.size();
    TensorList values(total);
    for (std::size_t i = 0; i < x.size(); ++i) values[i] = x[i];
    std::vector<std::size_t> waiting;
    for (std::size_t i = 0; i < instructions.size(); ++i) waiting.push_back(i);
    while (!waiting.empty()) {
      std::vector<std::size_t> ready;  // places in `waiting`
      for (std::size_t w = 0; w < waiting.size() && (rng != nullptr || ready.empty()); ++w) {
        bool all = true;
        for (const std::size_t input : instructions[waiting[w]].inputs) all = all && values[input].defined();
        if (all) ready.push_back(w);
      }
      const std::size_t w = ready[rng == nullptr ? 0 : rng->below(ready.size())];
      const Instruction& next = instructions[waiting[w]];
      TensorList in;
      for (const std::size_t input : next.inputs) in.push_back(values[input]);
      values[x.size() + waiting[w]] = next.run(in);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(w));
    }
    return {values[total - 1], values[total - 2], values[total - 3]};
  }

  std::string listing() const {
    std::string text;
    for (const Tensor& x : inputs) text += fmt::format("input {}\n", describe(x));
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      text += fmt::format("%{} = {}(", inputs.size() + i, instructions[i].name);
      for (const std::size_t input : instructions[i].inputs) text += fmt::format(" %{}", input);
      text += " )\n";
    }
    return text;
  }
};

// Draws a program. All ops are smooth where they are applied and keep values within a few units, so that
// finite differences are good to many digits however deep the program.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed) {}

  Program draw() {
    Program program;
    const std::size_t inputs = 1 + rng_.below(3);
    for (std::size_t i = 0; i < inputs; ++i) {
      Shape shape;
      for (std::uint64_t d = rng_.below(4); d > 0; --d)
        shape.push_back(static_cast<std::int64_t>(1 + rng_.below(4)));
      program.inputs.push_back(randn(shape, rng_, DType::f64));
      shapes_.push_back(shape);
    }
    const std::uint64_t depth = 3 + rng_.below(28);
    while (program.instructions.size() < depth) {
      Instruction next = rng_.below(3) == 0 ? binary() : rng_.below(2) == 0 ? view() : unary();
      if (!next.run) continue;  // the drawn op does not fit the drawn values
      TensorList in;
      for (const std::size_t input : next.inputs) in.push_back(zeros(shapes_[input], DType::f64));
      shapes_.push_back(next.run(in).shape());
      program.instructions.push_back(std::move(next));
    }
    return program;
  }

 private:
  std::size_t any() { return rng_.below(shapes_.size()); }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(n)));
  }

  Instruction unary() {
    using Op = std::pair<const char*, std::function<Tensor(const Tensor&)>>;
    static const std::vector<Op> ops = {
        {"tanh", [](auto& x) { return tanh(x); }},
        {"sigmoid", [](auto& x) { return sigmoid(x); }},
        {"sin", [](auto& x) { return sin(x); }},
        {"cos", [](auto& x) { return cos(x); }},
        {"atan", [](auto& x) { return atan(x); }},
        {"erf", [](auto& x) { return erf(x); }},
        {"softplus, halved", [](auto& x) { return 0.5 * softplus(x); }},
        {"exp of -square", [](auto& x) { return exp(-square(x)); }},
        {"log1p of square", [](auto& x) { return log1p(square(x)); }},
        {"sqrt of 1 + square", [](auto& x) { return 0.5 * sqrt(1 + square(x)); }},
        {"reciprocal of 1 + square", [](auto& x) { return reciprocal(1 + square(x)); }},
        {"pow 3 of tanh", [](auto& x) { return pow(tanh(x), 3); }},
        {"gelu", [](auto& x) { return gelu(tanh(x)); }},
        {"mish", [](auto& x) { return mish(tanh(x)); }},
        {"expm1 of tanh", [](auto& x) { return expm1(tanh(x)); }},
    };
    const Op& op = ops[rng_.below(ops.size())];
    return {op.first, {any()}, [f = op.second](const TensorList& x) { return f(x[0]); }};
  }

  Instruction binary() {
    const std::size_t a = any(), b = any();
    switch (rng_.below(4)) {
      case 0:
        if (!broadcast(a, b)) return {};
        return {"mul of tanh", {a, b}, [](const TensorList& x) { return tanh(x[0]) * x[1]; }};
      case 1:
        if (!broadcast(a, b)) return {};
        return {"mean of two", {a, b}, [](const TensorList& x) { return 0.5 * (x[0] - x[1]); }};
      case 2: {
        const Shape &m = shapes_[a], &n = shapes_[b];
        if (m.size() != 2 || n.size() != 2 || m[1] != n[0]) return {};
        return {"matmul", {a, b}, [](const TensorList& x) { return tanh(matmul(x[0], x[1])); }};
      }
      default:
        if (shapes_[a].size() == 0 || shapes_[a] != shapes_[b] || shapes_[a].numel() > 40) return {};
        return {"cat", {a, b}, [](const TensorList& x) { return cat({x[0], x[1]}, 0); }};
    }
  }

  Instruction view() {
    const std::size_t a = any();
    const std::int64_t rank = shapes_[a].size(), dim = rank == 0 ? 0 : below(rank);
    if (rank == 0) return {"unsqueeze", {a}, [](const TensorList& x) { return unsqueeze(x[0], 0); }};
    const std::int64_t n = shapes_[a][dim];
    switch (rng_.below(8)) {
      case 0:
        return {"sum", {a}, [dim, n](const TensorList& x) {
                  return sum(x[0], {dim}, true) / static_cast<double>(n);
                }};
      case 1:
        return {"mean", {a}, [dim](const TensorList& x) { return mean(x[0], {dim}); }};
      case 2:
        return {"flatten", {a}, [](const TensorList& x) { return flatten(x[0]); }};
      case 3:
        if (rank < 2) return {};
        return {"transpose", {a}, [](const TensorList& x) { return transpose(x[0]); }};
      case 4: {
        const std::int64_t start = below(n), step = 1 + below(2);
        return {"slice", {a}, [dim, start, step, n](const TensorList& x) {
                  return slice(x[0], dim, start, n, step);
                }};
      }
      case 5:
        return {"flip", {a}, [dim](const TensorList& x) { return flip(x[0], {dim}); }};
      case 6:
        return {"logsumexp", {a}, [dim](const TensorList& x) { return logsumexp(x[0], {dim}, true); }};
      default:
        if (rank > 3 || shapes_[a].numel() > 40) return {};
        return {"expand", {a}, [](const TensorList& x) {
                  Shape wider = x[0].shape();
                  wider.insert(0, 2);
                  return expand(x[0], wider);
                }};
    }
  }

  bool broadcast(std::size_t a, std::size_t b) const {
    try {
      return broadcast_shapes("", shapes_[a], shapes_[b]).numel() <= 64;
    } catch (const std::exception&) {
      return false;
    }
  }

  Rng rng_;
  std::vector<Shape> shapes_;  // of the inputs, then of each instruction's value
};

TensorList gradients(const Program& program, Rng* order) {
  TensorList leaves;
  for (const Tensor& x : program.inputs) leaves.push_back(x.detach().requires_grad_());
  const TensorList outputs = program(leaves, order);
  Tensor total = sum(outputs[0]);
  for (std::size_t i = 1; i < outputs.size(); ++i) total = total + sum(sin(outputs[i]));
  return grad(total, leaves, {.allow_unused = true});
}

// Sums may be taken in another order, so the two may differ by rounding.
bool close(const TensorList& a, const TensorList& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::vector<double> x = a[i].to_vector(), y = b[i].to_vector();
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (!(std::abs(x[j] - y[j]) <= 1e-11 * std::max(1.0, std::abs(x[j])))) return false;
    }
  }
  return true;
}

}  // namespace

// SACCADE_FUZZ=SEED runs the one program of that seed.
TEST_CASE("random programs have the gradients that differences give, in any order of evaluation", "[fuzz]") {
  const char* only = std::getenv("SACCADE_FUZZ");
  const std::uint64_t first = only == nullptr ? 0 : std::strtoull(only, nullptr, 10),
                      count = only == nullptr ? 3000 : 1;
  std::size_t ops = 0, deepest = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Program program = Generator(seed).draw();
    ops += program.instructions.size();
    deepest = std::max(deepest, program.instructions.size());
    const GradcheckResult result = gradcheck([&](const TensorList& x) { return program(x); }, program.inputs,
                                             {.fast = true, .seed = seed});
    Rng order(seed);
    const bool same = close(gradients(program, nullptr), gradients(program, &order));
    if (result.passed() && same) continue;
    FAIL_CHECK("SACCADE_FUZZ=" << seed << " shows this again\n"
                               << program.listing() << result.explanation()
                               << (same ? "" : "\nthe gradients depend on the order of evaluation"));
  }
  if (only != nullptr) return;
  CHECK(deepest == 30);
  CHECK(ops > 40'000);
}

TEST_CASE("random programs notice a gradient that is broken on purpose", "[fuzz]") {
  for (const char* op : {"tanh", "mul", "slice", "expand"}) {
    const FilterGradients broken(
        [op](const Node& node, std::size_t, const Tensor&, const Tensor&, const Tensor& result) {
          return std::string_view(node.op) == op ? 1.01 * result : result;
        });
    bool noticed = false;
    for (std::uint64_t seed = 0; seed < 100 && !noticed; ++seed) {
      const Program program = Generator(seed).draw();
      noticed = !gradcheck([&](const TensorList& x) { return program(x); }, program.inputs, {.fast = true})
                     .passed();
    }
    INFO(op);
    CHECK(noticed);
  }
}
