// The matrix products of one SAC update, as a list: what it cannot do without, whoever multiplies.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace saccade::bench {

/// The networks and the batch of an update. Two critics.
struct UpdateSize {
  std::string name;  // "17-6-256": observation, action, width
  std::int64_t obs, action;
  std::vector<std::int64_t> hidden;
  std::int64_t batch;
};

/// MuJoCo's HalfCheetah with Stable-Baselines3's defaults, and Pendulum's preset.
const std::array<UpdateSize, 2>& update_sizes();

/// The phases of an update, in their order.
enum class Phase {
  sample,
  noise,
  critic_target,
  critic_loss,
  critic_grad,
  critic_adam,
  actor_loss,
  actor_grad,
  actor_adam,
  temperature,
  polyak,
  count
};
constexpr auto kPhases = static_cast<std::size_t>(Phase::count);
const char* name(Phase phase);

/// C = op(A) op(B), all row-major f32: op(A) is (m, k) and op(B) (k, n), each stored as its transpose if so
/// marked. `a`, `b` and `c` count into ProductList::matrices; of b and c the last columns alone may take
/// part. With a `count` of 2 it is two products, of the members of each stack, or of the same matrix where
/// there is one.
struct Product {
  Phase phase;
  std::int64_t count, m, k, n;
  bool transpose_a, transpose_b;
  std::size_t a, b, c;

  double flops() const { return 2.0 * static_cast<double>(count * m * k * n); }
};

/// `count` matrices one after the other.
struct Matrix {
  std::int64_t count, rows, cols;
  std::vector<float> values;  // empty until fill()

  /// From one to the next; 0 if there is no next.
  std::int64_t stride() const { return count > 1 ? rows * cols : 0; }
};

/// Where the columns of B and of C that take part begin.
inline std::int64_t b_column(const Product& p, const Matrix& b) { return p.transpose_b ? 0 : b.cols - p.n; }
inline std::int64_t c_column(const Product& p, const Matrix& c) { return c.cols - p.n; }

struct ProductList {
  std::vector<Matrix> matrices;  // weights, activations and gradients, each of its own as in an update
  std::vector<Product> products;

  double flops() const;
  double flops(Phase phase) const;
  /// Gives every matrix random elements.
  void fill();
};

/// The policy at s'; target critics; critics, their weights' gradients and those of all inputs but the
/// first layer's; the policy at s; critics and the gradient of their inputs, the first layer's for the action
/// alone; the policy's weights' gradients and those of its inputs but the first layer's.
ProductList update_products(const UpdateSize& size);

/// An update's shapes m, k, n of products that are measured one by one.
struct GemmShape {
  std::int64_t m, k, n;
};
const std::array<GemmShape, 3>& gemm_shapes();
std::string gemm_name(const GemmShape& shape, const std::string& layout);

/// One product of its own; `layout` is "nn", "nt" or "tn".
ProductList single_product(const GemmShape& shape, const std::string& layout);

/// How many numbers the policy and both critics have.
struct ParameterCounts {
  double actor, critics;
};
ParameterCounts parameter_counts(const UpdateSize& size);

}  // namespace saccade::bench
