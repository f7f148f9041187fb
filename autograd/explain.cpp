#include "autograd/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "autograd/explain_numeric.h"
#include "autograd/filter_gradients.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade {

namespace {

using Kind = Explanation::Kind;

constinit thread_local const Trace* current_trace = nullptr;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Tensor handle_to(const TensorBody* body) { return Tensor(Ref(const_cast<TensorBody*>(body))); }

// a, b, ..., z, aa, ab, ...
std::string letters(std::size_t n) {
  std::string text;
  for (++n; n > 0; n = (n - 1) / 26) text.insert(text.begin(), static_cast<char>('a' + (n - 1) % 26));
  return text;
}

bool is_one_number(const Tensor& x) {
  return std::all_of(x.strides().begin(), x.strides().end(), [](std::int64_t s) { return s == 0; }) ||
         x.numel() == 1;
}

}  // namespace

// ---- a trace ----

Trace::Trace() : last_(now()), outer_(current_trace), observe_(this) { current_trace = this; }

Trace::~Trace() { current_trace = outer_; }

const Trace* Trace::current() { return current_trace; }

const Trace::Note* Trace::find(std::uint64_t id) const {
  const auto found = notes_.find(id);
  return found == notes_.end() ? nullptr : &found->second;
}

void Trace::constant(const Tensor& x) { constants_.push_back(x.detach()); }

Tensor Trace::result(const char*, const PoolVector<Edge>& edges, Tensor y) {
  next_ = {};
  next_.seconds = now() - last_;
  next_.gradient_of = swept_.empty() ? 0 : swept_.back();
  // The null edges are those of the constants that were noted last.
  const auto nulls = static_cast<std::size_t>(
      std::count_if(edges.begin(), edges.end(), [](const Edge& e) { return !e.input; }));
  const std::size_t first = constants_.size() - std::min(nulls, constants_.size());
  for (std::size_t k = 0, n = first; k < edges.size(); ++k) {
    if (edges[k].input || n == constants_.size()) continue;
    next_.constants.push_back(constants_[n++]);
    next_.places.push_back(k);
  }
  constants_.resize(first);  // what is left is for an op that is still being computed
  last_ = now();
  return y;
}

void Trace::recorded(const Node& node, const Tensor& y) {
  next_.value = y.detach();
  next_.place = results_.size();
  results_.push_back(next_.value);
  notes_[node.id] = std::move(next_);
  last_ = now();
}

void Trace::sweep_begins() { swept_.push_back(0); }
void Trace::sweep_ends() { swept_.pop_back(); }
void Trace::begins(const saccade::Node& node, const Tensor&) { swept_.back() = node.id; }

namespace {

// ---- the graph ----

class Graph {
 public:
  Graph(const Tensor& y, const std::vector<Named>& wrt, const ExplainOptions& options) : options_(options) {
    const Trace* trace = Trace::current();
    explanation.traced = trace != nullptr;
    for (const Ref<saccade::Node>& node : by_age(y)) add(node, trace);
    name_all(wrt);
  }

  std::size_t find(std::uint64_t id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? Explanation::kNone : found->second;
  }

  Explanation explanation;
  const ExplainOptions& options() const { return options_; }

 private:
  static std::vector<Ref<saccade::Node>> by_age(const Tensor& y) {
    std::vector<Ref<saccade::Node>> nodes = {y.body()->node};
    std::unordered_map<std::uint64_t, bool> seen = {{nodes[0]->id, true}};
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (const Edge& edge : Ref(nodes[i])->edges) {
        if (!std::exchange(seen[edge.input->id], true)) nodes.push_back(edge.input);
      }
    }
    std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a->id < b->id; });
    return nodes;
  }

  // After its inputs, which are older; first the constants that it takes.
  void add(const Ref<saccade::Node>& ref, const Trace* trace) {
    const saccade::Node& node = *ref;
    const Trace::Note* note = trace == nullptr ? nullptr : trace->find(node.id);
    Explanation::Node made = {.name = "",
                              .kind = node.is_leaf() ? Kind::leaf : Kind::op,
                              .op = node.op,
                              .scope = node.scope == nullptr ? "" : *node.scope,
                              .id = node.id,
                              .shape = node.shape,
                              .dtype = node.dtype,
                              .where = node.where};
    std::size_t edge = 0;
    const std::size_t inputs = node.edges.size() + (note == nullptr ? 0 : note->constants.size());
    for (std::size_t k = 0, c = 0; k < inputs; ++k) {
      if (note != nullptr && c < note->places.size() && note->places[c] == k) {
        made.inputs.push_back({.node = add_constant(note->constants[c++])});
      } else {
        made.inputs.push_back({.node = find(node.edges[edge].input->id), .edge = edge});
        ++edge;
      }
    }
    if (note != nullptr) {
      made.value = note->value;
      made.seconds = note->seconds;
      if (note->gradient_of != 0) made.gradient_of = find(note->gradient_of);
    }
    if (node.leaf != nullptr) made.value = handle_to(node.leaf).detach();
    const std::size_t place = explanation.nodes.size();
    places_[node.id] = place;
    if (node.output.defined()) {
      made.saved.push_back({.node = place, .value = node.output, .is_output = true});
      if (!made.value.defined()) made.value = node.output;
    }
    explanation.nodes.push_back(std::move(made));
    for (const Edge& e : node.edges) add_saved(place, e);
  }

  void add_saved(std::size_t place, const Edge& edge) {
    std::vector<Explanation::Saved>& saved = explanation.nodes[place].saved;
    for (const Saved& s : edge.saved) {
      const Tensor value = handle_to(s.body);
      const std::size_t from = s.body->node ? find(s.body->node->id) : find_constant(value);
      if (from != Explanation::kNone && !explanation.nodes[from].value.defined())
        explanation.nodes[from].value = value.detach();
      const bool known = std::any_of(saved.begin(), saved.end(), [&](const Explanation::Saved& other) {
        return from == Explanation::kNone
                   ? other.value.raw() == value.raw() && other.value.shape() == value.shape()
                   : other.node == from;
      });
      if (!known) saved.push_back({.node = from, .value = value.detach()});
    }
  }

  std::size_t find_constant(const Tensor& x) const {
    for (const auto& [place, known] : constants_) {
      if (known.raw() == x.raw() && known.shape() == x.shape() && known.strides() == x.strides())
        return place;
    }
    return Explanation::kNone;
  }

  std::size_t add_constant(const Tensor& x) {
    const bool number = x.dim() == 0;  // stands by itself wherever it goes in, and there may be many
    if (const std::size_t known = number ? Explanation::kNone : find_constant(x); known != Explanation::kNone)
      return known;
    const std::size_t place = explanation.nodes.size();
    if (!number) constants_.emplace_back(place, x);
    explanation.nodes.push_back({.name = "",
                                 .kind = Kind::constant,
                                 .op = "constant",
                                 .shape = x.shape(),
                                 .dtype = x.dtype(),
                                 .value = x});
    return place;
  }

  // What the tape has for the value of a product is that of its relu, if that is in the same place.
  void find_fused() {
    for (std::size_t n = 0; n < explanation.nodes.size(); ++n) {
      const Explanation::Node& node = explanation.nodes[n];
      if (node.op != "relu" || !node.value.defined()) continue;
      Explanation::Node& input = explanation.nodes[node.inputs.at(0).node];
      if (input.op != "linear" || !input.value.defined() || input.value.raw() != node.value.raw()) continue;
      input.fused_with = n;
      input.value = {};
    }
  }

  // A constant that is one number is called by it.
  void name_all(const std::vector<Named>& wrt) {
    std::size_t n = 0;
    find_fused();
    for (Explanation::Node& node : explanation.nodes) {
      const bool number = node.kind == Kind::constant && node.value.numel() > 0 && is_one_number(node.value);
      node.name = number ? fmt::format("{:.6g}", node.value.to_vector()[0]) : letters(n++);
      if (node.value.defined()) node.value = copy_of(node.value);
      for (Explanation::Saved& saved : node.saved) saved.value = copy_of(saved.value);
    }
    for (const Named& named : options_.names) label(named);
    for (const Named& named : wrt) {
      if (Explanation::Node* node = label(named)) node->wanted = true;
    }
  }

  Explanation::Node* label(const Named& named) {
    if (!named.tensor.defined()) return nullptr;
    if (!named.tensor.requires_grad()) {
      for (const auto& [place, known] : constants_) {
        if (known.raw() == named.tensor.raw()) explanation.nodes[place].label = named.name;
      }
      return nullptr;
    }
    const std::size_t place = find(named.tensor.body()->node->id);
    if (place == Explanation::kNone) return nullptr;
    explanation.nodes[place].label = named.name;
    return &explanation.nodes[place];
  }

  const ExplainOptions& options_;
  std::unordered_map<std::uint64_t, std::size_t> places_;
  std::vector<std::pair<std::size_t, Tensor>> constants_;
};

// ---- the backward pass ----

class Sweep final : public TapeObserver {
 public:
  explicit Sweep(Graph& graph) : graph_(graph), explanation_(graph.explanation) {}

 private:
  void sweep_begins() override { ++depth_; }
  void sweep_ends() override { --depth_; }

  void begins(const saccade::Node& node, const Tensor& gradient) override {
    if (depth_ != 1) return;  // a gradient that takes a gradient
    const std::size_t place = graph_.find(node.id);
    explanation_.nodes[place].gradient = gradient;
    explanation_.steps.push_back({.node = place, .gradient = gradient});
    for (Explanation::Input& input : explanation_.nodes[place].inputs) {
      if (input.edge != Explanation::kNone) input.jacobian = jacobian(node, input.edge);
    }
    last_ = now();
  }

  void passes(const saccade::Node& node, std::size_t k, const Tensor& g, const Tensor& so_far) override {
    if (depth_ != 1) return;
    const double seconds = now() - last_;
    const std::vector<Explanation::Input>& inputs = explanation_.nodes[explanation_.steps.back().node].inputs;
    const auto input = std::find_if(inputs.begin(), inputs.end(), [&](const auto& i) { return i.edge == k; });
    explanation_.steps.back().passes.push_back({.input = static_cast<std::size_t>(input - inputs.begin()),
                                                .to = graph_.find(node.edges[k].input->id),
                                                .gradient = g,
                                                .so_far = so_far,
                                                .seconds = seconds});
    last_ = now();
  }

  void ends(const saccade::Node&, bool releases) override {
    if (depth_ != 1) return;
    Explanation::Step& step = explanation_.steps.back();
    step.gradient_freed = !explanation_.nodes[step.node].wanted;
    step.edges_freed = releases;
  }

  // Row i is what the edge makes of a gradient that is 1 at element i of the output, else 0.
  Tensor jacobian(const saccade::Node& node, std::size_t k) {
    const Edge& edge = node.edges[k];
    const std::int64_t rows = node.shape.numel(), columns = edge.input->shape.numel();
    if (std::max(rows, columns) > graph_.options().small) return {};
    const NoGrad no_grad;
    const ObserveTape nobody(nullptr);
    std::vector<double> all;
    for (std::int64_t i = 0; i < rows; ++i) {
      const Tensor one =
          reshape(one_hot(full({1}, static_cast<double>(i), DType::i64), rows, node.dtype), node.shape);
      Tensor row = edge.vjp(one, node.output);
      if (detail::gradient_filter != nullptr)
        row = (*detail::gradient_filter)(node, k, one, node.output, std::move(row));
      const std::vector<double> values = row.to_vector();
      all.insert(all.end(), values.begin(), values.end());
    }
    return from_values(all, {rows, columns}, DType::f64);
  }

  Graph& graph_;
  Explanation& explanation_;
  int depth_ = 0;
  double last_ = 0;
};

// At which step nothing on the tape keeps a node's value any more: the last of those that saved it.
void note_freed(Explanation& e) {
  std::vector<std::size_t> last(e.nodes.size(), Explanation::kNone), turn(e.nodes.size(), Explanation::kNone);
  std::vector<bool> kept(e.nodes.size(), false);
  for (std::size_t s = 0; s < e.steps.size(); ++s) turn[e.steps[s].node] = s;
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    const std::size_t step = turn[n];
    const bool released = step != Explanation::kNone && e.steps[step].edges_freed;
    for (const Explanation::Saved& saved : e.nodes[n].saved) {
      if (saved.node == Explanation::kNone) continue;
      if (!released)
        kept[saved.node] = true;
      else if (last[saved.node] == Explanation::kNone || step > last[saved.node])
        last[saved.node] = step;
    }
  }
  for (std::size_t n = 0; n + 1 < e.nodes.size(); ++n) {  // the result is the caller's
    if (e.nodes[n].kind == Kind::op && !kept[n] && last[n] != Explanation::kNone)
      e.steps[last[n]].freed.push_back(n);
  }
}

void sweep(Graph& graph, const Tensor& y, const std::vector<Named>& wrt) {
  TensorList targets;
  for (const Named& named : wrt) targets.push_back(named.tensor);
  Sweep watcher(graph);
  const double start = now();
  {
    const ObserveTape watch(&watcher);
    grad(y, targets);
  }
  graph.explanation.backward_seconds = now() - start;
  note_freed(graph.explanation);
}

}  // namespace

Explanation explain(const Tensor& y, const std::vector<Named>& wrt, const ExplainOptions& options) {
  if (!y.defined() || !y.requires_grad() || y.numel() != 1) {
    TensorList targets;
    for (const Named& named : wrt) targets.push_back(named.tensor);
    grad(y, targets);  // says what is wrong
  }
  Graph graph(y, wrt, options);
  sweep(graph, y, wrt);
  graph.explanation.no_numeric = "the function that made the graph is not known";
  return std::move(graph.explanation);
}

Explanation explain(const std::function<Tensor()>& f, const std::vector<Named>& wrt,
                    const ExplainOptions& options) {
  f();  // so that no time is that of a first call
  const Trace trace;
  const double start = now();
  const Tensor y = f();
  const double seconds = now() - start;
  Explanation e = explain(y, wrt, options);
  e.forward_seconds = seconds;
  if (!options.numeric) {
    e.no_numeric = "not asked for";
    return e;
  }
  std::vector<Tensor> leaves(e.nodes.size());
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    for (const std::vector<Named>* list : {&wrt, &options.names}) {
      for (const Named& named : *list) {
        if (named.tensor.requires_grad() && named.tensor.body()->node->id == e.nodes[n].id)
          leaves[n] = named.tensor;
      }
    }
  }
  add_numeric(e, f, trace, leaves, options.small);
  return e;
}

}  // namespace saccade
