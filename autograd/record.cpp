#include "autograd/record.h"

#include <string>
#include <utility>

#include "autograd/anomaly.h"
#include "autograd/tape_observer.h"

namespace saccade {

Tensor record(const char* op, Tensor y, std::initializer_list<EdgeSpec> specs, SourceLocation where) {
  PoolVector<Edge> edges;
  for (const EdgeSpec& spec : specs) {
    if (!spec.edge.input && detail::observer == nullptr) continue;
    if (edges.empty()) edges.reserve(specs.size());
    edges.push_back(std::move(spec.edge));
  }
  return record(op, std::move(y), std::move(edges), where);
}

Tensor record(const char* op, Tensor y, PoolVector<Edge> edges, SourceLocation where) {
  if (DetectAnomaly::active()) {
    check_anomaly(y, [&] {
      const std::string* scope = Scope::current();
      return "the result of '" + std::string(op) + (scope == nullptr ? "'" : "' of " + *scope);
    });
  }
  if (detail::observer != nullptr && grad_enabled()) [[unlikely]]
    y = detail::observer->result(op, edges, std::move(y));
  std::erase_if(edges, [](const Edge& edge) { return !edge.input; });
  if (edges.empty()) return y;
  if (y.requires_grad()) y = y.detach();  // handed through from an input, which keeps its own node
  Ref<Node> node = Node::make(op, y);
  if (detail::noting_locations) [[unlikely]]
    node->where = where;
  for (const Edge& edge : edges) {
    if (!edge.needs_output || node->output.defined()) continue;
    node->output = y.detach();
    node->output_saved = Saved(node->output.body());
  }
  node->edges = std::move(edges);
  y.body()->node = std::move(node);
  if (detail::observer != nullptr) [[unlikely]]
    detail::observer->recorded(*y.body()->node, y);
  return y;
}

}  // namespace saccade
