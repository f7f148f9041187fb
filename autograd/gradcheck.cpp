#include "autograd/gradcheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/functional.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "base/error.h"

namespace saccade {

namespace {

constexpr int kSteps = 8;

// The outputs, weighted and added: one number to differentiate.
Tensor weighted_sum(const TensorList& outputs, const TensorList& weights) {
  Tensor total = scalar(0, DType::f64);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    total = total + sum(to(outputs[i], DType::f64) * weights[i]);
  return total;
}

// None near zero, so that each output counts.
TensorList random_weights(const TensorList& like, Rng& rng) {
  TensorList weights;
  for (const Tensor& x : like) {
    const Tensor sign_bit = gt(rand(x.shape(), rng, DType::f64), 0.5);
    weights.push_back(rand(x.shape(), rng, DType::f64, 0.5, 1.5) * (2 * sign_bit - 1));
  }
  return weights;
}

TensorList as_leaves(const TensorList& x) {
  TensorList leaves;
  for (const Tensor& t : x)
    leaves.push_back(contiguous(to(t.detach(), DType::f64)).detach().requires_grad_());
  return leaves;
}

bool same_bits(const TensorList& a, const TensorList& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::vector<double> x = a[i].to_vector(), y = b[i].to_vector();
    const auto same = [](double p, double q) { return p == q || (std::isnan(p) && std::isnan(q)); };
    if (!std::equal(x.begin(), x.end(), y.begin(), y.end(), same)) return false;
  }
  return true;
}

// The derivative of a function of one number at 0: central differences with steps h, h/2, h/4, ...,
// extrapolated to step 0.
ElementCheck differentiate(const std::function<double(double)>& f, double scale,
                           const GradcheckOptions& options) {
  ElementCheck check;
  check.uncertainty = std::numeric_limits<double>::infinity();
  check.numeric = std::numeric_limits<double>::quiet_NaN();
  double table[kSteps][kSteps];
  double forward[kSteps], backward[kSteps];
  const double middle = f(0);
  double h = options.step * scale;
  int first = 0;  // the first step that stays where the function is finite
  for (int i = 0; i < kSteps; ++i, h /= 2) {
    const double up = f(h), down = f(-h);
    forward[i] = (up - middle) / h;
    backward[i] = (middle - down) / h;
    table[i][0] = (up - down) / (2 * h);
    if (!std::isfinite(table[i][0])) first = i + 1;
    double power = 4;
    for (int j = 1; j <= i - first; ++j, power *= 4) {
      table[i][j] = (power * table[i][j - 1] - table[i - 1][j - 1]) / (power - 1);
      const double error =
          std::max(std::abs(table[i][j] - table[i][j - 1]), std::abs(table[i][j] - table[i - 1][j - 1]));
      if (error < check.uncertainty) {
        check.uncertainty = error;
        check.numeric = table[i][j];
        check.step = h;
      }
    }
  }
  if (!std::isfinite(check.numeric)) {
    check.verdict = Verdict::domain_edge;
    return check;
  }
  // As the step shrinks, the one-sided slopes of a smooth function approach each other in proportion; those
  // at a corner stay apart.
  const auto gap = [&](int i) { return std::abs(forward[i] - backward[i]); };
  const double tolerance = options.absolute + options.relative * std::max(std::abs(forward[kSteps - 1]),
                                                                          std::abs(backward[kSteps - 1]));
  if (gap(kSteps - 1) > 100 * tolerance && gap(kSteps - 1) > 0.5 * gap(kSteps - 3))
    check.verdict = Verdict::kink;
  return check;
}

// d of the weighted sum of f's outputs along one line through the inputs.
class Line {
 public:
  Line(const TensorFunction& f, const TensorList& inputs, const TensorList& weights)
      : f_(f), weights_(weights) {
    for (const Tensor& x : inputs) at_.push_back(contiguous(x.detach()));
  }

  /// With element `index` of input k moved by t.
  double along_element(std::size_t k, std::int64_t index, double t) {
    double* x = at_[k].mutable_data<double>() + index;
    const double before = *x;
    *x = before + t;
    const double value = evaluate();
    *at_[k].mutable_data<double>() += 0;  // counts as a write
    *x = before;
    return value;
  }

  /// With input k moved by t times a direction.
  double along(std::size_t k, const Tensor& direction, double t) {
    const Tensor before = at_[k];
    at_[k] = before + direction * t;
    const double value = evaluate();
    at_[k] = before;
    return value;
  }

 private:
  double evaluate() {
    const TensorList outputs = f_(at_);
    return weighted_sum(outputs, weights_).item();
  }
  const TensorFunction& f_;
  const TensorList& weights_;
  TensorList at_;
};

void judge(ElementCheck& check, const GradcheckOptions& options) {
  const double bound =
      options.absolute + options.relative * std::max(std::abs(check.analytic), std::abs(check.numeric));
  if (check.verdict != Verdict::passed || check.absolute_error() <= bound) return;
  // If no step gives the derivative as precisely as asked, a corner within reach of the steps is the likely
  // reason.
  check.verdict = check.uncertainty > bound ? Verdict::kink : Verdict::failed;
}

std::string input_name(const GradcheckOptions& options, std::size_t k) {
  return k < options.names.size() ? options.names[k] : fmt::format("input {}", k);
}

// The gradients of the weighted sum. Where the tape knows of no dependence they are zeros, which the
// differences then judge.
TensorList gradients_of(const TensorList& outputs, const TensorList& weights, const TensorList& leaves) {
  const Tensor total = weighted_sum(outputs, weights);
  if (total.requires_grad()) return grad(total, leaves, {.allow_unused = true});
  TensorList zero;
  for (const Tensor& x : leaves) zero.push_back(zeros_like(x));
  return zero;
}

// One order: the analytic gradient of f at leaves against finite differences of f.
void check_order(const TensorFunction& f, const TensorList& leaves, int order,
                 const GradcheckOptions& options, GradcheckResult& result) {
  const TensorList outputs = f(leaves);
  Rng rng = Rng(options.seed).split("gradcheck");
  const TensorList weights = random_weights(outputs, rng);
  const TensorList gradients = gradients_of(outputs, weights, leaves);
  const TensorList again = f(leaves);
  if (!same_bits(outputs, again)) {
    result.problem = "the function gave different results for the same inputs";
    return;
  }
  if (!same_bits(gradients, gradients_of(again, weights, leaves))) {
    result.problem = "the gradients differ between two runs with the same inputs";
    return;
  }
  Line line(f, leaves, weights);
  for (std::size_t k = 0; k < leaves.size(); ++k) {
    InputCheck input{input_name(options, k), leaves[k].shape(), order, {}};
    const std::vector<double> values = leaves[k].to_vector(), analytic = gradients[k].to_vector();
    if (options.fast && !values.empty()) {
      const Tensor direction = randn(leaves[k].shape(), rng, DType::f64);
      ElementCheck check = differentiate([&](double t) { return line.along(k, direction, t); }, 1, options);
      check.analytic = sum(gradients[k] * direction).item();
      judge(check, options);
      input.elements.push_back(check);
    }
    for (std::size_t i = 0; i < values.size() && !options.fast; ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const auto check_steps = [&](double scale) {
        ElementCheck check =
            differentiate([&](double t) { return line.along_element(k, at, t); }, scale, options);
        check.index = at;
        check.analytic = analytic[i];
        judge(check, options);
        return check;
      };
      // Steps in proportion to x fit most functions. Where one varies faster, as sin(x) at 10,000, smaller
      // ones are tried, down to those at 1, and the surest estimate judges.
      double scale = std::max(1.0, std::abs(values[i]));
      ElementCheck check = check_steps(scale);
      while (check.verdict != Verdict::passed && scale > 1) {
        scale = std::max(1.0, scale / 128);
        const ElementCheck finer = check_steps(scale);
        const bool surer = check.verdict == Verdict::domain_edge || finer.uncertainty < check.uncertainty;
        if (finer.verdict == Verdict::passed || surer) check = finer;
      }
      input.elements.push_back(check);
    }
    result.inputs.push_back(std::move(input));
  }
}

// How far b is from a, relative to a's largest element.
double distance(const TensorList& a, const TensorList& b) {
  double max_error = 0, size = 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::vector<double> x = a[i].to_vector(), y = b[i].to_vector();
    for (std::size_t j = 0; j < x.size(); ++j) {
      size = std::max(size, std::abs(x[j]));
      if (x[j] != y[j]) max_error = std::max(max_error, std::isnan(y[j]) ? INFINITY : std::abs(x[j] - y[j]));
    }
  }
  return max_error / size;
}

// Rounding may differ between the two sides of these comparisons, nothing else.
constexpr double kRounding = 1e-10;

// An input's memory layout must not matter: inputs that were given transposed, sliced, expanded or
// overlapping must act as their contiguous copies do.
void check_layouts(const TensorFunction& f, const TensorList& inputs, const TensorList& leaves,
                   const GradcheckOptions& options, GradcheckResult& result) {
  TensorList given;
  bool all_contiguous = true;
  for (const Tensor& x : inputs) {
    given.push_back(to(x.detach(), DType::f64).detach().requires_grad_());
    all_contiguous = all_contiguous && given.back().is_contiguous();
  }
  if (all_contiguous) return;
  const TensorList a = f(leaves), b = f(given);
  Rng rng = Rng(options.seed).split("layouts");
  const TensorList weights = random_weights(a, rng);
  if (distance(a, b) > kRounding ||
      distance(gradients_of(a, weights, leaves), gradients_of(b, weights, given)) > kRounding) {
    result.problem =
        "the result depends on the inputs' memory layout: it is another for contiguous copies of them";
  }
}

// Reverse and forward mode must agree: v . (J u) = (v J) . u for random u and v.
void check_modes(const TensorFunction& f, const TensorList& leaves, const GradcheckOptions& options,
                 GradcheckResult& result) {
  Rng rng = Rng(options.seed).split("modes");
  TensorList u, v;
  for (const Tensor& x : leaves) u.push_back(randn(x.shape(), rng, DType::f64));
  for (const Tensor& y : f(leaves)) v.push_back(randn(y.shape(), rng, DType::f64));
  const TensorList ju = jvp(f, leaves, u).second, vj = vjp(f, leaves, v).second;
  const double forward = weighted_sum(ju, v).item(), reverse = weighted_sum(vj, u).item();
  double size = 1;
  for (std::size_t i = 0; i < vj.size(); ++i) size += sum(abs(vj[i] * u[i])).item();
  if (!(std::abs(forward - reverse) <= kRounding * size)) {
    result.problem = fmt::format(
        "reverse and forward mode disagree: (v J) . u is {:.10g}, v . (J u) is {:.10g}; is the gradient not "
        "linear "
        "in g, or not differentiable?",
        reverse, forward);
  }
}

// The gradients of f as a function of its inputs and of its outputs' weights.
TensorFunction gradient_of(const TensorFunction& f, std::size_t inputs) {
  return [&f, inputs](const TensorList& x) {
    // Within finite differences nothing needs a gradient yet; here something always does.
    TensorList leaves, weights;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Tensor leaf = x[i].requires_grad() ? x[i] : x[i].detach().requires_grad_();
      (i < inputs ? leaves : weights).push_back(leaf);
    }
    const Tensor total = weighted_sum(f(leaves), weights);
    if (!total.requires_grad()) {
      TensorList zero;
      for (const Tensor& leaf : leaves) zero.push_back(zeros_like(leaf));
      return zero;
    }
    return grad(total, leaves, {.create_graph = true, .allow_unused = true});
  };
}

}  // namespace

GradcheckResult gradcheck(const TensorFunction& f, const TensorList& inputs,
                          const GradcheckOptions& options) {
  GradcheckResult result;
  const Promote promote;
  try {
    const TensorList leaves = as_leaves(inputs);
    check_order(f, leaves, 1, options, result);
    if (result.passed()) check_layouts(f, inputs, leaves, options, result);
    if (result.passed()) check_modes(f, leaves, options, result);
    if (options.order >= 2 && result.problem.empty()) {
      TensorList extended = as_leaves(inputs);
      GradcheckOptions second = options;
      second.names.resize(inputs.size());
      for (std::size_t k = 0; k < inputs.size(); ++k) second.names[k] = input_name(options, k);
      Rng rng = Rng(options.seed).split("weights");
      for (const Tensor& w : random_weights(f(extended), rng)) {
        second.names.push_back(fmt::format("weights {}", extended.size() - inputs.size()));
        extended.push_back(w.requires_grad_());
      }
      check_order(gradient_of(f, inputs.size()), extended, 2, second, result);
    }
  } catch (const std::exception& error) {
    result.problem = fmt::format("it threw: {}", error.what());
  }
  return result;
}

}  // namespace saccade
