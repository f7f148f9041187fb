// Matrix products, normalisation and losses: the rows of the op table.

#include <optional>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "tools/gradcheck/op_table.h"

namespace saccade::suite {

std::vector<OpRow> products_rows() {
  using R = Reduction;
  std::vector<OpRow> table = {
      // matrix products
      {"matmul",
       "y = a b;  da = g b^T,  db = a^T g",
       "",
       of(matmul),
       {{{3, 4}, {4, 2}},
        {{4}, {4}},
        {{4}, {4, 2}},
        {{3, 4}, {4}},
        {{2, 3, 4}, {2, 4, 2}},
        {{2, 1, 2, 3}, {3, 3, 2}},
        {{2, 3, 4}, {4, 2}},
        {{0, 3}, {3, 2}},
        {{2, 0}, {0, 3}},
        {{1, 1}, {1, 1}}}},
      {"linear",
       "y = act(x w^T + b),  h = g act'(y);  dx = h w,  dw = h^T x,  db = sum_rows h",
       "",
       [](auto& x) { return TensorList{linear(x[0], x[1], x[2])}; },
       {{{3, 4}, {2, 4}, {2}},
        {{4}, {2, 4}, {2}},
        {{2, 3, 4}, {2, 4}, {2}},
        {{1, 4}, {1, 4}, {1}},
        {{3, 4}, {2, 5, 4}, {2, 5}},
        {{2, 3, 4}, {2, 5, 4}, {2, 5}}}},
      {"linear",
       "",
       "no bias",
       two([](auto& x, auto& w) { return linear(x, w); }),
       {{{3, 4}, {2, 4}}, {{3, 4}, {2, 1, 4}}}},
      {"linear",
       "",
       "relu",
       [](auto& x) { return TensorList{linear(x[0], x[1], x[2], Activation::relu)}; },
       {{{3, 4}, {2, 4}, {2}}, {{3, 2}, {2, 4, 2}, {2, 4}}}},
      {"linear",
       "",
       "tanh",
       [](auto& x) { return TensorList{linear(x[0], x[1], x[2], Activation::tanh)}; },
       {{{3, 4}, {2, 4}, {2}}}},
      // normalisation and losses
      {"layer_norm",
       "n = (x - mean) / sqrt(var + eps),  y = w n + b;  dx = (h - mean(h) - n mean(h n)) / sqrt(var + eps), "
       " h = g w;  dw = sum g n,  db = sum g",
       "",
       [](auto& x) { return TensorList{layer_norm(x[0], x[1], x[2])}; },
       {{{3, 4}, {4}, {4}}, {{2, 2, 5}, {5}, {5}}}},
      {"cross_entropy",
       "y = -mean_i log softmax(x_i)[k_i];  dx_i = g (softmax(x_i) - onehot(k_i)) / n",
       "",
       one([](auto& x) {
         return cross_entropy(x, indices({2, 0, 1}, {3}));
       }),
       {{{3, 4}}}},
  };
  for (const auto& [reduction, label] :
       {std::pair{R::none, "none"}, std::pair{R::mean, "mean"}, std::pair{R::sum, "sum"}}) {
    table.push_back({"mse_loss", "y_i = d^2,  d = x_i - t_i;  dx_i = 2 g d,  dt = -dx", label,
                     two([r = reduction](auto& x, auto& y) { return mse_loss(x, y, r); }), kPair});
    table.push_back({"l1_loss", "y_i = |d|,  d = x_i - t_i;  dx_i = g sign d,  dt = -dx", label,
                     two([r = reduction](auto& x, auto& y) { return l1_loss(x, y, r); }), kPair});
    table.push_back(
        {"huber_loss",
         "y_i = d^2 / 2 where |d| < c, else c (|d| - c / 2);  dx_i = g clamp(d, -c, c),  dt = -dx", label,
         two([r = reduction](auto& x, auto& y) { return huber_loss(x, y, r, 1.3); }), kPair});
    table.push_back(
        {"smooth_l1_loss",
         "y_i = d^2 / (2 c) where |d| < c, else |d| - c / 2;  dx_i = g clamp(d / c, -1, 1),  dt = -dx", label,
         two([r = reduction](auto& x, auto& y) { return smooth_l1_loss(x, y, r, 0.6); }), kPair});
    table.push_back(
        {"binary_cross_entropy_with_logits",
         "y_i = softplus(x_i) - x_i t_i;  dx_i = g (sigmoid(x_i) - t_i),  dt_i = -g x_i", label,
         two([r = reduction](auto& x, auto& y) { return binary_cross_entropy_with_logits(x, y, r); }),
         kPair});
  }
  return table;
}

}  // namespace saccade::suite
