#include "nn/optim/optimizer.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "autograd/grad.h"
#include "base/parallel.h"
#include "autograd/kernels/table.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

constexpr const char* kSteps = "steps";
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// low <= value < high; NaN is outside.
void check_option(const char* optimizer, const char* option, double value, double low,
                  double high = kNoLimit) {
  if (value >= low && value < high) return;
  throw ConfigError(fmt::format("{}: {} is {}, expected {} or more{}", optimizer, option, value, low,
                                high < kNoLimit ? fmt::format(" and below {}", high) : ""));
}

// The parameter update of Kingma and Ba in one pass over all of its arrays.
void adam(const kernels::AdamStep& step, const Tensor& gradient, const Tensor& p, const Tensor& m,
          const Tensor& v) {
  const Tensor row_major = contiguous(gradient);
  visit(p.dtype(), [&]<class T>() {
    constexpr std::int64_t kGrain = std::int64_t{1} << 13;
    const T* g = row_major.data<T>();
    T *p_at = p.mutable_data<T>(), *m_at = m.mutable_data<T>(), *v_at = v.mutable_data<T>();
    parallel_for(p.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      kernels::table<T>().adam(step, end - begin, g + begin, p_at + begin, m_at + begin, v_at + begin);
    });
  });
}

// The same from ops, with the largest v so far in place of v.
void amsgrad(const kernels::AdamStep& s, const Tensor& gradient, const Tensor& p, const Tensor& m,
             const Tensor& v, const Tensor& v_max) {
  const Tensor g = gradient + s.l2 * p;
  m.copy_(s.beta1 * m + (1 - s.beta1) * g);
  v.copy_(s.beta2 * v + (1 - s.beta2) * square(g));
  v_max.copy_(maximum(v_max, v));
  p.copy_(s.decay * p - s.step_size * (m / (sqrt(v_max) / s.root_bias2 + s.eps)));
}

}  // namespace

// ---- what they share ----

Optimizer::Optimizer(const char* name, const TensorList& parameters) : name_(name), parameters_(parameters) {
  if (parameters.empty()) throw ConfigError(fmt::format("{}: no parameters given", name));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& p = parameters[i];
    if (!p.requires_grad() || !p.body()->node->is_leaf()) {
      throw GradError(
          fmt::format("{}: parameter {} ({}) is not a leaf that requires a gradient", name, i, describe(p)));
    }
    if (p.dtype() != parameters[0].dtype()) {
      throw DTypeError(fmt::format("{}: parameter {} is {}, but the first is {}; expected one dtype", name, i,
                                   describe(p), describe(parameters[0])));
    }
    if (!p.is_contiguous()) {
      throw ShapeError(fmt::format("{}: parameter {} ({}) is not contiguous", name, i, describe(p)));
    }
  }
}

TensorList Optimizer::make_state(const std::string& name) {
  std::int64_t n = 0;
  for (const Tensor& p : parameters_) n += p.numel();
  const Tensor all = zeros({n}, parameters_[0].dtype());
  state_.push_back({name, all});
  TensorList parts;
  std::int64_t offset = 0;
  for (const Tensor& p : parameters_) {
    parts.push_back(view_of(all, p.shape(), contiguous_strides(p.shape()), offset));
    offset += p.numel();
  }
  return parts;
}

void Optimizer::begin_step(const TensorList& gradients) {
  if (gradients.size() != parameters_.size()) {
    throw ShapeError(
        fmt::format("{}: {} gradients given for {} parameters", name_, gradients.size(), parameters_.size()));
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor &g = gradients[i], &p = parameters_[i];
    if (g.defined() && g.shape() == p.shape() && g.dtype() == p.dtype()) continue;
    const std::string message =
        fmt::format("{}: gradient {} is {}, expected {}", name_, i, describe(g), describe(p));
    if (g.defined() && g.dtype() != p.dtype()) throw DTypeError(message);
    throw ShapeError(message);
  }
  ++steps_;
}

NamedTensors Optimizer::named_state() const {
  NamedTensors state = {{kSteps, scalar(static_cast<double>(steps_), DType::f64)}};
  state.insert(state.end(), state_.begin(), state_.end());
  return state;
}

void Optimizer::load_state(const NamedTensors& state) {
  for (const auto& [name, x] : state) {
    if (name != kSteps || !x.defined() || x.numel() != 1) continue;
    const double steps = x.item();
    if (!(steps >= 0) || steps != std::floor(steps)) {
      throw ConfigError(fmt::format("{}: '{}' is {}, expected a whole number", name_, kSteps, steps));
    }
  }
  const NamedTensors mine = named_state();
  copy_by_name(name_, state, mine);
  steps_ = static_cast<std::int64_t>(mine[0].tensor.item());
}

// ---- Adam ----

Adam::Adam(const TensorList& parameters, const AdamOptions& options)
    : Optimizer("Adam", parameters), options_(options) {
  check_option("Adam", "lr", options.lr, 0);
  check_option("Adam", "beta1", options.beta1, 0, 1);
  check_option("Adam", "beta2", options.beta2, 0, 1);
  check_option("Adam", "eps", options.eps, 0);
  check_option("Adam", "weight_decay", options.weight_decay, 0);
  m_ = make_state("m");
  v_ = make_state("v");
  if (options.amsgrad) v_max_ = make_state("v_max");
}

void Adam::step(const TensorList& gradients) {
  const NoGrad no_grad;
  begin_step(gradients);
  const auto& [lr, beta1, beta2, eps, weight_decay, decoupled, use_amsgrad] = options_;
  const auto t = static_cast<double>(steps());
  const kernels::AdamStep step = {.step_size = lr / (1 - std::pow(beta1, t)),
                                  .beta1 = beta1,
                                  .beta2 = beta2,
                                  .root_bias2 = std::sqrt(1 - std::pow(beta2, t)),
                                  .eps = eps,
                                  .l2 = decoupled ? 0 : weight_decay,
                                  .decay = decoupled ? 1 - lr * weight_decay : 1};
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& p = parameters()[i];
    if (use_amsgrad) {
      amsgrad(step, gradients[i], p, m_[i], v_[i], v_max_[i]);
    } else {
      adam(step, gradients[i], p, m_[i], v_[i]);
    }
  }
}

// ---- stochastic gradient descent ----

Sgd::Sgd(const TensorList& parameters, const SgdOptions& options)
    : Optimizer("Sgd", parameters), options_(options) {
  check_option("Sgd", "lr", options.lr, 0);
  check_option("Sgd", "momentum", options.momentum, 0);
  check_option("Sgd", "dampening", options.dampening, 0);
  check_option("Sgd", "weight_decay", options.weight_decay, 0);
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0)) {
    throw ConfigError(
        fmt::format("Sgd: nesterov needs momentum and no dampening; momentum is {} and dampening {}",
                    options.momentum, options.dampening));
  }
  if (options.momentum > 0) momentum_ = make_state("momentum");
}

void Sgd::step(const TensorList& gradients) {
  const NoGrad no_grad;
  begin_step(gradients);
  const auto& [lr, momentum, dampening, weight_decay, nesterov] = options_;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& p = parameters()[i];
    Tensor g = gradients[i];
    if (weight_decay > 0) g = g + weight_decay * p;
    if (momentum > 0) {
      const Tensor& b = momentum_[i];
      b.copy_(steps() == 1 ? g : momentum * b + (1 - dampening) * g);
      g = nesterov ? g + momentum * b : b;
    }
    p.copy_(p - lr * g);
  }
}

// ---- RMSprop ----

RmsProp::RmsProp(const TensorList& parameters, const RmsPropOptions& options)
    : Optimizer("RmsProp", parameters), options_(options) {
  check_option("RmsProp", "lr", options.lr, 0);
  check_option("RmsProp", "alpha", options.alpha, 0, 1);
  check_option("RmsProp", "eps", options.eps, 0);
  check_option("RmsProp", "momentum", options.momentum, 0);
  check_option("RmsProp", "weight_decay", options.weight_decay, 0);
  v_ = make_state("v");
  if (options.centered) mean_ = make_state("mean");
  if (options.momentum > 0) momentum_ = make_state("momentum");
}

void RmsProp::step(const TensorList& gradients) {
  const NoGrad no_grad;
  begin_step(gradients);
  const auto& [lr, alpha, eps, momentum, weight_decay, centered] = options_;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor &p = parameters()[i], &v = v_[i];
    Tensor g = gradients[i];
    if (weight_decay > 0) g = g + weight_decay * p;
    v.copy_(alpha * v + (1 - alpha) * square(g));
    Tensor spread = v;
    if (centered) {
      mean_[i].copy_(alpha * mean_[i] + (1 - alpha) * g);
      spread = v - square(mean_[i]);
    }
    Tensor step = g / (sqrt(spread) + eps);
    if (momentum > 0) {
      momentum_[i].copy_(momentum * momentum_[i] + step);
      step = momentum_[i];
    }
    p.copy_(p - lr * step);
  }
}

// ---- clipping ----

double clip_grad_norm(TensorList& gradients, double max_norm) {
  if (!(max_norm > 0)) {
    throw ConfigError(fmt::format("clip_grad_norm: max_norm is {}, expected more than 0", max_norm));
  }
  const NoGrad no_grad;
  double sum_of_squares = 0;
  for (const Tensor& g : gradients) sum_of_squares += sum(square(g)).item();
  const double norm = std::sqrt(sum_of_squares), scale = max_norm / (norm + 1e-6);
  if (scale < 1) {
    for (Tensor& g : gradients) g = scale * g;
  }
  return norm;
}

}  // namespace saccade::nn
