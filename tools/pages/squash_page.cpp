#include "tools/pages/squash_page.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numbers>
#include <vector>

#include "autograd/ops.h"
#include "base/files.h"
#include "base/text.h"
#include "nn/distributions/entropy.h"
#include "nn/distributions/tanh_normal.h"
#include "rl/runs/build_info.h"
#include "tools/pages/assemble.h"
#include "tools/pages/log_prob_json.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kMeans[] = {-3, -1.25, -0.1, 0, 0.5, 2};
constexpr double kLogStds[] = {-3, -1.5, -0.5, 0, 0.75, 2};

Tensor column(const std::vector<double>& values, DType dtype) {
  return from_values(values, {static_cast<std::int64_t>(values.size()), 1}, dtype);
}

nn::TanhNormal policy(double mean, double log_std, const Tensor& like) {
  return {full(like.shape(), mean, like.dtype()), full(like.shape(), log_std, like.dtype())};
}

// E(1 - a^2), which is the area under the Gaussian where it is taken for a density of a. By the trapezoidal
// rule over u, as in tanh_normal_entropy.
double mean_slope(double mean, double log_std) {
  const double std = std::exp(log_std), step = 0.25 / std::max(1.0, std);
  std::vector<double> points;
  for (long i = std::lround(-9 / step); i <= std::lround(9 / step); ++i) {
    points.push_back(mean + std * step * static_cast<double>(i));
  }
  const Tensor u = column(points, DType::f64);
  const nn::TanhNormal pi = policy(mean, log_std, u);
  const Tensor log_normal = pi.normal().log_prob(u), log_slope = log_normal - pi.log_prob(u);
  return sum(exp(log_normal + log_slope)).item() / sum(exp(log_normal)).item();
}

Json check_of(double mean, double log_std) {
  std::vector<double> points = {-20, -6, 0, 6, 20};
  for (const double z : {-8.0, -2.5, -1.0, 0.0, 0.3, 1.7, 4.0})
    points.push_back(mean + std::exp(log_std) * z);
  const Tensor u = column(points, DType::f64);
  const nn::TanhNormal pi = policy(mean, log_std, u);
  return {{"mean", mean},
          {"log_std", log_std},
          {"u", points},
          {"log_normal", pi.normal().log_prob(u).to_vector()},
          {"log_pi", pi.log_prob(u).to_vector()},
          {"entropy", nn::tanh_normal_entropy(mean, std::exp(log_std))},
          {"normal_entropy", nn::normal_entropy(std::exp(log_std))},
          {"mean_slope", mean_slope(mean, log_std)}};
}

Json check_json() {
  Json grid = Json::array(), peaks = Json::array();
  for (const double mean : kMeans) {
    for (const double log_std : kLogStds) grid.push_back(check_of(mean, log_std));
    const double std = nn::most_entropic_std(mean);
    peaks.push_back({{"mean", mean}, {"std", std}, {"entropy", nn::tanh_normal_entropy(mean, std)}});
  }
  return {{"grid", grid}, {"peaks", peaks}};
}

// How many numbers of f32 lie above a, up to 1: neighbours' bits differ by 1.
std::int64_t floats_up_to_one(double a) {
  return std::int64_t{std::bit_cast<std::int32_t>(1.0F)} - std::bit_cast<std::int32_t>(static_cast<float>(a));
}

// Where f32 has infinity there will be null.
Json saturation_json() {
  std::vector<double> points;
  for (int i = 0; i <= 24; ++i) points.push_back(i / 2.0);
  const Tensor u = column(points, DType::f32), a = tanh(u);
  const nn::TanhNormal pi(u, zeros_like(u));
  const std::vector<double> actions = a.to_vector(), slopes = (1 - square(a)).to_vector(),
                            back = (0.5 * (log1p(a) - log1p(-a))).to_vector(),
                            stable = pi.log_prob(u).to_vector(),
                            eps = pi.log_prob(u, nn::LogProbForm::eps1e6).to_vector(),
                            naive = (pi.normal().log_prob(u) - log(1 - square(a))).to_vector();
  Json rows = Json::array();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const long double x = points[i], e = std::exp(-2 * x), slope = 4 * e / ((1 + e) * (1 + e));
    const long double log_pi = -0.5L * std::log(2 * std::numbers::pi_v<long double>) - std::log(slope);
    rows.push_back({{"u", points[i]},
                    {"exact",
                     {{"a", static_cast<double>(std::tanh(x))},
                      {"below_one", static_cast<double>(2 * e / (1 + e))},
                      {"slope", static_cast<double>(slope)},
                      {"log_pi", static_cast<double>(log_pi)}}},
                    {"f32",
                     {{"a", actions[i]},
                      {"floats_up_to_one", floats_up_to_one(actions[i])},
                      {"slope", slopes[i]},
                      {"u_again", back[i]},
                      {"naive", naive[i]},
                      {"eps1e6", eps[i]},
                      {"stable", stable[i]}}}});
  }
  return rows;
}

}  // namespace

Json squash_data(double mean) {
  return {{"mean", mean},
          {"check", check_json()},
          {"saturation", saturation_json()},
          {"log_prob", log_prob_json()}};
}

void write_squash_page(const std::string& path, double mean) {
  Json data = {{"build", rl::build_info()}, {"date", utc_now()}};
  data.update(squash_data(mean));
  write_file(path, assemble("squash", data));
}

}  // namespace saccade::pages
