#include "autograd/record.h"

#include <string>
#include <utility>

#include "autograd/anomaly.h"

namespace saccade {

Tensor record(const char* op, Tensor y, std::initializer_list<EdgeSpec> specs, SourceLocation where) {
  PoolVector<Edge> edges;
  for (const EdgeSpec& spec : specs) {
    if (!spec.edge.input) continue;
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
  std::erase_if(edges, [](const Edge& edge) { return !edge.input; });
  if (edges.empty()) return y;
  if (y.requires_grad()) y = y.detach();  // handed through from an input, which keeps its own node
  Ref<Node> node = Node::make(op, y);
  if (detail::noting_locations) [[unlikely]]
    node->where = where;
  for (const Edge& edge : edges) {
    if (!edge.needs_output || node->output.defined()) continue;
    node->output = y.detach();
    node->output_saved = {node->output.body(), y.body()->storage->version};
  }
  node->edges = std::move(edges);
  y.body()->node = std::move(node);
  return y;
}

}  // namespace saccade
