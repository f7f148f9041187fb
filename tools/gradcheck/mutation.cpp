#include "tools/gradcheck/mutation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "autograd/filter_gradients.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::suite {

namespace {

// Where a gradient is broken: what the edge was given, and what it made of it.
struct Place {
  const Node& node;
  std::size_t edge;
  const Tensor& g;
  const Tensor& y;
  const Tensor& result;
};

struct Kind {
  std::string name;
  bool (*applies)(const Place&);
  Tensor (*mutate)(const Place&);
};

bool always(const Place&) { return true; }

bool square_matrix(const Place& at) {
  return at.result.dim() >= 2 && at.result.size(-1) == at.result.size(-2) && at.result.size(-1) > 1;
}

// The next of the op's edges, where its gradient would fit here too.
std::size_t next_edge(const Place& at) { return (at.edge + 1) % at.node.edges.size(); }
bool has_twin(const Place& at) {
  return at.node.edges.size() > 1 && at.node.edges[next_edge(at)].input->shape == at.result.shape();
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"scaled by 1.01", always, [](const Place& at) { return 1.01 * at.result; }},
      {"negated", always, [](const Place& at) { return -at.result; }},
      {"zeroed", always, [](const Place& at) { return zeros_like(at.result); }},
      {"detached", always, [](const Place& at) { return at.result.detach(); }},
      {"transposed", square_matrix, [](const Place& at) { return contiguous(transpose(at.result)); }},
      {"given to the wrong input", has_twin,
       [](const Place& at) { return at.node.edges[next_edge(at)].vjp(at.g, at.y); }},
      {"sum_to omitted", [](const Place& at) { return std::string_view(at.node.op) == "expand"; },
       [](const Place& at) { return at.g; }},
  };
  return all;
}

using Edge = std::pair<std::string, std::size_t>;  // of which op, which input

bool same_values(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.requires_grad() == b.requires_grad() && a.to_vector() == b.to_vector();
}

// Why a mutant that changed no number in any check could not have.
std::string why_equivalent(const Mutant& mutant) {
  if (mutant.op == "sign" || mutant.op == "floor") return "its gradient is the constant 0, broken or not";
  if (mutant.op == "add") return "both inputs have the same gradient, g";
  if (mutant.op == "unslice" && mutant.kind == "detached") {
    return "it is met only as slice's gradient, so that its own is a second derivative already; what a "
           "detached one lacks is the third";
  }
  return "equivalent: it changes no number in any check";
}

}  // namespace

std::vector<std::string> mutation_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  return names;
}

std::vector<Mutant> mutate(const std::vector<Check>& checks) {
  // Which edges each check's tape holds, and which kinds apply to them there.
  std::map<Edge, std::map<std::size_t, std::vector<std::size_t>>> occurrences;  // edge -> kind -> checks
  for (std::size_t c = 0; c < checks.size(); ++c) {
    if (!checks[c].differentiable) continue;
    if (!checks[c].run(2).passed()) {
      throw GradError(
          fmt::format("{} ({}) fails with nothing broken, so that its failing would say nothing of a mutant; "
                      "see saccade gradcheck --filter '{}'",
                      checks[c].name, checks[c].variant, checks[c].name));
    }
    std::set<std::pair<Edge, std::size_t>> seen;
    const FilterGradients note(
        [&](const Node& node, std::size_t edge, const Tensor& g, const Tensor& y, Tensor result) {
          for (std::size_t k = 0; k < kinds().size(); ++k) {
            if (kinds()[k].applies({node, edge, g, y, result})) seen.insert({{node.op, edge}, k});
          }
          return result;
        });
    checks[c].run(1);
    for (const auto& [edge, kind] : seen) occurrences[edge][kind].push_back(c);
  }

  std::vector<Mutant> mutants;
  for (auto& [edge, by_kind] : occurrences) {
    for (auto& [k, candidates] : by_kind) {
      const Kind& kind = kinds()[k];
      Mutant mutant{edge.first, edge.second, kind.name, false, "", false};
      bool changed = false;
      const FilterGradients broken(
          [&](const Node& node, std::size_t at, const Tensor& g, const Tensor& y, Tensor result) {
            if (mutant.op != node.op || mutant.edge != at) return result;
            const Place place = {node, at, g, y, result};
            if (!kind.applies(place)) return result;
            Tensor wrong = kind.mutate(place);
            changed = changed || !same_values(result, wrong);
            return wrong;
          });
      // The op's own checks first.
      std::stable_partition(candidates.begin(), candidates.end(),
                            [&](std::size_t c) { return checks[c].name == mutant.op; });
      for (const std::size_t c : candidates) {
        if (checks[c].run(1).passed() && checks[c].run(2).passed()) continue;
        mutant.killed = true;
        mutant.killer = checks[c].name + "(" + checks[c].variant + ")";
        break;
      }
      if (!mutant.killed) {
        mutant.equivalent = !changed;
        mutant.killer = changed ? "no check noticed" : why_equivalent(mutant);
      }
      mutants.push_back(std::move(mutant));
    }
  }
  return mutants;
}

}  // namespace saccade::suite
