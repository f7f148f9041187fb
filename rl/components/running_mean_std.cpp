#include "rl/components/running_mean_std.h"

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"

namespace saccade::rl {

namespace {

constexpr float kLimit = 10;

}  // namespace

RunningMeanStd::RunningMeanStd(std::int64_t obs_dim, DType dtype)
    : count_(zeros({1}, DType::f64)),
      mean_(zeros({obs_dim}, DType::f64)),
      squares_(zeros({obs_dim}, DType::f64)),
      shift_(zeros({obs_dim}, dtype)),
      scale_(ones({obs_dim}, dtype)) {}

void RunningMeanStd::add(std::span<const double> obs) {
  double& count = *count_.mutable_data<double>();
  double* mean = mean_.mutable_data<double>();
  double* squares = squares_.mutable_data<double>();
  ++count;
  for (std::size_t i = 0; i < obs.size(); ++i) {
    const double deviation = obs[i] - mean[i];
    mean[i] += deviation / count;
    squares[i] += deviation * (obs[i] - mean[i]);
  }
  refresh();
}

void RunningMeanStd::refresh() {
  const double count = count_.item();
  if (count < 2) return;
  const double* mean = mean_.data<double>();
  const double* squares = squares_.data<double>();
  visit(shift_.dtype(), [&]<class T>() {
    T* shift = shift_.mutable_data<T>();
    T* scale = scale_.mutable_data<T>();
    for (std::int64_t i = 0; i < shift_.numel(); ++i) {
      shift[i] = static_cast<T>(mean[i]);
      scale[i] = static_cast<T>(1 / std::sqrt(squares[i] / count + 1e-8));
    }
  });
}

Tensor RunningMeanStd::normalized(const Tensor& obs) const {
  const NoGrad no_grad;
  return clamp((obs - shift_) * scale_, -kLimit, kLimit);
}

ObsTransform RunningMeanStd::transform() const {
  const std::vector<double> mean = shift_.to_vector(), scale = scale_.to_vector();
  return {.mean = {mean.begin(), mean.end()}, .scale = {scale.begin(), scale.end()}, .limit = kLimit};
}

nn::NamedTensors RunningMeanStd::named_state() const {
  return {{"count", count_}, {"mean", mean_}, {"squares", squares_}};
}

ObsNormalizer::ObsNormalizer(bool on, std::int64_t obs_dim, DType dtype) {
  if (on) statistics_.emplace(obs_dim, dtype);
}

void ObsNormalizer::observe(std::span<const double> obs) {
  if (statistics_) statistics_->add(obs);
}

Tensor ObsNormalizer::operator()(const Tensor& obs) const {
  return statistics_ ? statistics_->normalized(obs) : obs;
}

nn::NamedTensors ObsNormalizer::named_state() const {
  return statistics_ ? statistics_->named_state() : nn::NamedTensors{};
}

ObsTransform ObsNormalizer::transform(bool one_hot) const {
  ObsTransform transform;
  if (statistics_) transform = statistics_->transform();
  transform.one_hot = one_hot;
  return transform;
}

void ObsNormalizer::refresh() {
  if (statistics_) statistics_->refresh();
}

}  // namespace saccade::rl
