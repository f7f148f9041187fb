#include "nn/optim/adam.h"

#include <cmath>

#include "autograd/kernels/table.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "nn/update_in_place.h"

namespace saccade::nn {

namespace {

// The parameter update of Kingma and Ba in one pass over all of its arrays.
void adam(const kernels::AdamStep& step, const Tensor& gradient, const Tensor& p, const Tensor& m,
          const Tensor& v) {
  update_in_place([&]<class T>(std::int64_t n, const T* g, T* p_at, T* m_at,
                               T* v_at) { kernels::table<T>().adam(step, n, g, p_at, m_at, v_at); },
                  contiguous(gradient), p, m, v);
}

// The same from ops, with the largest v so far in place of v.
void amsgrad(const kernels::AdamStep& s, const Tensor& gradient, const Tensor& p, const Tensor& m,
             const Tensor& v, const Tensor& v_max) {
  const Tensor g = gradient + s.l2 * p;
  m.copy_(s.beta1 * m + (1 - s.beta1) * g);
  v.copy_(s.beta2 * v + (1 - s.beta2) * square(g));
  v_max.copy_(maximum(v_max, v));
  p.copy_(s.decay * p - s.step_size * (m / (sqrt(v_max) / s.root_bias2 + s.eps)));
}

}  // namespace

Adam::Adam(const TensorList& parameters, const AdamOptions& options)
    : Optimizer("Adam", parameters), options_(options) {
  check_option("lr", options.lr, 0);
  check_option("beta1", options.beta1, 0, 1);
  check_option("beta2", options.beta2, 0, 1);
  options_.eps = usable_eps(options.eps);
  check_option("weight_decay", options.weight_decay, 0);
  m_ = make_state("m");
  v_ = make_state("v");
  if (options.amsgrad) v_max_ = make_state("v_max");
}

void Adam::step(const TensorList& gradients) {
  const NoGrad no_grad;
  if (written_before_read(gradients)) return step(copied(gradients));
  begin_step(gradients);
  const auto& [lr, beta1, beta2, eps, weight_decay, decoupled, use_amsgrad] = options_;
  const auto t = static_cast<double>(steps());
  const kernels::AdamStep step = {.step_size = lr / (1 - std::pow(beta1, t)),
                                  .beta1 = beta1,
                                  .beta2 = beta2,
                                  .root_bias2 = std::sqrt(1 - std::pow(beta2, t)),
                                  .eps = eps,
                                  .l2 = decoupled ? 0 : weight_decay,
                                  .decay = decoupled ? 1 - lr * weight_decay : 1};
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& p = parameters()[i];
    if (use_amsgrad) {
      amsgrad(step, gradients[i], p, m_[i], v_[i], v_max_[i]);
    } else {
      adam(step, gradients[i], p, m_[i], v_[i]);
    }
  }
}

}  // namespace saccade::nn
