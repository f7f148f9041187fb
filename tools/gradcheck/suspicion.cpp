// The op behind failures: one that all failing checks use and few passing ones do.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "autograd/filter_gradients.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "tools/gradcheck/rows.h"

namespace saccade::suite {

namespace {

// Those recorded on the way to the check's outputs.
std::set<std::string> ops_of(const Check& check) {
  std::set<std::string> ops;
  const FilterGradients note([&](const Node& node, std::size_t, const Tensor&, const Tensor&, Tensor result) {
    ops.insert(node.op);
    return result;
  });
  try {
    TensorList leaves;
    for (const Tensor& x : check.inputs) leaves.push_back(x.detach().requires_grad_());
    for (const Tensor& y : check.f(leaves)) {
      if (y.requires_grad()) grad(sum(y), leaves, {.allow_unused = true});
    }
  } catch (const Error&) {  // it may be why the check fails; what was seen until then counts
  }
  return ops;
}

}  // namespace

std::string suspicion(const std::vector<Check>& checks, const std::vector<Row>& rows) {
  std::map<std::string, int> failing, passing;
  int failures = 0;
  std::size_t next = 0;
  for (const Row& row : rows) {
    for (const Variant& variant : row.variants) {
      const Check& check = checks.at(next++);
      failures += variant.passed() ? 0 : 1;
      for (const std::string& op : ops_of(check)) ++(variant.passed() ? passing : failing)[op];
    }
  }
  if (failures < 2) return "";
  // Of the ops that most failing checks use, those that the fewest passing ones do.
  int used = 0, spared = 0;
  std::vector<std::string> suspects;
  for (const auto& [op, n] : failing) {
    const int innocent = passing[op];
    if (n < used || (n == used && innocent > spared)) continue;
    if (n > used || innocent < spared) suspects.clear();
    used = n;
    spared = innocent;
    suspects.push_back(op);
  }
  if (suspects.empty()) return "";
  return fmt::format("{} checks fail; {} use {}, as do {} that pass.", failures,
                     used == failures ? "all" : fmt::format("{} of them", used), fmt::join(suspects, " and "),
                     spared);
}

}  // namespace saccade::suite
