// Checks of distributions: gradients, and values come by in other ways. A density integrates to 1; entropies
// and divergences are sums of a few terms in plain numbers; and some values were computed with 40 digits.

#include <cmath>

#include "autograd/ops.h"
#include "nn/distributions/bernoulli.h"
#include "nn/distributions/categorical.h"
#include "nn/distributions/tanh_normal.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

const double kLogTwoPi = std::log(2 * std::acos(-1.0));

// h(x_1, x_2, ...) of tensors of one shape, element by element in plain numbers; `summed` over the last
// dimension, which is kept with size 1 or goes.
enum class Sum { none, kept, gone };
template <class H>
TensorFunction numbers(Sum sum, H h) {
  return [sum, h](const TensorList& in) {
    std::vector<std::vector<double>> x;
    for (const Tensor& t : in) x.push_back(t.to_vector());
    std::vector<double> values;
    for (std::size_t i = 0; i < x[0].size(); ++i) {
      std::vector<double> at;
      for (const auto& v : x) at.push_back(v[i]);
      values.push_back(h(at));
    }
    const Tensor y = from_values(values, in[0].shape(), DType::f64);
    return TensorList{sum == Sum::none ? y : saccade::sum(y, {-1}, sum == Sum::kept)};
  };
}

double normal_log_density(double x, double mean, double log_std) {
  const double z = (x - mean) / std::exp(log_std);
  return -z * z / 2 - log_std - kLogTwoPi / 2;
}
// log(1 - tanh(u)^2) = -2 log cosh u
double log_slope(double u) {
  return -2 * (std::abs(u) + std::log1p(std::exp(-2 * std::abs(u))) - std::log(2));
}
double entropy_term(double p) { return p == 0 ? 0 : -p * std::log(p); }
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

// Points u to integrate over from mean - 12 std to mean + 12 std, (rows, n), and the step: with the trapezium
// rule the error is below a rounding, for a smooth function that vanishes at both ends.
struct Grid {
  Tensor eps, u, step;
};
Grid grid(const Tensor& mean, const Tensor& log_std) {
  const int n = 481;
  const double h = 24.0 / (n - 1);
  std::vector<double> z;
  for (int i = 0; i < n; ++i) z.push_back(-12 + h * i);
  const Tensor row = from_values(z, {1, n}, mean.dtype());
  const Tensor eps = expand(row, {mean.size(0), n});
  return {eps, mean + exp(log_std) * eps, h * exp(log_std)};
}

TensorList ones_for_rows(const TensorList& in) { return {ones({in[0].size(0)}, DType::f64)}; }

// softmax of the logits of one row, in plain numbers.
std::vector<double> probabilities(const std::vector<double>& logits) {
  double total = 0;
  std::vector<double> p;
  for (const double x : logits) p.push_back(std::exp(x));
  for (const double q : p) total += q;
  for (double& q : p) q /= total;
  return p;
}

// h(p, q) of every row's probabilities, summed over the classes; of one input, q is p.
template <class H>
TensorFunction over_classes(H h) {
  return [h](const TensorList& in) {
    const std::int64_t rows = in[0].size(0);
    std::vector<double> values;
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<double> p = probabilities(select(in[0], 0, r).to_vector()),
                                q = probabilities(select(in.back(), 0, r).to_vector());
      double total = 0;
      for (std::size_t k = 0; k < p.size(); ++k) total += h(p[k], q[k]);
      values.push_back(total);
    }
    return TensorList{from_values(values, {rows}, DType::f64)};
  };
}

}  // namespace

std::vector<Check> distribution_checks() {
  Rng rng(11);
  const auto draw = [&](const Shape& shape) { return randn(shape, rng, DType::f64); };
  std::vector<Check> checks;
  const auto add = [&](const char* name, const char* variant, const char* formula, TensorFunction f,
                       TensorList inputs, std::vector<std::string> names, TensorFunction expected) {
    checks.push_back({"distributions", name, variant, std::move(f), std::move(inputs), std::move(names), true,
                      formula, std::move(expected)});
  };
  const auto add_value = [&](const char* name, const char* variant, const char* formula, TensorFunction f,
                             TensorList inputs, TensorFunction expected) {
    checks.push_back({"distributions",
                      name,
                      variant,
                      std::move(f),
                      std::move(inputs),
                      {},
                      false,
                      formula,
                      std::move(expected)});
  };

  // ---- Normal and TanhNormal ----
  const Tensor x = draw({3, 2}), mean_ = draw({3, 2}), log_std = rand({3, 2}, rng, DType::f64, -2, 1),
               eps = draw({3, 2});
  add(
      "Normal log_prob", "(3, 2)",
      "y = sum_i -z_i^2 / 2 - log s_i - log(2 pi) / 2,  z = (x - m) / s;  dm = g z / s,  dlog s = g (z^2 - "
      "1)",
      [](const TensorList& in) { return TensorList{nn::Normal(in[1], in[2]).log_prob(in[0])}; },
      {x, mean_, log_std}, {"x", "mean", "log_std"},
      numbers(Sum::kept, [](const std::vector<double>& v) { return normal_log_density(v[0], v[1], v[2]); }));
  add(
      "Normal rsample", "(3, 2)", "y = m + s eps;  dm = g,  dlog s = g s eps",
      [eps](const TensorList& in) { return TensorList{nn::Normal(in[0], in[1]).rsample(like(eps, in[0]))}; },
      {mean_, log_std}, {"mean", "log_std"},
      [eps](const TensorList& in) {
        return numbers(Sum::none, [](const std::vector<double>& v) { return v[0] + std::exp(v[1]) * v[2]; })(
            {in[0], in[1], eps});
      });
  add(
      "Normal entropy", "(3, 2)", "y = sum_i log s_i + (1 + log 2 pi) / 2;  dlog s_i = g",
      [](const TensorList& in) { return TensorList{nn::Normal(in[0], in[1]).entropy()}; }, {mean_, log_std},
      {"mean", "log_std"},
      numbers(Sum::kept, [](const std::vector<double>& v) { return v[1] + (1 + kLogTwoPi) / 2; }));
  const auto squashed_density = [](const std::vector<double>& v) {
    return normal_log_density(v[0], v[1], v[2]) - log_slope(v[0]);
  };
  add(
      "TanhNormal log_prob", "of u",
      "y = log N(u; m, s) - sum_i log(1 - tanh(u_i)^2);  du = g (-z / s + 2 tanh u)",
      [](const TensorList& in) { return TensorList{nn::TanhNormal(in[1], in[2]).log_prob(in[0])}; },
      {x, mean_, log_std}, {"u", "mean", "log_std"}, numbers(Sum::kept, squashed_density));
  add(
      "TanhNormal log_prob", "of an action alone", "",
      [](const TensorList& in) { return TensorList{nn::TanhNormal(in[1], in[2]).log_prob_of_action(in[0])}; },
      {rand({3, 2}, rng, DType::f64, -0.8, 0.8), mean_, log_std}, {"action", "mean", "log_std"},
      numbers(Sum::kept, [squashed_density](const std::vector<double>& v) {
        return squashed_density({std::atanh(v[0]), v[1], v[2]});
      }));
  add(
      "TanhNormal log_prob", "1e-6 form", "",
      [](const TensorList& in) {
        return TensorList{nn::TanhNormal(in[1], in[2]).log_prob(in[0], nn::LogProbForm::eps1e6)};
      },
      {draw({3, 2}), mean_, log_std}, {"u", "mean", "log_std"},
      numbers(Sum::kept, [](const std::vector<double>& v) {
        const double a = std::tanh(v[0]);
        return normal_log_density(v[0], v[1], v[2]) - std::log(1 - a * a + 1e-6);
      }));
  add_value(
      "TanhNormal mode", "(3, 2)", "a = tanh m",
      [](const TensorList& in) { return TensorList{nn::TanhNormal(in[0], in[1]).mode()}; }, {mean_, log_std},
      numbers(Sum::none, [](const std::vector<double>& v) { return std::tanh(v[0]); }));
  // (u, mean, log std), log N(u) and log pi(tanh u), computed with 40 digits.
  const Tensor points = from_values({0.5, -1.25, 3, -8, 0, 15}, {6, 1}, DType::f64),
               means = from_values({0.1, 0.4, 2.5, -7, 0, 14}, {6, 1}, DType::f64),
               log_stds = from_values({-0.3, 0.2, -1, 0.5, 0, 1.5}, {6, 1}, DType::f64);
  add_value(
      "Normal, recorded", "6 points", "log N(u; m, s), with 40 digits",
      [](const TensorList& in) { return TensorList{nn::Normal(in[1], in[2]).log_prob(in[0])}; },
      {points, means, log_stds},
      [](const TensorList&) {
        return TensorList{
            from_values({-0.76470803723591345977, -2.0314116958706867399, -0.84257054557100402018,
                         -1.6028782537903939026, -0.91893853320467274178, -2.4438320673886047133},
                        {6, 1}, DType::f64)};
      });
  add_value(
      "TanhNormal, recorded", "6 points", "log pi(tanh u), with 40 digits",
      [](const TensorList& in) { return TensorList{nn::TanhNormal(in[1], in[2]).log_prob(in[0])}; },
      {points, means, log_stds},
      [](const TensorList&) {
        return TensorList{from_values({-0.52447902331935841051, -0.75992658840547811207, 3.77608646358456626,
                                       13.010827610160052253, -0.91893853320467274178, 26.16987357149169182},
                                      {6, 1}, DType::f64)};
      });
  // ---- densities ----
  const Tensor centres = from_values({0, 0.5, -2, 4}, {4, 1}, DType::f64),
               widths = from_values({0, -1, 0.7, -3}, {4, 1}, DType::f64);
  add_value(
      "Normal density", "4 rows", "integral of N(x; m, s) dx = 1",
      [](const TensorList& in) {
        const Grid at = grid(in[0], in[1]);
        return TensorList{
            sum(exp(nn::Normal(expand(in[0], at.u.shape()), in[1]).component_log_prob(at.u)) * at.step, {1})};
      },
      {centres, widths}, ones_for_rows);
  // da = (1 - tanh(u)^2) du
  const auto slope = [](const Tensor& u) { return square(2 / (exp(u) + exp(-u))); };
  add_value(
      "TanhNormal density", "from u", "integral of pi(a) da over (-1, 1) = 1",
      [slope](const TensorList& in) {
        const Grid at = grid(in[0], in[1]);
        const nn::TanhNormal pi(expand(in[0], at.u.shape()), in[1]);
        return TensorList{sum(exp(pi.component_log_prob(at.u)) * slope(at.u) * at.step, {1})};
      },
      {centres, widths}, ones_for_rows);
  add_value(
      "TanhNormal density", "from a sample", "",
      [slope](const TensorList& in) {
        const Grid at = grid(in[0], in[1]);
        const nn::TanhNormal pi(expand(in[0], at.u.shape()), in[1]);
        return TensorList{sum(exp(pi.component_log_prob(pi.rsample(at.eps))) * slope(at.u) * at.step, {1})};
      },
      {centres, widths}, ones_for_rows);

  // ---- divergences of two ----
  Rng own = rng.split("divergences");
  const TensorList two_normals = {mean_, log_std, randn({3, 2}, own, DType::f64),
                                  rand({3, 2}, own, DType::f64, -2, 1)};
  const std::vector<std::string> of_both = {"p.mean", "p.log_std", "q.mean", "q.log_std"};
  // KL(p || q) = cross entropy - entropy
  const TensorFunction normal_kl = numbers(Sum::kept, [](const std::vector<double>& v) {
    const double p_var = std::exp(2 * v[1]), q_var = std::exp(2 * v[3]);
    const double cross = (kLogTwoPi + 2 * v[3] + (p_var + (v[0] - v[2]) * (v[0] - v[2])) / q_var) / 2;
    return cross - (kLogTwoPi + 2 * v[1] + 1) / 2;
  });
  add(
      "Normal KL", "(3, 2)", "y = sum_i log(s_q / s_p) + (s_p^2 + (m_p - m_q)^2) / (2 s_q^2) - 1/2",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::Normal(in[0], in[1]), nn::Normal(in[2], in[3]))};
      },
      two_normals, of_both, normal_kl);
  add(
      "TanhNormal KL", "(3, 2)", "y = KL of the Normals behind: tanh's Jacobians cancel",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::TanhNormal(in[0], in[1]), nn::TanhNormal(in[2], in[3]))};
      },
      two_normals, of_both, normal_kl);

  // ---- Categorical and Bernoulli ----
  const Tensor logits = 2 * randn({3, 4}, own, DType::f64), others = 2 * randn({3, 4}, own, DType::f64);
  const Tensor index = from_values({2, 0, 3}, {3}), coins = slice(eye(4), 0, 0, 3);
  add(
      "Categorical log_prob", "(3, 4)", "y = log softmax(x)[k];  dx = g (onehot(k) - softmax x)",
      [index](const TensorList& in) { return TensorList{nn::Categorical(in[0]).log_prob(index)}; }, {logits},
      {"logits"},
      [index](const TensorList& in) {
        std::vector<double> values;
        for (std::int64_t r = 0; r < 3; ++r) {
          const auto k = static_cast<std::size_t>(index.to_vector()[static_cast<std::size_t>(r)]);
          values.push_back(std::log(probabilities(select(in[0], 0, r).to_vector())[k]));
        }
        return TensorList{from_values(values, {3}, DType::f64)};
      });
  add(
      "Categorical entropy", "(3, 4)", "y = -sum_i p_i log p_i;  dx_i = -g p_i (log p_i + y)",
      [](const TensorList& in) { return TensorList{nn::Categorical(in[0]).entropy()}; }, {logits}, {"logits"},
      over_classes([](double p, double) { return entropy_term(p); }));
  add(
      "Categorical KL", "(3, 4)", "y = sum_i p_i (log p_i - log q_i);  dx_q = g (q - p)",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::Categorical(in[0]), nn::Categorical(in[1]))};
      },
      {logits, others}, {"p.logits", "q.logits"},
      over_classes([](double p, double q) { return p * std::log(p / q); }));
  add(
      "Bernoulli log_prob", "(3, 4)", "y = sum_i t_i x_i - softplus(x_i);  dx_i = g (t_i - sigmoid(x_i))",
      [coins](const TensorList& in) { return TensorList{nn::Bernoulli(in[0]).log_prob(coins)}; }, {logits},
      {"logits"},
      [coins](const TensorList& in) {
        return numbers(Sum::none, [](const std::vector<double>& v) {
          return std::log(v[1] == 1 ? sigmoid_of(v[0]) : sigmoid_of(-v[0]));
        })({in[0], coins});
      });
  add(
      "Bernoulli entropy", "(3, 4)", "y = sum_i softplus(x_i) - p_i x_i;  dx_i = -g x_i p_i (1 - p_i)",
      [](const TensorList& in) { return TensorList{nn::Bernoulli(in[0]).entropy()}; }, {logits}, {"logits"},
      numbers(Sum::none, [](const std::vector<double>& v) {
        return entropy_term(sigmoid_of(v[0])) + entropy_term(sigmoid_of(-v[0]));
      }));
  add(
      "Bernoulli KL", "(3, 4)",
      "y = sum_i p_i (x_p - x_q) - softplus(x_p) + softplus(x_q);  dx_q = g (q - p)",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::Bernoulli(in[0]), nn::Bernoulli(in[1]))};
      },
      {logits, others}, {"p.logits", "q.logits"}, numbers(Sum::none, [](const std::vector<double>& v) {
        const double p = sigmoid_of(v[0]), q = sigmoid_of(v[1]);
        return p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q));
      }));
  return checks;
}

}  // namespace saccade::suite
