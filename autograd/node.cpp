#include "autograd/node.h"

#include <atomic>

namespace saccade {

namespace {

// One sequence for all threads: the engine relies on a node having a higher id than its inputs.
std::atomic<std::uint64_t> next_id = 1;

}  // namespace

Ref<Node> Node::make(const char* op, const Tensor& output) {
  auto* node = new (pool::allocate(sizeof(Node))) Node;
  node->op = op;
  node->id = next_id.fetch_add(1, std::memory_order_relaxed);
  node->scope = Scope::current();
  node->shape = output.shape();
  node->dtype = output.dtype();
  return Ref(node);
}

void Node::destroy() {
  // Destroying a node drops its edges, which may free their inputs' nodes in turn. Those wait on a list
  // instead of recursing.
  constinit static thread_local PoolVector<Node*>* pending = nullptr;
  if (pending != nullptr) {
    pending->push_back(this);
    return;
  }
  PoolVector<Node*> list = {this};
  pending = &list;
  while (!list.empty()) {
    Node* node = list.back();
    list.pop_back();
    node->~Node();
    pool::release(node, sizeof(Node));
  }
  pending = nullptr;
}

Tensor record(const char* op, Tensor y, std::initializer_list<EdgeSpec> specs) {
  PoolVector<Edge> edges;
  for (const EdgeSpec& spec : specs) {
    if (!spec.edge.input) continue;
    if (edges.empty()) edges.reserve(specs.size());
    edges.push_back(std::move(spec.edge));
  }
  return record(op, std::move(y), std::move(edges));
}

Tensor record(const char* op, Tensor y, PoolVector<Edge> edges) {
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
