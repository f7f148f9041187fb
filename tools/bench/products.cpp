#include "tools/bench/products.h"

#include <fmt/format.h>

#include "base/rng.h"

namespace saccade::bench {

const std::array<UpdateSize, 2>& update_sizes() {
  static const std::array<UpdateSize, 2> sizes = {{
      {"17-6-256", 17, 6, {256, 256}, 256},
      {"3-1-64", 3, 1, {64, 64}, 100},
  }};
  return sizes;
}

const char* name(Phase phase) {
  constexpr const char* kNames[] = {"sample",      "noise",       "critic-target", "critic-loss",
                                    "critic-grad", "critic-adam", "actor-loss",    "actor-grad",
                                    "actor-adam",  "temperature", "polyak"};
  static_assert(std::size(kNames) == kPhases);
  return kNames[static_cast<std::size_t>(phase)];
}

double ProductList::flops() const {
  double sum = 0;
  for (const Product& p : products) sum += p.flops();
  return sum;
}

double ProductList::flops(Phase phase) const {
  double sum = 0;
  for (const Product& p : products) {
    if (p.phase == phase) sum += p.flops();
  }
  return sum;
}

void ProductList::fill() {
  Rng rng;
  for (Matrix& matrix : matrices) {
    matrix.values.resize(static_cast<std::size_t>(matrix.count * matrix.rows * matrix.cols));
    rng.fill_normal(matrix.values);
  }
}

namespace {

struct Builder {
  std::size_t matrix(std::int64_t count, std::int64_t rows, std::int64_t cols) {
    list.matrices.push_back({count, rows, cols, {}});
    return list.matrices.size() - 1;
  }

  ProductList list;
};

// `count` multi-layer perceptrons on one input: weights (out, in), and what passes through, (batch, width).
class Net {
 public:
  Net(Builder& builder, std::int64_t count, std::int64_t batch, std::vector<std::int64_t> sizes)
      : builder_(builder), count_(count), batch_(batch), sizes_(std::move(sizes)) {
    x_.push_back(builder_.matrix(1, batch_, sizes_[0]));
    for (std::size_t l = 0; l + 1 < sizes_.size(); ++l) {
      w_.push_back(builder_.matrix(count_, sizes_[l + 1], sizes_[l]));
      dw_.push_back(builder_.matrix(count_, sizes_[l + 1], sizes_[l]));
      x_.push_back(builder_.matrix(count_, batch_, sizes_[l + 1]));
    }
    for (const std::int64_t size : sizes_) dx_.push_back(builder_.matrix(count_, batch_, size));
  }

  // X W^T, layer by layer.
  void forward(Phase phase) {
    for (std::size_t l = 0; l < w_.size(); ++l) {
      add({phase, count_, batch_, sizes_[l], sizes_[l + 1], false, true, x_[l], w_[l], x_[l + 1]});
    }
  }

  // dW = dY^T X if wanted, and dX = dY W; of the first layer's dX the last `first_columns` alone.
  void backward(Phase phase, bool weights, std::int64_t first_columns) {
    for (std::size_t l = w_.size(); l-- > 0;) {
      const std::int64_t in = sizes_[l], out = sizes_[l + 1], columns = l == 0 ? first_columns : in;
      if (weights) add({phase, count_, out, batch_, in, true, false, dx_[l + 1], x_[l], dw_[l]});
      if (columns > 0) add({phase, count_, batch_, out, columns, false, false, dx_[l + 1], w_[l], dx_[l]});
    }
  }

 private:
  void add(const Product& product) { builder_.list.products.push_back(product); }

  Builder& builder_;
  std::int64_t count_, batch_;
  std::vector<std::int64_t> sizes_;
  std::vector<std::size_t> w_, dw_, x_, dx_;
};

std::vector<std::int64_t> sizes(std::int64_t in, std::vector<std::int64_t> hidden, std::int64_t out) {
  hidden.insert(hidden.begin(), in);
  hidden.push_back(out);
  return hidden;
}

}  // namespace

ProductList update_products(const UpdateSize& size) {
  Builder builder;
  const auto actor_sizes = sizes(size.obs, size.hidden, 2 * size.action);
  const auto critic_sizes = sizes(size.obs + size.action, size.hidden, 1);
  Net actor(builder, 1, size.batch, actor_sizes), critics(builder, 2, size.batch, critic_sizes),
      targets(builder, 2, size.batch, critic_sizes);

  actor.forward(Phase::critic_target);
  targets.forward(Phase::critic_target);
  critics.forward(Phase::critic_loss);
  critics.backward(Phase::critic_grad, true, 0);
  actor.forward(Phase::actor_loss);
  critics.forward(Phase::actor_loss);
  critics.backward(Phase::actor_grad, false, size.action);
  actor.backward(Phase::actor_grad, true, 0);
  return std::move(builder.list);
}

const std::array<GemmShape, 3>& gemm_shapes() {
  static const std::array<GemmShape, 3> shapes = {{{256, 256, 256}, {256, 23, 256}, {256, 256, 1}}};
  return shapes;
}

std::string gemm_name(const GemmShape& shape, const std::string& layout) {
  return fmt::format("gemm/{}x{}x{}/{}", shape.m, shape.k, shape.n, layout);
}

ProductList single_product(const GemmShape& shape, const std::string& layout) {
  Builder builder;
  const auto [m, k, n] = shape;
  const bool ta = layout[0] == 't', tb = layout[1] == 't';
  const std::size_t a = ta ? builder.matrix(1, k, m) : builder.matrix(1, m, k);
  const std::size_t b = tb ? builder.matrix(1, n, k) : builder.matrix(1, k, n);
  const std::size_t c = builder.matrix(1, m, n);
  builder.list.products.push_back({Phase::critic_loss, 1, m, k, n, ta, tb, a, b, c});
  return std::move(builder.list);
}

ParameterCounts parameter_counts(const UpdateSize& size) {
  const auto count = [](const std::vector<std::int64_t>& widths) {
    std::int64_t sum = 0;
    for (std::size_t l = 0; l + 1 < widths.size(); ++l) sum += (widths[l] + 1) * widths[l + 1];
    return static_cast<double>(sum);
  };
  return {count(sizes(size.obs, size.hidden, 2 * size.action)),
          2 * count(sizes(size.obs + size.action, size.hidden, 1))};
}

}  // namespace saccade::bench
