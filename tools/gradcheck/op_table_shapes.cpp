// Reductions, views and indexing: the rows of the op table.

#include <optional>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "tools/gradcheck/op_table.h"

namespace saccade::suite {

std::vector<OpRow> shapes_rows() {
  std::vector<OpRow> table = {
      // reductions
      {"sum", "y = sum_i x_i;  dx_i = g", "", one([](auto& x) { return sum(x); }), kUnary},
      {"sum", "", "0", one([](auto& x) { return sum(x, {0}); }), kMatrix},
      {"sum", "", "0, -1, keepdim", one([](auto& x) {
         return sum(x, {0, -1}, true);
       }),
       kMatrix},
      {"mean",
       "y = sum_i x_i / n;  dx_i = g / n",
       "",
       one([](auto& x) { return mean(x); }),
       {{{2, 3}}, {{}}, {{2, 3, 2}}}},
      {"mean", "", "-1", one([](auto& x) { return mean(x, {-1}); }), kMatrix},
      {"var", "y = sum_i (x_i - mean)^2 / (n - 1);  dx_i = 2 g (x_i - mean) / (n - 1)", "-1",
       one([](auto& x) { return var(x, {-1}); }), kMatrix},
      {"std", "y = sqrt(var);  dx_i = g (x_i - mean) / (n y), or n - 1 for n", "-1, biased",
       one([](auto& x) { return saccade::std(x, {-1}, false, true); }), kMatrix},
      {"amax",
       "y = max_i x_i;  dx_i = g [x_i = y] / number of ties",
       "",
       one([](auto& x) { return amax(x); }),
       {{{2, 3}}, {{}}, {{2, 3, 2}}}},
      {"amax", "", "0", one([](auto& x) { return amax(x, {0}); }), kMatrix},
      {"amin",
       "y = min_i x_i;  dx_i = g [x_i = y] / number of ties",
       "",
       one([](auto& x) { return amin(x); }),
       {{{2, 3}}, {{}}, {{2, 3, 2}}}},
      {"amin", "", "0", one([](auto& x) { return amin(x, {0}); }), kMatrix},
      {"amin", "", "0, -1, keepdim", one([](auto& x) {
         return amin(x, {0, -1}, true);
       }),
       kMatrix},
      {"max", "y = x_k,  k = argmax_i x_i;  dx_k = g,  0 elsewhere", "-1",
       one([](auto& x) { return max(x, -1).first; }), kMatrix},
      {"min", "y = x_k,  k = argmin_i x_i;  dx_k = g,  0 elsewhere", "0",
       one([](auto& x) { return min(x, 0, true).first; }), kMatrix},
      {"argmax",
       "y = argmax_i x_i;  constant",
       "-1",
       one([](auto& x) { return argmax(x, -1); }),
       kMatrix,
       -2,
       2,
       {0},
       false},
      {"prod", "y = prod_i x_i, by halves;  dx_i = g prod_(j != i) x_j", "1",
       one([](auto& x) { return prod(x, 1); }), kMatrix},
      {"prod", "", "0", one([](auto& x) { return prod(x, 0, true); }), {{{5}}, {{3, 2}}}},
      {"logsumexp", "y = m + log sum_i exp(x_i - m),  m = max_i x_i;  dx_i = g exp(x_i - y)", "-1",
       one([](auto& x) { return logsumexp(x, {-1}); }), kMatrix},
      {"logsumexp", "", "all, far out", one([](auto& x) { return logsumexp(x, {}); }), kMatrix, -300, 300},
      {"softmax", "y_i = exp(x_i) / sum_j exp(x_j);  dx_i = y_i (g_i - sum_j g_j y_j)", "1",
       one([](auto& x) { return softmax(x, 1); }), kMatrix},
      {"log_softmax", "y_i = x_i - log sum_j exp(x_j);  dx_i = g_i - exp(y_i) sum_j g_j", "0",
       one([](auto& x) { return log_softmax(x, 0); }), kMatrix},
      {"cumsum", "y_i = sum_(j <= i) x_j;  dx_i = sum_(j >= i) g_j", "0",
       one([](auto& x) { return cumsum(x, 0); }), kMatrix},
      {"cumsum", "", "-1", one([](auto& x) { return cumsum(x, -1); }), kMatrix},
      {"sum_to",
       "y = x summed to a shape that expands to x's;  dx = expand(g)",
       "[3, 1]",
       one([](auto& x) {
         return sum_to(x, {3, 1});
       }),
       {{{3, 4}}, {{2, 3, 2}}}},
      // views and layout
      {"reshape",
       "y = x in another shape;  dx = g in x's shape",
       "[-1, 2]",
       one([](auto& x) {
         return reshape(x, {-1, 2});
       }),
       {{{3, 4}}, {{2, 3, 2}}, {{0, 2}}}},
      {"contiguous", "y = x in row-major order;  dx = g", "",
       one([](auto& x) { return contiguous(transpose(x)); }), kMatrix},
      {"to", "y = x in another dtype;  dx = g in x's dtype", "f32 and back",
       one([](auto& x) { return to(to(x, x.dtype()), x.dtype()); }), kUnary},
      {"transpose", "y = x^T;  dx = g^T", "", one([](auto& x) { return transpose(x); }), kMatrix},
      {"transpose", "", "0, 1", one([](auto& x) { return transpose(x, 0, 1); }), kMatrix},
      {"permute",
       "y = x with its dimensions reordered;  dx = g with the inverse order",
       "-1, 0, 1",
       one([](auto& x) {
         return permute(x, {-1, 0, 1});
       }),
       {{{2, 3, 4}}}},
      {"expand",
       "y = x repeated along sizes of 1;  dx = sum_to(g, x's shape)",
       "[2, 3, 4]",
       one([](auto& x) {
         return expand(x, {2, 3, 4});
       }),
       {{{3, 1}}, {{4}}, {{}}, {{2, 1, 4}}}},
      {"slice",
       "y = x[start:stop:step];  dx = 0, and g at [start:stop:step]",
       "0, 1:3",
       one([](auto& x) { return slice(x, 0, 1, 3); }),
       {{{4, 2}}, {{3}}}},
      {"slice", "", "-1, 0:4:2", one([](auto& x) { return slice(x, -1, 0, 4, 2); }), {{{3, 4}}, {{2, 5}}}},
      {"slice", "", "empty", one([](auto& x) { return slice(x, 0, 2, 2); }), {{{3, 2}}}},
      {"select", "y = x[i];  dx = 0, and g at [i]", "1, -1", one([](auto& x) { return select(x, 1, -1); }),
       kMatrix},
      {"unsqueeze", "y = x with one more size of 1;  dx = g in x's shape", "1",
       one([](auto& x) { return unsqueeze(x, 1); }), kMatrix},
      {"squeeze",
       "y = x less a size of 1;  dx = g in x's shape",
       "0",
       one([](auto& x) { return squeeze(x, 0); }),
       {{{1, 3}}, {{2, 3}}}},
      {"flatten", "y = x with a run of dimensions as one;  dx = g in x's shape", "0, 1",
       one([](auto& x) { return flatten(x, 0, 1); }), kMatrix},
      {"split",
       "y_1, y_2, ... = parts of x;  dx = cat(g_1, g_2, ...)",
       "1, 2 along 1",
       [](auto& x) {
         return split(x[0], {1, 2}, 1);
       },
       {{{2, 3}}}},
      {"chunk",
       "y_1, y_2, ... = equal parts of x;  dx = cat(g_1, g_2, ...)",
       "2 along -1",
       [](auto& x) { return chunk(x[0], 2, -1); },
       {{{3, 4}}}},
      {"cat",
       "y = x_1, x_2, ... in a row;  dx_i = x_i's part of g",
       "1",
       [](auto& x) { return TensorList{cat(x, 1)}; },
       {{{2, 3}, {2, 1}, {2, 2}}, {{2, 3}}, {{0, 2}, {0, 1}}}},
      {"stack",
       "y = x_1, x_2, ... along a new dimension;  dx_i = g[i]",
       "-1",
       [](auto& x) { return TensorList{stack(x, -1)}; },
       {{{2, 3}, {2, 3}}, {{}, {}, {}}}},
      {"flip", "y = x in reverse;  dx = g in reverse", "0, 1", one([](auto& x) {
         return flip(x, {0, 1});
       }),
       kMatrix},
      // indexing
      {"gather",
       "y_i = x[k_i];  dx = scatter_add(g, k)",
       "0",
       one([](auto& x) {
         return gather(x, 0, indices({2, 0, 1, 1, 0, 2}, {2, 3}));
       }),
       {{{3, 4}}}},
      {"gather",
       "",
       "1",
       one([](auto& x) {
         return gather(x, 1, indices({0, 3, 3, 1}, {2, 2}));
       }),
       {{{3, 4}}}},
      {"sort",
       "y_i = x[k_i], smallest first;  dx[k_i] = g_i",
       "last",
       one([](auto& x) { return sort(x).first; }),
       {{{3, 4}}}},
      {"sort", "", "0", one([](auto& x) { return sort(x, 0).first; }), {{{4, 2}}}},
      {"scatter_add",
       "y[k_i] += x_i;  dx_i = g[k_i]",
       "0",
       one([](auto& x) {
         return scatter_add(x, {4, 2}, 0, indices({3, 0, 3, 1, 0, 0}, {3, 2}));
       }),
       {{{3, 2}}}},
      {"index_select",
       "y_i = x[k_i], whole rows;  dx = scatter_add(g, k)",
       "1",
       one([](auto& x) {
         return index_select(x, 1, indices({2, 0, 2, 1}, {4}));
       }),
       {{{3, 4}}, {{2, 3, 2}}}},
      {"one_hot",
       "y_ij = [k_i = j];  constant",
       "4",
       one([](auto& x) { return one_hot(abs(floor(x)), 4); }),
       {{{3}}, {{2, 2}}},
       -2,
       2,
       {-1, 0, 1},
       false},
      {"tril",
       "y = x on and below a diagonal, else 0;  dx = tril(g)",
       "0",
       one([](auto& x) { return tril(x); }),
       {{{3, 4}}, {{4, 2}}}},
      {"triu",
       "y = x on and above a diagonal, else 0;  dx = triu(g)",
       "1",
       one([](auto& x) { return triu(x, 1); }),
       {{{3, 4}}, {{2, 3, 3}}}},
  };
  return table;
}

}  // namespace saccade::suite
