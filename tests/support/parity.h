// Whole updates computed elsewhere, and how ours are held against them.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "nn/module.h"
#include "rl/batch.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

namespace saccade::tests {

/// A tensor with its shape, or a plain list of its numbers.
inline Tensor tensor(const nlohmann::json& json) {
  if (json.is_array())
    return from_values(numbers(json), {static_cast<std::int64_t>(json.size())}, DType::f64);
  Shape shape;
  for (const auto& n : json.at("shape")) shape.push_back(n.get<std::int64_t>());
  return from_values(numbers(json.at("data")), shape, DType::f64);
}

inline rl::Batch batch_of(const nlohmann::json& b) {
  return {tensor(b.at("obs")), tensor(b.at("act")), tensor(b.at("rew")), tensor(b.at("next_obs")),
          tensor(b.at("terminated"))};
}

/// References keep critics apart; ours are stacked. `get(critic, "l1.weight")` is the reference's tensor.
template <class Get>
std::map<std::string, Tensor> as_critics(const std::vector<std::string>& critics, const Get& get,
                                         const std::vector<std::string>& layers = {"l1", "l2", "l3"},
                                         const std::string& prefix = "q.") {
  std::map<std::string, Tensor> ours;
  for (const std::string& layer : layers) {
    for (const char* part : {"weight", "bias"}) {
      const std::string name = layer + "." + part;
      TensorList each;
      for (const std::string& critic : critics) each.push_back(get(critic, name));
      ours[prefix + name] = stack(each, 0);
    }
  }
  return ours;
}

/// One value of each critic, side by side: (n, ...).
inline Tensor stacked(const nlohmann::json& where, const std::vector<std::string>& names) {
  TensorList each;
  for (const std::string& name : names) each.push_back(tensor(where.at(name)));
  return stack(each, 0);
}

/// References keep the two heads of a Gaussian policy apart; ours are one layer.
inline std::map<std::string, Tensor> as_gaussian_actor(const nlohmann::json& w) {
  std::map<std::string, Tensor> ours;
  for (const char* part : {".weight", ".bias"}) {
    for (const char* layer : {"l1", "l2"}) {
      ours["body." + std::string(layer) + part] = tensor(w.at(std::string(layer) + part));
    }
    ours[std::string("head") + part] =
        cat({tensor(w.at(std::string("mean") + part)), tensor(w.at(std::string("log_std") + part))}, 0);
  }
  return ours;
}

/// The reference's network under our names: "l1.weight" as "q.l1.weight", and so on.
inline std::map<std::string, Tensor> as_network(const std::string& prefix, const nlohmann::json& w) {
  std::map<std::string, Tensor> ours;
  for (const auto& [name, value] : w.items()) ours[prefix + name] = tensor(value);
  return ours;
}

// |a - b| <= tolerance max(1, |b|) for every element.
inline void check_close(const std::string& what, const Tensor& a, const Tensor& b, double tolerance) {
  INFO(what << ": ours " << a << "\nexpected " << b);
  REQUIRE(a.numel() == b.numel());
  const std::vector<double> x = a.to_vector(), y = b.to_vector();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool close = std::abs(x[i] - y[i]) <= tolerance * std::max(1.0, std::abs(y[i]));  // false for NaN
    if (!close) FAIL("element " << i << ": " << x[i] << ", expected " << y[i]);
  }
}

inline void check_parameters(const std::string& what, const nn::NamedTensors& ours, const TensorList& values,
                             const std::map<std::string, Tensor>& expected, double tolerance) {
  REQUIRE(ours.size() == expected.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    check_close(what + " " + ours[i].name, values[i], expected.at(ours[i].name), tolerance);
  }
}

inline void load(nn::Module& module, const std::map<std::string, Tensor>& values) {
  nn::NamedTensors named;
  for (const auto& [name, value] : values) named.push_back({name, value});
  module.load_parameters(named);
}

inline void check_module(const std::string& what, const nn::Module& module,
                         const std::map<std::string, Tensor>& expected, double tolerance) {
  check_parameters(what, module.named_parameters(), module.parameters(), expected, tolerance);
}

/// Adam's moments of a module, "m" and "v" in its optimiser's state: side by side, in the parameters' order.
/// `get("exp_avg")` is the reference's first, `get("exp_avg_sq")` its second, under our names.
template <class Get>
void check_moments(const nn::Module& module, const nn::NamedTensors& state, const Get& get,
                   double tolerance) {
  int found = 0;
  for (const auto& [name, moment] : state) {
    if (name != "m" && name != "v") continue;
    ++found;
    const std::map<std::string, Tensor> expected = get(name == "m" ? "exp_avg" : "exp_avg_sq");
    TensorList each;
    for (const auto& parameter : module.named_parameters()) {
      each.push_back(reshape(expected.at(parameter.name), {-1}));
    }
    check_close("moment " + name, moment, cat(each, 0), tolerance);
  }
  REQUIRE(found == 2);
}

}  // namespace saccade::tests
