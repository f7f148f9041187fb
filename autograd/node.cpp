#include "autograd/node.h"

#include <atomic>
#include <cstring>

#include "autograd/tape_observer.h"

namespace saccade {

constinit thread_local TapeObserver* detail::observer = nullptr;

void detail::note_constant(const Tensor& x) { observer->constant(x); }
void detail::note_constant(double number) { observer->constant(scalar(number, DType::f64)); }

namespace {

// One sequence for all threads: the engine relies on a node having a higher id than its inputs.
std::atomic<std::uint64_t> next_id = 1;

}  // namespace

bool Saved::is_overwritten() const {
  if (body == nullptr) return false;
  if (body->storage->version != version) return true;
  return body->storage->is_open && fingerprint_of(*body) != fingerprint;
}

// Four words at a time, each into a sum of its own, since a product waits for the one before it.
std::uint64_t Saved::fingerprint_of(const TensorBody& body) {
  Tensor x = view_of(Tensor(Ref(const_cast<TensorBody*>(&body))), body.shape, body.strides, body.offset);
  if (!x.is_contiguous()) {
    const Tensor row_major = empty(x.shape(), x.dtype());
    row_major.copy_(x);
    x = row_major;
  }
  constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15;
  constexpr std::size_t kLanes = 4, kStride = kLanes * sizeof(std::uint64_t);
  const auto bytes = static_cast<std::size_t>(x.numel() * element_size(x.dtype()));
  const auto* from = static_cast<const char*>(x.raw());
  std::uint64_t sums[kLanes] = {1, 2, 3, 4};
  const auto mix = [&](const char* at, std::size_t n) {
    std::uint64_t words[kLanes] = {};
    std::memcpy(words, at, n);
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::uint64_t product = (sums[i] ^ words[i]) * kPrime;
      sums[i] = product ^ (product >> 29);
    }
  };
  std::size_t done = 0;
  for (; done + kStride <= bytes; done += kStride) mix(from + done, kStride);
  if (done < bytes) mix(from + done, bytes - done);
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all = (all ^ sum) * kPrime;
  return all;
}

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
