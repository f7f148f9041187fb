// Graphs to look at: the library's own losses, as they ship, on networks small enough to see every number.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/explain.h"

namespace saccade::study {

/// A function of one result, to be explained.
struct Subject {
  std::string name, title, formula;
  std::function<Tensor()> f;
  std::vector<Named> wrt;         // to differentiate with respect to
  std::vector<Named> names = {};  // of other tensors that go in
};

struct Sizes {
  std::int64_t hidden = 4;  // width of each of two hidden layers
  std::int64_t batch = 2;
};

struct Builtin {
  const char *name, *title, *formula;
  void (*make)(Subject& subject, const Sizes& sizes);  // sets f, wrt and names
};

const std::vector<Builtin>& builtins();

/// Everything in f64, the same numbers each time. ConfigError for an unknown name, with the nearest.
Subject make_builtin(const std::string& name, const Sizes& sizes = {});

/// The expression with these values, "NAME=VALUE" each; a result of several elements is summed. ConfigError
/// as Expression and parse_value(), for a value that is given twice or not used, and where no value is left
/// to differentiate with respect to.
Subject make_expression(const std::string& text, const std::vector<std::string>& assignments);

}  // namespace saccade::study
