#include "nn/optim/sgd.h"

#include <fmt/format.h>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

Sgd::Sgd(const TensorList& parameters, const SgdOptions& options)
    : Optimizer("Sgd", parameters), options_(options) {
  check_option("lr", options.lr, 0);
  check_option("momentum", options.momentum, 0);
  check_option("dampening", options.dampening, 0);
  check_option("weight_decay", options.weight_decay, 0);
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0)) {
    throw ConfigError(
        fmt::format("Sgd: nesterov needs momentum and no dampening; momentum is {} and dampening {}",
                    options.momentum, options.dampening));
  }
  if (options.momentum > 0) momentum_ = make_state("momentum");
}

void Sgd::step(const TensorList& gradients) {
  const NoGrad no_grad;
  if (written_before_read(gradients)) return step(copied(gradients));
  begin_step(gradients);
  const auto& [lr, momentum, dampening, weight_decay, nesterov] = options_;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& p = parameters()[i];
    Tensor g = gradients[i];
    if (weight_decay > 0) g = g + weight_decay * p;
    if (momentum > 0) {
      const Tensor& b = momentum_[i];
      b.copy_(steps() == 1 ? g : momentum * b + (1 - dampening) * g);
      g = nesterov ? g + momentum * b : b;
    }
    p.copy_(p - lr * g);
  }
}

}  // namespace saccade::nn
