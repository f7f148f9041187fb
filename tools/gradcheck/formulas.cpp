// What each op computes, and its gradients: g is the gradient of the result y, dx that of the input x. A name
// in the suite without a line here fails a test.

#include <algorithm>
#include <iterator>

#include "tools/gradcheck/rows.h"

namespace saccade::tools {

namespace {

struct Formula {
  std::string_view name, text;
};

constexpr Formula kFormulas[] = {
    // arithmetic
    {"add", "y = a + b;  da = g,  db = g"},
    {"sub", "y = a - b;  da = g,  db = -g"},
    {"mul", "y = a b;  da = g b,  db = g a"},
    {"div", "y = a / b;  da = g / b,  db = -g y / b"},
    {"neg", "y = -x;  dx = -g"},
    {"pow", "y = x^p;  dx = g p x^(p-1),  dp = g y log x"},
    {"maximum", "y = max(a, b);  da = g [a > b],  db = g [b > a],  g / 2 each on a tie"},
    {"minimum", "y = min(a, b);  da = g [a < b],  db = g [b < a],  g / 2 each on a tie"},
    {"clamp", "y = min(max(x, low), high);  dx = g [low <= x <= high]"},
    {"where", "y = a where m, else b;  da = g where m,  db = g where not m"},
    {"eq", "y = [a = b];  constant"},
    {"gt", "y = [a > b];  constant"},
    {"ge", "y = [a >= b];  constant"},
    // functions of one tensor
    {"exp", "y = exp x;  dx = g y"},
    {"log", "y = log x;  dx = g / x"},
    {"log1p", "y = log(1 + x);  dx = g / (1 + x)"},
    {"expm1", "y = exp(x) - 1;  dx = g (y + 1)"},
    {"sqrt", "y = sqrt x;  dx = g / (2 y)"},
    {"rsqrt", "y = 1 / sqrt x;  dx = -g y^3 / 2"},
    {"square", "y = x^2;  dx = 2 g x"},
    {"reciprocal", "y = 1 / x;  dx = -g y^2"},
    {"abs", "y = |x|;  dx = g sign x"},
    {"sign", "y = sign x;  dx = 0"},
    {"floor", "y = floor x;  dx = 0"},
    {"sin", "y = sin x;  dx = g cos x"},
    {"cos", "y = cos x;  dx = -g sin x"},
    {"atan", "y = atan x;  dx = g / (1 + x^2)"},
    {"erf", "y = erf x;  dx = g 2 / sqrt(pi) exp(-x^2)"},
    {"tanh", "y = tanh x;  dx = g (1 - y^2)"},
    {"sigmoid", "y = 1 / (1 + exp(-x));  dx = g y (1 - y)"},
    {"softplus", "y = log(1 + exp x);  dx = g sigmoid(x)"},
    {"logsigmoid", "y = -softplus(-x);  dx = g sigmoid(-x)"},
    {"relu", "y = max(x, 0);  dx = g [x > 0]"},
    {"relu_grad", "z = g where y > 0, else 0;  dg = h where y > 0"},
    {"leaky_relu", "y = x where x > 0, else s x;  dx = g where x > 0, else s g"},
    {"elu", "y = x where x > 0, else a (exp(x) - 1);  dx = g where x > 0, else g a exp x"},
    {"gelu",
     "y = x P(x),  P(x) = (1 + erf(x / sqrt 2)) / 2;  dx = g (P(x) + x P'(x));  or P from tanh(sqrt(2 / pi) "
     "(x + 0.044715 x^3))"},
    {"silu", "y = x s,  s = sigmoid(x);  dx = g s (1 + x (1 - s))"},
    {"mish", "y = x t,  t = tanh(softplus x);  dx = g (t + x (1 - t^2) sigmoid(x))"},
    // reductions
    {"sum", "y = sum_i x_i;  dx_i = g"},
    {"mean", "y = sum_i x_i / n;  dx_i = g / n"},
    {"var", "y = sum_i (x_i - mean)^2 / (n - 1);  dx_i = 2 g (x_i - mean) / (n - 1)"},
    {"std", "y = sqrt(var);  dx_i = g (x_i - mean) / (n y), or n - 1 for n"},
    {"amax", "y = max_i x_i;  dx_i = g [x_i = y] / number of ties"},
    {"amin", "y = min_i x_i;  dx_i = g [x_i = y] / number of ties"},
    {"max", "y = x_k,  k = argmax_i x_i;  dx_k = g,  0 elsewhere"},
    {"min", "y = x_k,  k = argmin_i x_i;  dx_k = g,  0 elsewhere"},
    {"argmax", "y = argmax_i x_i;  constant"},
    {"prod", "y = prod_i x_i, by halves;  dx_i = g prod_(j != i) x_j"},
    {"logsumexp", "y = m + log sum_i exp(x_i - m),  m = max_i x_i;  dx_i = g exp(x_i - y)"},
    {"softmax", "y_i = exp(x_i) / sum_j exp(x_j);  dx_i = y_i (g_i - sum_j g_j y_j)"},
    {"log_softmax", "y_i = x_i - log sum_j exp(x_j);  dx_i = g_i - exp(y_i) sum_j g_j"},
    {"cumsum", "y_i = sum_(j <= i) x_j;  dx_i = sum_(j >= i) g_j"},
    {"sum_to", "y = x summed to a shape that expands to x's;  dx = expand(g)"},
    // views and layout
    {"reshape", "y = x in another shape;  dx = g in x's shape"},
    {"contiguous", "y = x in row-major order;  dx = g"},
    {"to", "y = x in another dtype;  dx = g in x's dtype"},
    {"transpose", "y = x^T;  dx = g^T"},
    {"permute", "y = x with its dimensions reordered;  dx = g with the inverse order"},
    {"expand", "y = x repeated along sizes of 1;  dx = sum_to(g, x's shape)"},
    {"slice", "y = x[start:stop:step];  dx = 0, and g at [start:stop:step]"},
    {"select", "y = x[i];  dx = 0, and g at [i]"},
    {"unsqueeze", "y = x with one more size of 1;  dx = g in x's shape"},
    {"squeeze", "y = x less a size of 1;  dx = g in x's shape"},
    {"flatten", "y = x with a run of dimensions as one;  dx = g in x's shape"},
    {"split", "y_1, y_2, ... = parts of x;  dx = cat(g_1, g_2, ...)"},
    {"chunk", "y_1, y_2, ... = equal parts of x;  dx = cat(g_1, g_2, ...)"},
    {"cat", "y = x_1, x_2, ... in a row;  dx_i = x_i's part of g"},
    {"stack", "y = x_1, x_2, ... along a new dimension;  dx_i = g[i]"},
    {"flip", "y = x in reverse;  dx = g in reverse"},
    // indexing
    {"gather", "y_i = x[k_i];  dx = scatter_add(g, k)"},
    {"scatter_add", "y[k_i] += x_i;  dx_i = g[k_i]"},
    {"index_select", "y_i = x[k_i], whole rows;  dx = scatter_add(g, k)"},
    {"one_hot", "y_ij = [k_i = j];  constant"},
    {"tril", "y = x on and below a diagonal, else 0;  dx = tril(g)"},
    {"triu", "y = x on and above a diagonal, else 0;  dx = triu(g)"},
    // matrix products
    {"matmul", "y = a b;  da = g b^T,  db = a^T g"},
    {"linear", "y = act(x w^T + b),  h = g act'(y);  dx = h w,  dw = h^T x,  db = sum_rows h"},
    // normalisation and losses
    {"layer_norm",
     "n = (x - mean) / sqrt(var + eps),  y = w n + b;  dx = (h - mean(h) - n mean(h n)) / sqrt(var + eps),  "
     "h = g w;  dw = sum g n,  db = sum g"},
    {"cross_entropy", "y = -mean_i log softmax(x_i)[k_i];  dx_i = g (softmax(x_i) - onehot(k_i)) / n"},
    {"mse_loss", "y_i = d^2,  d = x_i - t_i;  dx_i = 2 g d,  dt = -dx"},
    {"l1_loss", "y_i = |d|,  d = x_i - t_i;  dx_i = g sign d,  dt = -dx"},
    {"huber_loss", "y_i = d^2 / 2 where |d| < c, else c (|d| - c / 2);  dx_i = g clamp(d, -c, c),  dt = -dx"},
    {"smooth_l1_loss",
     "y_i = d^2 / (2 c) where |d| < c, else |d| - c / 2;  dx_i = g clamp(d / c, -1, 1),  dt = -dx"},
    {"binary_cross_entropy_with_logits",
     "y_i = softplus(x_i) - x_i t_i;  dx_i = g (sigmoid(x_i) - t_i),  dt_i = -g x_i"},
    // layers
    {"Linear", "y = x w^T + b;  dx = g w,  dw = g^T x,  db = sum_rows g"},
    {"Mlp", "h_1 = relu(x w_1^T + b_1), ...,  y = h w^T + b;  by the chain rule"},
    // distributions
    {"Normal log_prob",
     "y = sum_i -z_i^2 / 2 - log s_i - log(2 pi) / 2,  z = (x - m) / s;  dm = g z / s,  dlog s = g (z^2 - "
     "1)"},
    {"Normal rsample", "y = m + s eps;  dm = g,  dlog s = g s eps"},
    {"Normal entropy", "y = sum_i log s_i + (1 + log 2 pi) / 2;  dlog s_i = g"},
    {"TanhNormal log_prob", "y = log N(u; m, s) - sum_i log(1 - tanh(u_i)^2);  du = g (-z / s + 2 tanh u)"},
    {"Normal KL", "y = sum_i log(s_q / s_p) + (s_p^2 + (m_p - m_q)^2) / (2 s_q^2) - 1/2"},
    {"TanhNormal KL", "y = KL of the Normals behind: tanh's Jacobians cancel"},
    {"Categorical log_prob", "y = log softmax(x)[k];  dx = g (onehot(k) - softmax x)"},
    {"Categorical entropy", "y = -sum_i p_i log p_i;  dx_i = -g p_i (log p_i + y)"},
    {"Categorical KL", "y = sum_i p_i (log p_i - log q_i);  dx_q = g (q - p)"},
    {"Bernoulli log_prob", "y = sum_i t_i x_i - softplus(x_i);  dx_i = g (t_i - sigmoid(x_i))"},
    {"Bernoulli entropy", "y = sum_i softplus(x_i) - p_i x_i;  dx_i = -g x_i p_i (1 - p_i)"},
    {"Bernoulli KL", "y = sum_i p_i (x_p - x_q) - softplus(x_p) + softplus(x_q);  dx_q = g (q - p)"},
    // SAC
    {"critic loss", "J = mean (Q_1 - y)^2 + mean (Q_2 - y)^2;  dQ_i = 2 g (Q_i - y) / n"},
    {"actor loss", "J = mean (alpha log pi(a) - min(Q_1, Q_2)(s, a)),  a = tanh(m + s eps)"},
    {"temperature loss", "J = -mean alpha (log pi + H_0);  dlog alpha = g J"},
    {"Adam step",
     "p' = p - lr m^ / (sqrt(v^) + eps),  m^ = (b1 m + (1 - b1) grad) / (1 - b1^t),  v^ = (b2 v + (1 - b2) "
     "grad^2) / (1 - b2^t)"},
    {"Polyak step", "t' = t + tau (p - t);  dt = (1 - tau) g,  dp = tau g"},
    {"log pi(a)",
     "y = log N(u; m, s) - sum_i 2 (log 2 - u_i - softplus(-2 u_i)),  u = m + s eps;  dm = 2 g tanh u,  dlog "
     "s = g (2 s eps tanh(u) - 1)"},
    {"a = tanh(u)", "a = tanh(u),  u = m + s eps;  dm = g (1 - a^2),  dlog s = g s eps (1 - a^2)"},
    {"log pi(a), as sampled",
     "the same with (u - m) / s known to be eps:  y = -eps^2 / 2 - log s - log(2 pi) / 2 - 2 (log 2 - u - "
     "softplus(-2 u))"},
    {"log pi(a), network", "(m, log s) = net(obs),  y = log pi(tanh(m + s eps));  by the chain rule"},
};

}  // namespace

std::string_view formula(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFormulas), std::end(kFormulas),
                                   [name](const Formula& formula) { return formula.name == name; });
  return found == std::end(kFormulas) ? std::string_view() : found->text;
}

}  // namespace saccade::tools
