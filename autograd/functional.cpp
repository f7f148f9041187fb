#include "autograd/functional.h"

#include <fmt/format.h>

#include <memory>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "autograd/substitute.h"
#include "base/error.h"

namespace saccade {

namespace {

// Inputs to differentiate with respect to, as leaves. With create_graph, an input that needs a gradient stays
// on its graph, so that the result can be differentiated with respect to what the input was made from.
TensorList as_inputs(const TensorList& x, const FunctionalOptions& options) {
  TensorList inputs;
  for (const Tensor& t : x) {
    inputs.push_back(options.create_graph && t.requires_grad() ? t : t.detach().requires_grad_());
  }
  return inputs;
}

Tensor without_graph(const Tensor& x, const FunctionalOptions& options) {
  return options.create_graph ? x : x.detach();
}

TensorList without_graph(TensorList x, const FunctionalOptions& options) {
  for (Tensor& t : x) t = without_graph(t, options);
  return x;
}

void check_match(const char* op, const char* what, const TensorList& given, const TensorList& expected) {
  if (given.size() != expected.size()) {
    throw ShapeError(fmt::format("{}: {} tensors given for {} {}", op, given.size(), expected.size(), what));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].shape() != expected[i].shape() || given[i].dtype() != expected[i].dtype()) {
      throw ShapeError(fmt::format("{}: tensor {} is {}, expected that of the {}, {}", op, i,
                                   describe(given[i]), what, describe(expected[i])));
    }
  }
}

// v . J, where some outputs may not depend on the inputs.
TensorList gradients(const TensorList& y, const TensorList& x, const TensorList& v, bool create_graph,
                     bool retain) {
  TensorList outputs, grad_outputs;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!y[i].requires_grad()) continue;
    outputs.push_back(y[i]);
    grad_outputs.push_back(v[i]);
  }
  if (!outputs.empty()) {
    return grad(outputs, x,
                {.grad_outputs = grad_outputs,
                 .create_graph = create_graph,
                 .retain_graph = retain || create_graph,
                 .allow_unused = true});
  }
  TensorList zero;
  for (const Tensor& t : x) zero.push_back(zeros_like(t));
  return zero;
}

void check_scalar(const char* op, const Tensor& y) {
  if (y.numel() != 1) {
    throw ShapeError(
        fmt::format("{}: the function must give one element, got shape {}", op, y.shape().str()));
  }
}

}  // namespace

std::pair<TensorList, TensorList> vjp(const TensorFunction& f, const TensorList& x_given, const TensorList& v,
                                      const FunctionalOptions& options) {
  const EnableGrad enable;
  const TensorList x = as_inputs(x_given, options), y = f(x);
  check_match("vjp", "outputs", v, y);
  TensorList result = gradients(y, x, v, options.create_graph, false);
  return {without_graph(y, options), without_graph(std::move(result), options)};
}

std::pair<TensorList, TensorList> jvp(const TensorFunction& f, const TensorList& x_given, const TensorList& u,
                                      const FunctionalOptions& options) {
  const EnableGrad enable;
  check_match("jvp", "inputs", u, x_given);
  const TensorList x = as_inputs(x_given, options), y = f(x);
  TensorList v;
  for (const Tensor& t : y) v.push_back(zeros_like(t).requires_grad_());
  const TensorList vj = gradients(y, x, v, true, true);
  TensorList result = gradients(vj, v, u, options.create_graph, false);
  return {without_graph(y, options), without_graph(std::move(result), options)};
}

Tensor jacobian(const Function& f, const Tensor& x_given, const FunctionalOptions& options) {
  const EnableGrad enable;
  const TensorList x = as_inputs({x_given}, options);
  const Tensor y = f(x[0]);
  Shape shape = y.shape();
  for (const std::int64_t n : x[0].shape()) shape.push_back(n);
  if (y.numel() == 0) return zeros(shape, y.dtype());
  TensorList rows;
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    Tensor pick = zeros({y.numel()}, y.dtype());
    slice(pick, 0, i, i + 1).fill_(1);
    rows.push_back(gradients({y}, x, {reshape(pick, y.shape())}, options.create_graph, true)[0]);
  }
  return without_graph(reshape(stack(rows, 0), shape), options);
}

Tensor hessian(const Function& f, const Tensor& x, const FunctionalOptions& options) {
  const auto gradient = [&](const Tensor& at) {
    const Tensor y = f(at);
    check_scalar("hessian", y);
    return gradients({y}, {at}, {ones_like(y)}, true, true)[0];
  };
  return jacobian(gradient, x, options);
}

Tensor hvp(const Function& f, const Tensor& x_given, const Tensor& v, const FunctionalOptions& options) {
  const EnableGrad enable;
  check_match("hvp", "inputs", {v}, {x_given});
  const TensorList x = as_inputs({x_given}, options);
  const Tensor y = f(x[0]);
  check_scalar("hvp", y);
  const TensorList gradient = gradients({y}, x, {ones_like(y)}, true, true);
  return without_graph(gradients(gradient, x, {v}, options.create_graph, false)[0], options);
}

Tensor checkpoint(const std::function<Tensor(const TensorList&)>& f, const TensorList& inputs) {
  // f runs once per backward pass: the first edge to be asked takes the gradients for all.
  struct Rerun {
    std::function<Tensor(const TensorList&)> f;
    TensorList inputs, wrt;
    Tensor g;  // that `gradients` belongs to; held, so that no other tensor takes its address
    TensorList gradients;

    Tensor operator()(const Tensor& for_g, std::size_t i) {
      // Gradients with a graph of their own are not kept: the graph may lead back here, which makes a cycle.
      if (grad_enabled()) return saccade::gradients({f(inputs)}, wrt, {for_g}, true, false)[i];
      if (!g.defined() || g.body() != for_g.body()) {
        const EnableGrad enable;
        gradients = saccade::gradients({f(inputs)}, wrt, {for_g}, false, false);
        g = for_g;
      }
      return gradients[i];
    }
  };
  Tensor y;
  {
    const NoGrad no_grad;
    y = f(inputs).detach();
  }
  // The graph must not hold a leaf itself, whose grad() may hold the graph.
  auto rerun = std::make_shared<Rerun>(Rerun{f, Substitute::lasting(inputs), {}, {}, {}});
  PoolVector<Edge> edges;
  for (const Tensor& x : rerun->inputs) {
    if (!x.requires_grad()) continue;
    const std::size_t i = rerun->wrt.size();
    rerun->wrt.push_back(x);
    // The closure holds the inputs itself too, so that record() sees them, and overwriting one is noticed.
    edges.emplace_back(x, [rerun, i, saved = inputs](const Tensor& g) { return (*rerun)(g, i); });
  }
  return record("checkpoint", y, std::move(edges));
}

}  // namespace saccade
