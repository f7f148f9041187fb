#include "autograd/grad.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>

#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade {

namespace {

constinit thread_local bool recording = true;
constinit thread_local const std::string* current_scope = nullptr;
constinit thread_local bool detecting = false;
constinit thread_local const FilterGradients::Filter* filter = nullptr;

// "'mul' of actor/0"
std::string describe(const Node& node) {
  return node.scope == nullptr ? fmt::format("'{}'", node.op)
                               : fmt::format("'{}' of {}", node.op, *node.scope);
}

// While alive, a switch of this thread is in another position.
class Set {
 public:
  Set(bool& flag, bool value) : flag_(flag), before_(flag) { flag = value; }
  ~Set() { flag_ = before_; }
  Set(const Set&) = delete;
  Set& operator=(const Set&) = delete;

 private:
  bool& flag_;
  bool before_;
};

// The nodes that outputs depend on and through which the targets are reached, in the order of their ids, so
// that a node comes after all of its inputs.
class Subgraph {
 public:
  struct Entry {
    Ref<Node> node;
    bool target = false;
    bool leads = false;     // to a target, or is one
    std::size_t edges = 0;  // where its edges' inputs start in inputs_
    Tensor gradient{};      // what has arrived so far
  };

  /// Without targets, every leaf is one.
  Subgraph(const TensorList& outputs, const TensorList* targets) {
    PoolVector<std::uint64_t> wanted;  // the targets' ids, in order
    if (targets != nullptr) {
      for (const Tensor& x : *targets) wanted.push_back(x.body()->node->id);
      std::sort(wanted.begin(), wanted.end());
      if (wanted.empty()) return;
    }
    collect(outputs, wanted.empty() ? 0 : wanted[0]);
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.node->id < b.node->id; });
    for (std::size_t i = 0; i < entries_.size(); ++i) entries_[i].node->place = i;
    for (Entry& entry : entries_) {
      entry.edges = inputs_.size();
      entry.target = targets == nullptr ? entry.node->is_leaf()
                                        : std::binary_search(wanted.begin(), wanted.end(), entry.node->id);
      entry.leads = entry.target;
      for (const Edge& edge : entry.node->edges) {
        const std::size_t input = index_of(*edge.input);
        inputs_.push_back(input);
        if (input != kNone && entries_[input].leads) entry.leads = true;
      }
    }
    if (targets == nullptr) return;
    for (const Tensor& x : *targets) targets_.push_back(index_of(*x.body()->node));
  }

  static constexpr std::size_t kNone = ~std::size_t{0};

  std::size_t size() const { return entries_.size(); }
  Entry& operator[](std::size_t i) { return entries_[i]; }
  /// The entry of edge k's input; null if it leads nowhere.
  Entry* input(const Entry& entry, std::size_t k) {
    const std::size_t i = inputs_[entry.edges + k];
    return i == kNone || !entries_[i].leads ? nullptr : &entries_[i];
  }
  /// An output's entry, before anything else is differentiated; null if it leads nowhere.
  Entry* output(const Tensor& x) {
    const std::size_t i = index_of(*x.body()->node);
    return i == kNone ? nullptr : &entries_[i];
  }
  /// Target i's entry; null if no output depends on it.
  Entry* target(std::size_t i) { return targets_[i] == kNone ? nullptr : &entries_[targets_[i]]; }

 private:
  // `lowest` is the oldest target's id: nothing older can lead to one.
  void collect(const TensorList& outputs, std::uint64_t lowest) {
    constinit static std::atomic<std::uint64_t> passes =
        0;  // of all threads: a graph may go from one to another
    pass_ = ++passes;
    PoolVector<Node*> stack;
    const auto visit_once = [&](const Ref<Node>& node) {
      if (node->id < lowest || node->visited == pass_) return;
      node->visited = pass_;
      entries_.push_back({.node = node});
      stack.push_back(node.get());
    };
    for (const Tensor& y : outputs) visit_once(y.body()->node);
    while (!stack.empty()) {
      const Node& node = *stack.back();
      stack.pop_back();
      if (node.released) {
        throw GradError(
            fmt::format("grad: the graph through {} was released by an earlier backward; give that one "
                        ".retain_graph = true to go through it twice",
                        describe(node)));
      }
      for (const Edge& edge : node.edges) visit_once(edge.input);
    }
  }

  // Of a node that this pass collected. A gradient may differentiate something itself, which is another pass
  // over perhaps the same nodes; so all that is needed is looked up before the sweep.
  std::size_t index_of(const Node& node) const {
    return !entries_.empty() && node.visited == pass_ ? node.place : kNone;
  }

  std::uint64_t pass_ = 0;
  PoolVector<Entry> entries_;
  PoolVector<std::size_t> inputs_;
  PoolVector<std::size_t> targets_;
};

void check_saved(const Node& node, const Saved& saved) {
  if (saved.body == nullptr || saved.body->storage->version == saved.version) return;
  throw GradError(
      fmt::format("grad: {} saved a tensor of shape {} for its gradient, and it has been overwritten since",
                  describe(node), saved.body->shape.str()));
}

void add_to(Tensor& sum, Tensor g) { sum = sum.defined() ? sum + g : std::move(g); }

Tensor grad_output(const TensorList& outputs, std::size_t i, const TensorList& given) {
  const Tensor& y = outputs[i];
  if (given.empty()) {
    if (y.numel() != 1) {
      throw GradError(
          fmt::format("grad: an output of shape {} needs grad_outputs; only one-element outputs have a default",
                      y.shape().str()));
    }
    return ones_like(y);
  }
  if (given.size() != outputs.size()) {
    throw GradError(fmt::format("grad: {} grad_outputs given for {} outputs", given.size(), outputs.size()));
  }
  if (!given[i].defined() || given[i].shape() != y.shape() || given[i].dtype() != y.dtype()) {
    throw ShapeError(fmt::format("grad: grad_outputs[{}] is {}, expected that of the output, {}", i, describe(given[i]),
                                 describe(y)));
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
    const Set quiet(detecting, false);  // an anomaly is this gradient's, not that of an op within it
    result = edge.vjp(g, y);
  }
  if (filter != nullptr) result = (*filter)(node, k, g, y, std::move(result));
  if (!result.defined() || result.shape() != edge.input->shape || result.dtype() != edge.input->dtype) {
    throw GradError(fmt::format("grad: the gradient of {} for its input from '{}' is {}, expected {} {}",
                                describe(node), edge.input->op, describe(result), name(edge.input->dtype),
                                edge.input->shape.str()));
  }
  if (detecting)
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

// The sweep: from the newest node to the oldest, so that a node's gradient is whole when it is passed on.
void sweep(Subgraph& graph, const TensorList& outputs, const GradOptions& options) {
  const bool retain = options.retain_graph.value_or(options.create_graph);
  const Set mode(recording, options.create_graph);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Tensor given = grad_output(outputs, i, options.grad_outputs);
    if (Subgraph::Entry* entry = graph.output(outputs[i])) add_to(entry->gradient, std::move(given));
  }
  for (std::size_t i = graph.size(); i-- > 0;) {
    Subgraph::Entry& entry = graph[i];
    if (!entry.leads) continue;
    Node& node = *entry.node;
    if (!node.hooks.empty() && entry.gradient.defined()) run_hooks(node, entry.gradient);
    bool passed = false;  // through any edge; not so where a target is not gone below
    Tensor y = node.output;
    if (y.defined() && options.create_graph) {
      y = y.detach();
      y.body()->node = entry.node;
    }
    for (std::size_t k = 0; k < node.edges.size(); ++k) {
      Subgraph::Entry* input = graph.input(entry, k);
      if (input == nullptr) continue;
      passed = true;
      if (entry.gradient.defined()) add_to(input->gradient, vjp(node, k, entry.gradient, y));
    }
    if (!entry.target) entry.gradient = Tensor();  // so that its memory serves for the next
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
  Subgraph graph(outputs, &wrt);
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
  Subgraph graph(outputs, nullptr);
  sweep(graph, outputs, options);
  const Set mode(recording, options.create_graph);
  for (std::size_t i = 0; i < graph.size(); ++i) {
    Node& node = *graph[i].node;
    if (!node.is_leaf() || !graph[i].gradient.defined()) continue;
    Tensor g = std::move(graph[i].gradient);
    // grad() may be written to, so its elements are its own and no other tensor's.
    const bool shared = g.body()->references > 1 || g.body()->storage->references > 1 || !g.is_contiguous();
    add_to(node.grad, shared && !node.grad.defined() ? g * 1 : std::move(g));
  }
}

bool grad_enabled() { return recording; }
NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }
DetectAnomaly::DetectAnomaly() : before_(detecting) { detecting = true; }
DetectAnomaly::~DetectAnomaly() { detecting = before_; }
bool DetectAnomaly::active() { return detecting; }

FilterGradients::FilterGradients(Filter f) : filter_(std::move(f)), before_(filter) { filter = &filter_; }
FilterGradients::~FilterGradients() { filter = before_; }
const FilterGradients::Filter* FilterGradients::active() { return filter; }

void check_anomaly(const Tensor& x, const std::function<std::string()>& what) {
  const std::vector<double> values = x.to_vector();
  const auto bad = std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  throw Error(fmt::format("anomaly: {} is {} at element {} of {}", what(), *bad, bad - values.begin(),
                          x.shape().str()));
}

EnableGrad::EnableGrad() : before_(recording) { recording = true; }
EnableGrad::~EnableGrad() { recording = before_; }

Scope::Scope(std::string_view name) : before_(current_scope) {
  // Every name is made once and kept, so that a node's is one pointer and entering a scope again allocates
  // nothing.
  static thread_local std::map<const std::string*, std::map<std::string, std::string, std::less<>>> names;
  auto& children = names[before_];
  auto at = children.find(name);
  if (at == children.end()) {
    std::string full = before_ == nullptr ? std::string(name) : fmt::format("{}/{}", *before_, name);
    at = children.emplace(name, std::move(full)).first;
  }
  current_scope = &at->second;
}

Scope::~Scope() { current_scope = before_; }

const std::string* Scope::current() { return current_scope; }

}  // namespace saccade
