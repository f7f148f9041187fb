#include "nn/optim/rmsprop.h"

#include "autograd/modes.h"
#include "autograd/ops.h"

namespace saccade::nn {

RmsProp::RmsProp(const TensorList& parameters, const RmsPropOptions& options)
    : Optimizer("RmsProp", parameters), options_(options) {
  check_option("lr", options.lr, 0);
  check_option("alpha", options.alpha, 0, 1);
  options_.eps = usable_eps(options.eps);
  check_option("momentum", options.momentum, 0);
  check_option("weight_decay", options.weight_decay, 0);
  v_ = make_state(options.centered ? "variance" : "v");
  if (options.centered) mean_ = make_state("mean");
  if (options.momentum > 0) momentum_ = make_state("momentum");
}

void RmsProp::step(const TensorList& gradients) {
  const NoGrad no_grad;
  if (written_before_read(gradients)) return step(copied(gradients));
  begin_step(gradients);
  const auto& [lr, alpha, eps, momentum, weight_decay, centered] = options_;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor &p = parameters()[i], &v = v_[i];
    Tensor g = gradients[i];
    if (weight_decay > 0) g = g + weight_decay * p;
    if (centered) {
      // The averages of g and of g^2 give a variance too, but by a difference that rounding can make
      // negative.
      const Tensor &mean = mean_[i], deviation = g - mean;
      v.copy_(alpha * (v + (1 - alpha) * square(deviation)));
      mean.copy_(mean + (1 - alpha) * deviation);
    } else {
      v.copy_(alpha * v + (1 - alpha) * square(g));
    }
    Tensor step = g / (sqrt(v) + eps);
    if (momentum > 0) {
      momentum_[i].copy_(momentum * momentum_[i] + step);
      step = momentum_[i];
    }
    p.copy_(p - lr * step);
  }
}

}  // namespace saccade::nn
