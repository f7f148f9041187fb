// How gradients are taken: in three passes over the tape, none of them recursive.
//
// Collect. From the nodes of the outputs, edges lead down to the nodes of their inputs. Each node met is
// listed once. Ids grow as ops are recorded, so an input is always older than what was made from it: no node
// older than the oldest target, a tensor to differentiate with respect to, can lead to one, and the search
// goes no further down.
//
// Mark. From the oldest listed node to the newest: a node leads to a target if it is one itself, or if one of
// its inputs does. The others need no gradient.
//
// Sweep. From the newest to the oldest: when a node's turn comes, all that was made from its output has had
// its own, so its gradient is whole. Each edge that leads to a target turns it into a gradient of that input,
// to be added to what has arrived there along other edges.
//
//     y = x * exp(x)         id 1: x    2: exp, an edge to 1    3: mul, an edge to 1 and one to 2
//
//     3: g = 1               sends exp(x) to 1, and x to 2
//     2: g = x               sends x exp(x) to 1
//     1: g = exp(x) + x exp(x)
//
// Order by id is all the sorting that takes. Memory goes as early as it can: a gradient once it is passed on,
// so that a few are alive at a time however deep the graph, and a node's edges, with the tensors that they
// saved, once it is swept. (It is marked as released, so that a later pass can say so.) retain_graph leaves
// the edges.
//
// create_graph leaves recording on during the sweep. Gradients are written with ops, so the sweep then puts
// itself on the tape, and its results can be differentiated in their turn.
#include "autograd/grad.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "autograd/anomaly.h"
#include "autograd/filter_gradients.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/tape_observer.h"
#include "base/error.h"
#include "base/scoped.h"

namespace saccade {

constinit thread_local const GradientFilter* detail::gradient_filter = nullptr;

namespace {

// "'mul' of actor/0"
std::string describe(const Node& node) {
  return node.scope == nullptr ? fmt::format("'{}'", node.op)
                               : fmt::format("'{}' of {}", node.op, *node.scope);
}

// The nodes that the outputs depend on, collected and marked.
class Subgraph {
 public:
  struct Entry {
    Ref<Node> node;
    std::size_t edges = 0;  // where its edges' inputs start in inputs_
    bool target = false;
    bool leads = false;  // to a target, or is one
    Tensor gradient{};   // the sum of what has arrived so far
  };

  Subgraph(const TensorList& outputs, const TensorList& targets) {
    if (targets.empty()) return;
    std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
    for (const Tensor& x : targets) oldest = std::min(oldest, x.body()->node->id);
    collect(outputs, oldest);
    for (const Tensor& x : targets) {
      targets_.push_back(find(*x.body()->node));
      if (targets_.back() != kNone) entries_[targets_.back()].target = true;
    }
    mark();
  }

  /// Every leaf is a target.
  explicit Subgraph(const TensorList& outputs) {
    collect(outputs, 0);
    for (Entry& entry : entries_) entry.target = entry.node->is_leaf();
    mark();
  }

  std::size_t size() const { return entries_.size(); }
  /// The i-th oldest.
  Entry& by_age(std::size_t i) { return entries_[order_[i].second]; }
  /// The entry of edge k's input; null if it leads to no target.
  Entry* input(const Entry& entry, std::size_t k) {
    Entry* found = at(inputs_[entry.edges + k]);
    return found == nullptr || !found->leads ? nullptr : found;
  }
  /// Output i's entry; null if it leads to no target.
  Entry* output(std::size_t i) { return outputs_.empty() ? nullptr : at(outputs_[i]); }
  /// Target i's entry; null if no output depends on it.
  Entry* target(std::size_t i) { return at(targets_[i]); }

 private:
  using Place = std::uint32_t;  // of an entry, in the order of discovery
  static constexpr Place kNone = std::numeric_limits<Place>::max();

  Entry* at(Place place) { return place == kNone ? nullptr : &entries_[place]; }

  void collect(const TensorList& outputs, std::uint64_t oldest) {
    grow();
    const auto place_of = [&](const Ref<Node>& node) {
      return node->id < oldest ? kNone : find_or_add(node);
    };
    for (const Tensor& y : outputs) outputs_.push_back(place_of(y.body()->node));
    for (std::size_t i = 0; i < entries_.size(); ++i) {  // it grows meanwhile
      const Node& node = *entries_[i].node;
      if (node.released) {
        throw GradError(
            fmt::format("grad: the graph through {} was released by an earlier backward; give that one "
                        ".retain_graph = true to go through it twice",
                        describe(node)));
      }
      entries_[i].edges = inputs_.size();
      for (const Edge& edge : node.edges) inputs_.push_back(place_of(edge.input));
    }
  }

  void mark() {
    order_.reserve(entries_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      order_.emplace_back(entries_[i].node->id, static_cast<Place>(i));
    }
    std::sort(order_.begin(), order_.end());
    for (std::size_t i = 0; i < size(); ++i) {
      Entry& entry = by_age(i);
      entry.leads = entry.target;
      for (std::size_t k = 0; k < entry.node->edges.size(); ++k) {
        if (input(entry, k) != nullptr) entry.leads = true;
      }
    }
  }

  // Which entry is a node's: a hash table of places plus one, 0 where there is none, with linear probing. It
  // belongs to the pass, not to the nodes, since a gradient may start a pass of its own over the same ones.
  static constexpr std::size_t kFirstSlots = 1024;

  std::size_t slot_of(const Node& node) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = static_cast<std::size_t>((node.id * 0x9E3779B97F4A7C15) >> 32) & mask;
    while (slots_[slot] != 0 && entries_[slots_[slot] - 1].node.get() != &node) slot = (slot + 1) & mask;
    return slot;
  }

  Place find(const Node& node) const {
    const Place found = slots_[slot_of(node)];
    return found == 0 ? kNone : found - 1;
  }

  Place find_or_add(const Ref<Node>& node) {
    if (entries_.size() == slots_.size() / 2) grow();
    Place& slot = slots_[slot_of(*node)];
    if (slot == 0) {
      entries_.push_back({.node = node});
      slot = static_cast<Place>(entries_.size());
    }
    return slot - 1;
  }

  void grow() {
    slots_.assign(std::max(kFirstSlots, 2 * slots_.size()), 0);
    entries_.reserve(slots_.size() / 2);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      slots_[slot_of(*entries_[i].node)] = static_cast<Place>(i + 1);
    }
  }

  PoolVector<Entry> entries_;  // as they were discovered
  PoolVector<Place> slots_;
  PoolVector<Place> inputs_, outputs_, targets_;
  PoolVector<std::pair<std::uint64_t, Place>> order_;  // ids, ascending
};

void check_saved(const Node& node, const Saved& saved) {
  if (!saved.is_overwritten()) return;
  throw GradError(
      fmt::format("grad: {} saved a tensor of shape {} for its gradient, and it has been overwritten since",
                  describe(node), saved.body->shape.str()));
}

std::int32_t counted(std::int32_t& references) {
  return std::atomic_ref(references).load(std::memory_order_acquire);
}

void add_to(Tensor& sum, Tensor g) { sum = sum.defined() ? sum + g : std::move(g); }

Tensor grad_output(const TensorList& outputs, std::size_t i, const TensorList& given) {
  const Tensor& y = outputs[i];
  if (given.empty()) {
    if (y.numel() != 1) {
      throw GradError(fmt::format(
          "grad: an output of shape {} needs grad_outputs; only one-element outputs have a default",
          y.shape().str()));
    }
    return ones_like(y);
  }
  if (given.size() != outputs.size()) {
    throw GradError(fmt::format("grad: {} grad_outputs given for {} outputs", given.size(), outputs.size()));
  }
  if (!given[i].defined() || given[i].shape() != y.shape() || given[i].dtype() != y.dtype()) {
    throw ShapeError(fmt::format("grad: grad_outputs[{}] is {}, expected that of the output, {}", i,
                                 describe(given[i]), describe(y)));
  }
  return given[i];
}

// The product with edge k's Jacobian, held to the law that a gradient has its input's shape and dtype.
Tensor vjp(const Node& node, std::size_t k, const Tensor& g, const Tensor& y) {
  const Edge& edge = node.edges[k];
  for (const Saved& saved : edge.saved) check_saved(node, saved);
  if (edge.needs_output) check_saved(node, node.output_saved);
  Tensor result;
  {
    const Scoped quiet(detail::detecting_anomalies, false);  // an anomaly is named after this gradient
    result = edge.vjp(g, y);
  }
  if (detail::gradient_filter != nullptr) {
    result = (*detail::gradient_filter)(node, k, g, y, std::move(result));
  }
  if (!result.defined() || result.shape() != edge.input->shape || result.dtype() != edge.input->dtype) {
    throw GradError(fmt::format("grad: the gradient of {} for its input from '{}' is {}, expected {} {}",
                                describe(node), edge.input->op, describe(result), name(edge.input->dtype),
                                edge.input->shape.str()));
  }
  if (DetectAnomaly::active())
    check_anomaly(result, [&] { return fmt::format("the gradient of {} for input {}", describe(node), k); });
  return result;
}

void run_hooks(const Node& node, Tensor& gradient) {
  for (const auto& hook : node.hooks) {
    Tensor replaced = hook(gradient);
    if (!replaced.defined()) continue;
    if (replaced.shape() != gradient.shape() || replaced.dtype() != gradient.dtype()) {
      throw GradError(fmt::format("grad: a hook on {} returned {}, expected {}", describe(node),
                                  describe(replaced), describe(gradient)));
    }
    gradient = std::move(replaced);
  }
}

// Tells who watches this thread's tape, if anybody does, when a pass begins and ends, however it ends.
class Watched {
 public:
  Watched() : observer(detail::observer) {
    if (observer != nullptr) observer->sweep_begins();
  }
  ~Watched() {
    if (observer != nullptr) observer->sweep_ends();
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  TapeObserver* const observer;
};

void sweep(Subgraph& graph, const TensorList& outputs, const GradOptions& options) {
  const bool retain = options.retain_graph.value_or(options.create_graph);
  const Scoped mode(detail::recording, options.create_graph);
  const Watched watched;
  TapeObserver* const observer = watched.observer;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Tensor given = grad_output(outputs, i, options.grad_outputs);
    if (Subgraph::Entry* entry = graph.output(i)) add_to(entry->gradient, std::move(given));
  }
  for (std::size_t i = graph.size(); i-- > 0;) {
    Subgraph::Entry& entry = graph.by_age(i);
    if (!entry.leads) continue;
    Node& node = *entry.node;
    if (!node.hooks.empty() && entry.gradient.defined()) run_hooks(node, entry.gradient);
    if (observer != nullptr && entry.gradient.defined()) [[unlikely]]
      observer->begins(node, entry.gradient);
    bool passed = false;  // along any edge; a target's inputs need not lead to another
    Tensor y = node.output;
    if (y.defined() && options.create_graph) {  // with its node, so that it can be differentiated through
      y = y.detach();
      y.body()->node = entry.node;
    }
    for (std::size_t k = 0; k < node.edges.size(); ++k) {
      Subgraph::Entry* input = graph.input(entry, k);
      if (input == nullptr) continue;
      passed = true;
      if (!entry.gradient.defined()) continue;
      Tensor g = vjp(node, k, entry.gradient, y);
      if (observer != nullptr) [[unlikely]]
        observer->passes(node, k, g, input->gradient);
      add_to(input->gradient, std::move(g));
    }
    if (observer != nullptr && entry.gradient.defined()) [[unlikely]]
      observer->ends(node, passed && !retain);
    if (!entry.target) entry.gradient = Tensor();
    if (passed && !retain) {
      node.edges.clear();
      node.output = Tensor();
      node.released = true;
    }
  }
}

void check_differentiable(const TensorList& outputs) {
  for (const Tensor& y : outputs) {
    if (!y.defined()) throw GradError("grad: an output is undefined");
    if (!y.requires_grad()) {
      throw GradError(fmt::format(
          "grad: the output ({}) does not depend on any tensor that requires a gradient", describe(y)));
    }
  }
}

}  // namespace

TensorList grad(const TensorList& outputs, const TensorList& wrt, const GradOptions& options) {
  check_differentiable(outputs);
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (wrt[i].requires_grad()) continue;
    throw GradError(
        fmt::format("grad: input {} ({}) does not require a gradient; call requires_grad_() on it before it "
                    "is used",
                    i, describe(wrt[i])));
  }
  Subgraph graph(outputs, wrt);
  sweep(graph, outputs, options);
  TensorList gradients;
  gradients.reserve(wrt.size());
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    const Subgraph::Entry* entry = graph.target(i);
    if (entry != nullptr && entry->gradient.defined()) {
      gradients.push_back(entry->gradient);
    } else if (options.allow_unused) {
      gradients.push_back(zeros_like(wrt[i]));
    } else {
      throw GradError(
          fmt::format("grad: no output depends on input {} ({}); pass .allow_unused = true to get zeros", i,
                      describe(wrt[i])));
    }
  }
  return gradients;
}

TensorList grad(const Tensor& output, const TensorList& wrt, const GradOptions& options) {
  return grad(TensorList{output}, wrt, options);
}

Tensor grad(const Tensor& output, const Tensor& wrt, const GradOptions& options) {
  return grad(TensorList{output}, TensorList{wrt}, options)[0];
}

void backward(const Tensor& output, const GradOptions& options) {
  const TensorList outputs = {output};
  check_differentiable(outputs);
  Subgraph graph(outputs);
  sweep(graph, outputs, options);
  const Scoped mode(detail::recording, options.create_graph);
  static constinit std::mutex leaves;  // backward passes of several threads may add to one leaf
  for (std::size_t i = 0; i < graph.size(); ++i) {
    Subgraph::Entry& entry = graph.by_age(i);
    Node& node = *entry.node;
    if (node.leaf == nullptr || !entry.gradient.defined()) continue;
    Tensor g = std::move(entry.gradient);
    // grad() may be written to, so its elements are its own and no other tensor's.
    const bool shared =
        counted(g.body()->references) > 1 || counted(g.body()->storage->references) > 1 || !g.is_contiguous();
    const std::lock_guard lock(leaves);
    Tensor sum(node.leaf->grad);
    add_to(sum, shared && !sum.defined() ? g * 1 : std::move(g));
    node.leaf->grad = Ref(sum.body());
  }
}

}  // namespace saccade
