#include "nn/optim/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

constexpr const char* kSteps = "steps";

// Whether two contiguous tensors have an element in common.
bool overlap(const Tensor& a, const Tensor& b) {
  const std::int64_t x = a.body()->offset, y = b.body()->offset;
  return a.body()->storage.get() == b.body()->storage.get() && x < y + b.numel() && y < x + a.numel();
}

// Each element must have one optimiser state and take one step at a time. Sorted by storage and offset, only
// neighbours can overlap.
void check_apart(const char* name, const TensorList& parameters) {
  std::vector<std::size_t> order(parameters.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto place = [&](std::size_t i) {
    const TensorBody* body = parameters[i].body();
    return std::pair(reinterpret_cast<std::uintptr_t>(body->storage.get()), body->offset);
  };
  std::erase_if(order, [&](std::size_t i) { return parameters[i].numel() == 0; });
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return place(i) < place(j); });
  for (std::size_t k = 1; k < order.size(); ++k) {
    const auto [i, j] = std::minmax(order[k - 1], order[k]);
    if (!overlap(parameters[i], parameters[j])) continue;
    throw GradError(
        fmt::format("{}: parameters {} and {} ({}) share elements, which would take two steps at once; "
                    "give each parameter once",
                    name, i, j, describe(parameters[j])));
  }
}

}  // namespace

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
  check_apart(name, parameters);
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

bool Optimizer::written_before_read(const TensorList& gradients) const {
  for (std::size_t i = 1; i < gradients.size() && i < parameters_.size(); ++i) {
    for (std::size_t k = 0; k < i && gradients[i].defined(); ++k) {
      const bool together = gradients[i].body()->storage.get() == parameters_[k].body()->storage.get();
      if (together && (!gradients[i].is_contiguous() || overlap(gradients[i], parameters_[k]))) return true;
    }
  }
  return false;
}

TensorList Optimizer::copied(const TensorList& gradients) {
  TensorList copies;
  for (const Tensor& g : gradients) copies.push_back(1 * g);
  return copies;
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

void Optimizer::check_state(const NamedTensors& state) const {
  for (const auto& [name, x] : state) {
    if (name != kSteps || !x.defined() || x.numel() != 1) continue;
    const double steps = x.item();
    if (!(steps >= 0) || steps != std::floor(steps)) {
      throw ConfigError(fmt::format("{}: '{}' is {}, expected a whole number", name_, kSteps, steps));
    }
  }
  check_by_name(name_, state, named_state());
}

void Optimizer::load_state(const NamedTensors& state) {
  check_state(state);
  const NamedTensors mine = named_state();
  copy_by_name(name_, state, mine);
  steps_ = static_cast<std::int64_t>(mine[0].tensor.item());
}

double Optimizer::usable_eps(double eps) const {
  const DType dtype = parameters_[0].dtype();
  const double min = visit(dtype, []<class T>() -> double { return std::numeric_limits<T>::min(); });
  if (eps == 0) return min;
  if (eps >= min && std::isfinite(eps)) return eps;
  throw ConfigError(fmt::format("{}: eps is {}, expected 0 or at least {:.3g}, the smallest normal {}", name_,
                                eps, min, saccade::name(dtype)));
}

void Optimizer::check_option(const char* option, double value, double low, double high) const {
  if (value >= low && value < high) return;  // not so for NaN
  throw ConfigError(
      fmt::format("{}: {} is {}, expected {} or more{}", name_, option, value, low,
                  high < std::numeric_limits<double>::infinity() ? fmt::format(" and below {}", high) : ""));
}

}  // namespace saccade::nn
