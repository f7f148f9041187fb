#include "autograd/explain_numeric.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/ops.h"
#include "base/error.h"

namespace saccade {

Tensor copy_of(const Tensor& x) {
  const NoGrad no_grad;
  Tensor copy = empty(x.shape(), x.dtype());
  copy.copy_(x.detach());
  return copy;
}

namespace {

using Kind = Explanation::Kind;

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

void add_numeric(Explanation& e, const std::function<Tensor()>& f, const Trace& trace,
                 const std::vector<Tensor>& leaves, std::int64_t small) {
  e.no_numeric = obstacle(e, trace, small);
  if (!e.no_numeric.empty()) return;
  try {
    Numeric(e, f, trace).run(leaves, small);
  } catch (const Error& error) {
    e.no_numeric = error.what();
  }
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
