#include "nn/named_tensors.h"

#include <fmt/format.h>

#include <map>

#include "autograd/modes.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

void check_fits(std::string_view what, const std::string& name, const Tensor& source, const Tensor& target) {
  if (source.defined() && source.dtype() == target.dtype() && source.shape() == target.shape()) return;
  const std::string message =
      fmt::format("{}: '{}' is {}, expected {}", what, name, describe(source), describe(target));
  if (source.defined() && source.dtype() != target.dtype()) throw DTypeError(message);
  throw ShapeError(message);
}

}  // namespace

namespace {

// By name, each once.
std::map<std::string_view, const Tensor*> index_of(std::string_view what, const NamedTensors& sources) {
  std::map<std::string_view, const Tensor*> index;
  for (const auto& [name, tensor] : sources) {
    if (!index.emplace(name, &tensor).second) {
      throw ConfigError(fmt::format("{}: '{}' was given twice", what, name));
    }
  }
  return index;
}

// The source of each target, in the targets' order.
std::vector<const Tensor*> match(std::string_view what, const NamedTensors& sources,
                                 const NamedTensors& targets) {
  const auto index = index_of(what, sources);
  const auto known = index_of(what, targets);
  for (const auto& [name, tensor] : sources) {
    if (known.count(name) > 0) continue;
    throw ConfigError(fmt::format("{}: '{}' was given, which is not one of its tensors", what, name));
  }
  std::vector<const Tensor*> matched;
  for (const auto& [name, target] : targets) {
    const auto at = index.find(name);
    if (at == index.end()) throw ConfigError(fmt::format("{}: '{}' is missing", what, name));
    check_fits(what, name, *at->second, target);
    matched.push_back(at->second);
  }
  return matched;
}

}  // namespace

void check_by_name(std::string_view what, const NamedTensors& sources, const NamedTensors& targets) {
  match(what, sources, targets);
}

void copy_by_name(std::string_view what, const NamedTensors& sources, const NamedTensors& targets) {
  const std::vector<const Tensor*> matched = match(what, sources, targets);
  const NoGrad no_grad;
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i].tensor.copy_(*matched[i]);
}

void append(NamedTensors& to, std::string_view prefix, const NamedTensors& from) {
  for (const auto& [name, tensor] : from) to.push_back({std::string(prefix) + name, tensor});
}

NamedTensors with_prefix(const NamedTensors& all, std::string_view prefix) {
  NamedTensors found;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) found.push_back({name.substr(prefix.size()), tensor});
  }
  return found;
}

}  // namespace saccade::nn
