#include "autograd/gradcheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>

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
  for (std::size_t i = 0; i < outputs.size(); ++i) total = total + sum(outputs[i] * weights[i]);
  return total;
}

// Away from zero, so that no output escapes.
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
  for (const Tensor& t : x) leaves.push_back(contiguous(to(t.detach(), DType::f64)).detach().requires_grad());
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

// Derivatives of a function of one number at 0, by central differences with steps h, h/2, h/4, ...
// extrapolated to 0.
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
  // The one-sided slopes of a smooth function approach each other in proportion to the step; a corner keeps
  // them apart.
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
  if (check.verdict != Verdict::passed) return;
  if (!(check.absolute_error() <= bound)) check.verdict = Verdict::failed;
}

std::string input_name(const GradcheckOptions& options, std::size_t k) {
  return k < options.names.size() ? options.names[k] : fmt::format("input {}", k);
}

// One order: the analytic gradient of f at leaves against finite differences of f.
void check_order(const TensorFunction& f, const TensorList& leaves, int order,
                 const GradcheckOptions& options, GradcheckResult& result) {
  const TensorList outputs = f(leaves);
  Rng rng = Rng(options.seed).split("gradcheck");
  const TensorList weights = random_weights(outputs, rng);
  if (!same_bits(outputs, f(leaves))) {
    result.problem = "the function gave different results for the same inputs";
    return;
  }
  const Tensor total = weighted_sum(outputs, weights);
  TensorList gradients;
  if (total.needs_grad()) {
    gradients = grad(total, leaves, {.allow_unused = true});
  } else {  // constant as far as the tape knows; the differences will tell
    for (const Tensor& x : leaves) gradients.push_back(zeros_like(x));
  }
  Line line(f, leaves, weights);
  for (std::size_t k = 0; k < leaves.size(); ++k) {
    InputCheck input{input_name(options, k), leaves[k].shape(), order, {}};
    const std::vector<double> values = leaves[k].to_vector(), analytic = gradients[k].to_vector();
    if (options.fast && !values.empty()) {
      const Tensor direction = randn(leaves[k].shape(), rng, DType::f64);
      ElementCheck check = differentiate([&](double t) { return line.along(k, direction, t); }, 1, options);
      check.analytic = sum(gradients[k] * direction).item();
      input.elements.push_back(check);
    }
    for (std::size_t i = 0; i < values.size() && !options.fast; ++i) {
      const auto at = static_cast<std::int64_t>(i);
      ElementCheck check = differentiate([&](double t) { return line.along_element(k, at, t); },
                                         std::max(1.0, std::abs(values[i])), options);
      check.index = at;
      check.analytic = analytic[i];
      input.elements.push_back(check);
    }
    for (ElementCheck& check : input.elements) judge(check, options);
    result.inputs.push_back(std::move(input));
  }
}

// The gradients of f as a function of its inputs and of its outputs' weights.
TensorFunction gradient_of(const TensorFunction& f, std::size_t inputs) {
  return [&f, inputs](const TensorList& x) {
    // Within finite differences nothing needs a gradient yet; here something always does.
    TensorList leaves, weights;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Tensor leaf = x[i].needs_grad() ? x[i] : x[i].detach().requires_grad();
      (i < inputs ? leaves : weights).push_back(leaf);
    }
    const Tensor total = weighted_sum(f(leaves), weights);
    if (!total.needs_grad()) {
      TensorList zero;
      for (const Tensor& leaf : leaves) zero.push_back(zeros_like(leaf));
      return zero;
    }
    return grad(total, leaves, {.create_graph = true, .allow_unused = true});
  };
}

// What a pattern in the errors suggests.
std::string likely_cause(const InputCheck& input) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool all_zero = true, infinite = false;
  for (const ElementCheck& e : input.elements) {
    if (!std::isfinite(e.analytic)) infinite = true;
    if (e.analytic != 0) all_zero = false;
    if (std::abs(e.numeric) < 1e-6) continue;
    low = std::min(low, e.analytic / e.numeric);
    high = std::max(high, e.analytic / e.numeric);
  }
  if (infinite) return "the analytic gradient is not finite";
  if (all_zero) return "the analytic gradient is zero throughout: is an edge or a term missing?";
  if (high - low < 1e-3 * std::abs(high) && std::abs(high + 1) < 1e-3) return "the sign is wrong";
  if (high - low < 1e-3 * std::abs(high))
    return fmt::format("the gradient is {:.4g} times what it should be", high);
  std::vector<double> analytic, numeric;
  for (const ElementCheck& e : input.elements) {
    analytic.push_back(e.analytic);
    numeric.push_back(e.numeric);
  }
  std::sort(analytic.begin(), analytic.end());
  std::sort(numeric.begin(), numeric.end());
  const bool permuted = std::equal(analytic.begin(), analytic.end(), numeric.begin(), [](double a, double n) {
    return std::abs(a - n) <= 1e-6 * std::max(1.0, std::abs(n));
  });
  return permuted ? "the right numbers in the wrong places: is something transposed?"
                  : "the formula, or a value that it saved, is wrong";
}

std::string index_text(std::int64_t flat, const Shape& shape) {
  Shape index = shape;
  for (std::int64_t d = shape.size() - 1; d >= 0; --d) {
    index[d] = flat % shape[d];
    flat /= shape[d];
  }
  return index.str();
}

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "ok";
    case Verdict::failed:
      return "FAILED";
    case Verdict::kink:
      return "KINK";
    default:
      return "DOMAIN EDGE";
  }
}

double ElementCheck::absolute_error() const { return std::abs(analytic - numeric); }

double ElementCheck::relative_error() const {
  const double size = std::max(std::abs(analytic), std::abs(numeric));
  return size == 0 ? 0 : absolute_error() / size;
}

const ElementCheck* InputCheck::worst() const {
  const auto worse = [](const ElementCheck& a, const ElementCheck& b) {
    const bool a_fails = a.verdict != Verdict::passed, b_fails = b.verdict != Verdict::passed;
    if (a_fails != b_fails) return b_fails;
    return a.relative_error() < b.relative_error();
  };
  const auto at = std::max_element(elements.begin(), elements.end(), worse);
  return at == elements.end() ? nullptr : &*at;
}

bool GradcheckResult::passed() const {
  return problem.empty() && std::all_of(inputs.begin(), inputs.end(), [](const InputCheck& input) {
           return std::all_of(input.elements.begin(), input.elements.end(),
                              [](const ElementCheck& e) { return e.verdict == Verdict::passed; });
         });
}

double GradcheckResult::worst_relative_error(int order) const {
  double worst = 0;
  for (const InputCheck& input : inputs) {
    for (const ElementCheck& e : input.elements) {
      // Below the absolute tolerance's reach a relative error says nothing.
      if (input.order == order && std::max(std::abs(e.analytic), std::abs(e.numeric)) > 1e-6) {
        worst = std::max(worst, e.relative_error());
      }
    }
  }
  return worst;
}

std::string GradcheckResult::explanation() const {
  if (!problem.empty()) return problem;
  for (const InputCheck& input : inputs) {
    const ElementCheck* e = input.worst();
    if (e == nullptr || e->verdict == Verdict::passed) continue;
    const std::string where =
        fmt::format("{}{} of {}", input.name, index_text(e->index, input.shape), input.shape.str());
    switch (e->verdict) {
      case Verdict::kink:
        return fmt::format("order {}, {}: the function has a corner here; move the input off it", input.order,
                           where);
      case Verdict::domain_edge:
        return fmt::format(
            "order {}, {}: the function is not finite next to this input; move it off the edge of the domain",
            input.order, where);
      default:
        return fmt::format("order {}, {}: analytic {:.10g}, numeric {:.10g} (+- {:.1g}); {}", input.order,
                           where, e->analytic, e->numeric, e->uncertainty, likely_cause(input));
    }
  }
  return "";
}

GradcheckResult gradcheck(const TensorFunction& f, const TensorList& inputs,
                          const GradcheckOptions& options) {
  GradcheckResult result;
  const Promote promote;
  try {
    check_order(f, as_leaves(inputs), 1, options, result);
    if (options.order >= 2 && result.problem.empty()) {
      TensorList extended = as_leaves(inputs);
      GradcheckOptions second = options;
      second.names.resize(inputs.size());
      for (std::size_t k = 0; k < inputs.size(); ++k) second.names[k] = input_name(options, k);
      Rng rng = Rng(options.seed).split("weights");
      for (const Tensor& w : random_weights(f(extended), rng)) {
        second.names.push_back(fmt::format("weights {}", extended.size() - inputs.size()));
        extended.push_back(w.requires_grad());
      }
      check_order(gradient_of(f, inputs.size()), extended, 2, second, result);
    }
  } catch (const std::exception& error) {
    result.problem = fmt::format("it threw: {}", error.what());
  }
  return result;
}

std::ostream& operator<<(std::ostream& out, const GradcheckResult& result) {
  for (const InputCheck& input : result.inputs) {
    const ElementCheck* e = input.worst();
    if (e == nullptr) {
      out << fmt::format("{} {}: no elements\n", input.name, input.shape.str());
      continue;
    }
    out << fmt::format(
        "order {}  {} {}  {}: worst of {} at {}: analytic {:.8g}, numeric {:.8g}, absolute error {:.1e}, "
        "relative {:.1e}\n",
        input.order, input.name, input.shape.str(), name(e->verdict), input.elements.size(),
        index_text(e->index, input.shape), e->analytic, e->numeric, e->absolute_error(), e->relative_error());
  }
  return out << (result.passed() ? "gradcheck passed\n" : "gradcheck FAILED: " + result.explanation() + "\n");
}

}  // namespace saccade
