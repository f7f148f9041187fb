#include "autograd/node.h"

#include <atomic>

#include "autograd/tape_observer.h"

namespace saccade {

constinit thread_local TapeObserver* detail::observer = nullptr;

void detail::note_constant(const Tensor& x) { observer->constant(x); }
void detail::note_constant(double number) { observer->constant(scalar(number, DType::f64)); }

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
  // A node that is destroyed lets go of its inputs, some of which may have to be destroyed in turn. They wait
  // on a list, so that a long chain does not recurse.
  constinit static thread_local PoolVector<Node*>* pending = nullptr;
  if (pending != nullptr) {
    pending->push_back(this);
    return;
  }
  PoolVector<Node*> list = {this};
  const Scoped collecting(pending, &list);
  while (!list.empty()) {
    Node* node = list.back();
    list.pop_back();
    node->~Node();
    pool::release(node, sizeof(Node));
  }
}

}  // namespace saccade
