#include "autograd/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

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

// Elements of its own, so that no later write changes what is explained.
Tensor copy_of(const Tensor& x) {
  const NoGrad no_grad;
  Tensor copy = empty(x.shape(), x.dtype());
  copy.copy_(x.detach());
  return copy;
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

// ---- numeric derivatives ----

// Runs the ops again with one element of one result moved; with `hold`, every other result stays as it was,
// and so what an op gives changes by that input alone.
class Replay final : public TapeObserver {
 public:
  Replay(const std::vector<Tensor>& before, bool hold, std::size_t moved, std::int64_t element, double by)
      : before_(before), hold_(hold), moved_(moved), element_(element), by_(by) {}

  std::vector<Tensor> results;  // as computed, before anything is held

 private:
  Tensor result(const char* op, const PoolVector<Edge>& edges, Tensor y) override {
    if (std::none_of(edges.begin(), edges.end(), [](const Edge& e) { return bool(e.input); })) return y;
    const std::size_t n = results.size();
    if (n == before_.size() || before_[n].shape() != y.shape() || before_[n].dtype() != y.dtype())
      throw Error(fmt::format("explain: the function did another '{}' when it was run again", op));
    results.push_back(y.detach());
    if (n == moved_) {
      Tensor moved = copy_of(hold_ ? before_[n] : y);
      moved.mutable_data<double>()[element_] += by_;
      return moved;
    }
    return hold_ ? before_[n] : y;
  }

  const std::vector<Tensor>& before_;
  bool hold_;
  std::size_t moved_;
  std::int64_t element_;
  double by_;
};

class Numeric {
 public:
  Numeric(Explanation& e, const std::function<Tensor()>& f, const Trace& trace) : e_(e), f_(f) {
    for (std::size_t n = 0; n < e.nodes.size(); ++n) {
      const Trace::Note* note = e.nodes[n].id == 0 ? nullptr : trace.find(e.nodes[n].id);
      places_.push_back(note == nullptr ? Explanation::kNone : note->place);
    }
    for (const Tensor& result : trace.results()) before_.push_back(copy_of(result));
  }

  /// Of the leaves, the tensors themselves.
  void run(const std::vector<Tensor>& leaves, std::int64_t small) {
    leaves_ = leaves;
    for (std::size_t n = 0; n < e_.nodes.size(); ++n) {
      const Explanation::Node& node = e_.nodes[n];
      if (node.shape.numel() > small || !node.gradient.defined() || node.fused_with != Explanation::kNone)
        continue;
      if (node.kind == Kind::leaf ? !leaves_[n].defined() : places_[n] == Explanation::kNone) continue;
      total(n);
      local(n, small);
    }
  }

 private:
  // d of all results along element i of node n. Where the two steps of differences() disagree, as at a corner
  // within them, smaller ones are tried.
  std::vector<std::vector<double>> slopes(std::size_t n, std::int64_t i, bool hold) {
    double doubt = 0;
    auto found = differences(n, i, hold, 0x1p-13, doubt);
    if (doubt > 1e-6) {
      double less = 0;
      auto finer = differences(n, i, hold, 0x1p-19, less);
      if (less < doubt) found = std::move(finer);
    }
    return found;
  }

  // Central differences with steps h and h / 2, extrapolated to step 0, and how far they are from each other.
  std::vector<std::vector<double>> differences(std::size_t n, std::int64_t i, bool hold, double h,
                                               double& doubt) {
    h *= std::max(1.0, std::abs(e_.nodes[n].value.to_vector()[static_cast<std::size_t>(i)]));
    std::vector<std::vector<double>> d[2];
    for (int s = 0; s < 2; ++s, h /= 2) {
      const std::vector<Tensor> up = run_with(n, i, h, hold), down = run_with(n, i, -h, hold);
      for (std::size_t r = 0; r < up.size(); ++r) {
        std::vector<double> a = up[r].to_vector();
        const std::vector<double> b = down[r].to_vector();
        for (std::size_t j = 0; j < a.size(); ++j) a[j] = (a[j] - b[j]) / (2 * h);
        d[s].push_back(std::move(a));
      }
    }
    for (std::size_t r = 0; r < d[0].size(); ++r) {
      for (std::size_t j = 0; j < d[0][r].size(); ++j) {
        doubt = std::max(doubt, std::abs(d[1][r][j] - d[0][r][j]));
        d[1][r][j] = (4 * d[1][r][j] - d[0][r][j]) / 3;
      }
    }
    return d[1];
  }

  // All small results in order, then the function's value. Others are empty.
  std::vector<Tensor> run_with(std::size_t n, std::int64_t i, double by, bool hold) {
    Replay replay(before_, hold, places_[n], i, by);
    Tensor y;
    {
      const ObserveTape watch(&replay);
      const Moved moved(leaves_[n], i, e_.nodes[n].kind == Kind::leaf ? by : 0);
      y = f_();
    }
    if (replay.results.size() != before_.size())
      throw Error("explain: the function did fewer ops when it was run again");
    for (Tensor& result : replay.results) {
      if (result.numel() > kMost) result = zeros({0}, DType::f64);
    }
    replay.results.push_back(y.detach());
    return std::move(replay.results);
  }

  // While alive, a leaf's element is another. It does not count as a write: it is put back.
  class Moved {
   public:
    Moved(const Tensor& leaf, std::int64_t i, double by) : by_(by) {
      if (by == 0) return;
      std::int64_t at = 0;
      for (std::int64_t d = leaf.dim(), left = i; d-- > 0; left /= leaf.shape()[d])
        at += left % leaf.shape()[d] * leaf.strides()[d];
      element_ = static_cast<double*>(leaf.raw()) + at;
      before_ = *element_;
      *element_ += by;
    }
    ~Moved() {
      if (by_ != 0) *element_ = before_;
    }
    Moved(const Moved&) = delete;
    Moved& operator=(const Moved&) = delete;

   private:
    double by_, before_ = 0;
    double* element_ = nullptr;
  };

  void total(std::size_t n) {
    std::vector<double> values;
    const std::int64_t count = e_.nodes[n].shape.numel();
    for (std::int64_t i = 0; i < count; ++i) values.push_back(slopes(n, i, false).back().at(0));
    e_.nodes[n].numeric_gradient = from_values(values, e_.nodes[n].shape, DType::f64);
  }

  void local(std::size_t n, std::int64_t small) {
    const auto columns = static_cast<std::size_t>(e_.nodes[n].shape.numel());
    std::vector<std::vector<std::vector<double>>> along;  // for each element, of each result
    for (std::size_t i = 0; i < columns; ++i) along.push_back(slopes(n, static_cast<std::int64_t>(i), true));
    for (std::size_t to = n + 1; to < e_.nodes.size(); ++to) {
      Explanation::Node& node = e_.nodes[to];
      const auto input = std::find_if(node.inputs.begin(), node.inputs.end(), [&](const auto& in) {
        return in.node == n && in.edge != Explanation::kNone;
      });
      if (input == node.inputs.end() || places_[to] == Explanation::kNone || node.shape.numel() > small)
        continue;
      const auto rows = static_cast<std::size_t>(node.shape.numel());
      std::vector<double> all;
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < columns; ++i) all.push_back(along[i][places_[to]][r]);
      }
      input->numeric =
          from_values(all, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}, DType::f64);
    }
  }

  static constexpr std::int64_t kMost = 1024;
  Explanation& e_;
  const std::function<Tensor()>& f_;
  std::vector<Tensor> before_, leaves_;
  std::vector<std::size_t> places_;  // of the nodes among all results
};

// Why numeric derivatives cannot be taken, or "". Each element takes eight runs.
std::string obstacle(const Explanation& e, const Trace& trace, std::int64_t small) {
  constexpr double kMostWork = 4e8, kPerOp = 400;
  double runs = 0, work = 0;
  for (const Explanation::Node& node : e.nodes) {
    if (node.kind != Kind::constant && node.dtype != DType::f64)
      return fmt::format("{} has too few digits for differences; they are taken in f64", name(node.dtype));
    if (node.gradient.defined() && node.shape.numel() <= small)
      runs += 8 * static_cast<double>(node.shape.numel());
  }
  for (const Tensor& result : trace.results()) work += kPerOp + static_cast<double>(result.numel());
  return runs * work > kMostWork ? "the graph is too large to run it for each element" : "";
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
  e.no_numeric = options.numeric ? obstacle(e, trace, options.small) : "not asked for";
  if (!e.no_numeric.empty()) return e;
  std::vector<Tensor> leaves(e.nodes.size());
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    for (const std::vector<Named>* list : {&wrt, &options.names}) {
      for (const Named& named : *list) {
        if (named.tensor.requires_grad() && named.tensor.body()->node->id == e.nodes[n].id)
          leaves[n] = named.tensor;
      }
    }
  }
  try {
    Numeric(e, f, trace).run(leaves, options.small);
  } catch (const Error& error) {
    e.no_numeric = error.what();
  }
  return e;
}

namespace {

// Calls `f` with each number and the numeric one beside it.
template <class F>
void for_each_comparison(const Explanation& e, const F& f) {
  const auto both = [&](const Tensor& analytic, const Tensor& numeric) {
    if (!analytic.defined() || !numeric.defined()) return;
    const std::vector<double> a = analytic.to_vector(), b = numeric.to_vector();
    for (std::size_t i = 0; i < a.size(); ++i) f(a[i], b[i]);
  };
  for (const Explanation::Node& node : e.nodes) {
    both(node.gradient, node.numeric_gradient);
    for (const Explanation::Input& input : node.inputs) {
      if (!input.numeric.defined() || !input.jacobian.defined()) continue;
      Tensor sum = input.jacobian;
      for (const Explanation::Input& other : node.inputs) {
        if (&other != &input && other.node == input.node && other.jacobian.defined())
          sum = sum + other.jacobian;
      }
      if (node.fused_with != Explanation::kNone) {  // of both ops
        const Tensor& then = e.nodes[node.fused_with].inputs[0].jacobian;
        sum = then.defined() ? matmul(then, sum) : Tensor();
      }
      both(sum, input.numeric);
    }
  }
}

}  // namespace

double Explanation::worst_difference() const {
  double worst = 0;
  for_each_comparison(*this, [&](double a, double b) {
    const double size = std::max({std::abs(a), std::abs(b), 1e-3});
    worst = std::max(worst, std::abs(a - b) / size);
  });
  return worst;
}

std::size_t Explanation::compared() const {
  std::size_t count = 0;
  for_each_comparison(*this, [&](double, double) { ++count; });
  return count;
}

}  // namespace saccade
