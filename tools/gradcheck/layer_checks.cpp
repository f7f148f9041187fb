// Checks of layers as they ship, in their input and in every parameter.

#include <memory>

#include "autograd/ops.h"
#include "nn/batch_norm.h"
#include "nn/dropout.h"
#include "nn/functional_call.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "nn/sequential.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

// (x - mean) / sqrt(variance + eps) along one dimension, from sums.
Tensor normalised(const Tensor& x, std::int64_t dim, double eps) {
  const auto n = static_cast<double>(x.size(dim));
  const Tensor centred = x - sum(x, {dim}, true) / n;
  return centred / sqrt(sum(centred * centred, {dim}, true) / n + eps);
}

}  // namespace

std::vector<Check> layer_checks() {
  Rng rng(11);
  const auto draw = [&](const Shape& shape) { return randn(shape, rng, DType::f64); };
  std::vector<Check> checks;
  // call(module, x), as a function of x and of the parameters.
  const auto add_called = [&](const char* name, const char* variant, const char* formula, auto given,
                              const auto& call, const Tensor& x, TensorFunction expected = {}) {
    const auto module = std::make_shared<decltype(given)>(std::move(given));
    Check check;
    check.group = "layers";
    check.name = name;
    check.variant = variant;
    check.f = [module, call](const TensorList& in) {
      const TensorList parameters(in.begin() + 1, in.end());
      return nn::functional_call(*module, parameters, [&] { return TensorList{call(*module, in[0])}; });
    };
    check.inputs = {x};
    check.input_names = {"x"};
    for (const nn::NamedTensor& parameter : module->named_parameters()) {
      check.inputs.push_back(to(parameter.tensor.detach(), DType::f64));
      check.input_names.push_back(parameter.name);
    }
    check.formula = formula;
    check.expected = std::move(expected);
    checks.push_back(std::move(check));
  };
  const auto add = [&](const char* name, const char* variant, const char* formula, auto given,
                       const Tensor& x, TensorFunction expected = {}) {
    add_called(
        name, variant, formula, std::move(given),
        [](const auto& module, const Tensor& in) { return module(in); }, x, std::move(expected));
  };
  const auto written_out = [](const TensorList& in) {
    return TensorList{written_out_mlp(in[0], TensorList(in.begin() + 1, in.end()))};
  };

  const Tensor x = draw({5, 3});
  add("Linear", "3 to 4, batch 5", "y = x w^T + b;  dx = g w,  dw = g^T x,  db = sum_rows g",
      nn::Linear(3, 4, rng), x, written_out);
  add("Linear", "ensemble of 2", "", nn::Linear(3, 4, rng, {.ensemble = 2}), x, written_out);
  add("Mlp", "3-6-6-2, relu", "h_1 = relu(x w_1^T + b_1), ...,  y = h w^T + b;  by the chain rule",
      nn::Mlp({3, 6, 6, 2}, rng), x, written_out);
  add("Mlp", "ensemble of 2, 3-6-2, tanh", "",
      nn::Mlp({3, 6, 2}, rng, {.hidden = Activation::tanh, .ensemble = 2}), x);
  const Tensor three = draw({2, 5, 3});
  add("LayerNorm", "3, batch 5", "y = (x - m) / sqrt(v + eps) w + b, over features", nn::LayerNorm(3), x,
      [](const TensorList& in) { return TensorList{normalised(in[0], -1, 1e-5) * in[1] + in[2]}; });
  add("LayerNorm", "ensemble of 2", "", nn::LayerNorm(3, {.ensemble = 2}), three, [](const TensorList& in) {
    return TensorList{normalised(in[0], -1, 1e-5) * unsqueeze(in[1], 1) + unsqueeze(in[2], 1)};
  });
  add("Mlp", "3-6-2, layer norm", "", nn::Mlp({3, 6, 2}, rng, {.layer_norm = true}), x,
      [](const TensorList& in) {
        const Tensor h = normalised(matmul(in[0], transpose(in[1])) + in[2], -1, 1e-5) * in[3] + in[4];
        return TensorList{matmul(relu(h), transpose(in[5])) + in[6]};
      });
  const Tensor mask = nn::dropout_mask({5, 6}, 0.4, rng, DType::f64);
  add_called(
      "Mlp", "3-6-2, dropout", "", nn::Mlp({3, 6, 2}, rng),
      [mask](const nn::Mlp& mlp, const Tensor& in) { return mlp(in, {like(mask, in)}); }, x,
      [mask](const TensorList& in) {
        const Tensor h = relu(mask * (matmul(in[0], transpose(in[1])) + in[2]));
        return TensorList{matmul(h, transpose(in[3])) + in[4]};
      });

  add_called(
      "Dropout", "p = 0.4", "y = x mask;  dx = g mask", nn::Dropout(0.4),
      [](const nn::Dropout& dropout, const Tensor& in) {
        Rng same(3);
        return dropout(in, same);
      },
      x,
      [](const TensorList& in) {
        Rng same(3);
        return TensorList{in[0] * nn::dropout_mask(in[0].shape(), 0.4, same, DType::f64)};
      });

  // Running statistics as after two passes over batches of other means and variances than x's.
  const auto seasoned = [&](nn::BatchNormOptions options) {
    nn::BatchNorm norm(3, options, DType::f64);
    for (int i = 0; i < 2; ++i) {
      nn::BatchNorm::Seen seen;
      norm(2 + 0.5 * draw({7, 3}), seen);
      norm.follow(seen);
    }
    return norm;
  };
  const auto training = [](const nn::BatchNorm& norm, const Tensor& in) {
    nn::BatchNorm::Seen seen;
    return norm(in, seen);
  };
  nn::BatchNorm running = seasoned({.momentum = 0.5});
  const Tensor m_r = running.named_state()[0].tensor, v_r = running.named_state()[1].tensor;
  add("BatchNorm", "evaluation", "y = (x - m) / sqrt(v + eps) w + b, m and v of the batch, or running",
      std::move(running), x,
      [=](const TensorList& in) { return TensorList{(in[0] - m_r) / sqrt(v_r + 1e-5) * in[1] + in[2]}; });
  add_called("BatchNorm", "training", "", seasoned({.momentum = 0.5}), training, x,
             [](const TensorList& in) { return TensorList{normalised(in[0], 0, 1e-5) * in[1] + in[2]}; });
  // y = (x - m + d sqrt(v) / r) / sqrt(v / r^2 + eps) w + b, with r and d beyond their bounds, so constant.
  nn::BatchNorm renormalising = seasoned({.momentum = 0.5, .renorm_after = 1, .r_max = 1.01, .d_max = 0.01});
  const Tensor m_s = renormalising.named_state()[0].tensor, v_s = renormalising.named_state()[1].tensor;
  add_called("BatchNorm", "renormalising", "", std::move(renormalising), training, x,
             [=](const TensorList& in) {
               const Tensor m = mean(in[0], {0}, true), v = mean(square(in[0] - m), {0}, true);
               const Tensor r = clamp(sqrt((v + 1e-5) / (v_s + 1e-5)), 1 / 1.01, 1.01);
               const Tensor d = clamp((m - m_s) / sqrt(v_s + 1e-5), -0.01, 0.01);
               return TensorList{(in[0] - m + d * sqrt(v) / r) / sqrt(v / (r * r) + 1e-5) * in[1] + in[2]};
             });
  add("Sequential", "Linear 3-4, LayerNorm, tanh, Linear 4-2", "y = f_n(... f_1(x))",
      std::move(nn::Sequential()
                    .add("l1", nn::Linear(3, 4, rng))
                    .add("n1", nn::LayerNorm(4))
                    .add("tanh", [](const Tensor& in) { return tanh(in); })
                    .add("l2", nn::Linear(4, 2, rng))),
      x, [](const TensorList& in) {
        const Tensor h = normalised(matmul(in[0], transpose(in[1])) + in[2], -1, 1e-5) * in[3] + in[4];
        return TensorList{matmul(tanh(h), transpose(in[5])) + in[6]};
      });
  // ---- the list of layers ends here ----
  return checks;
}

}  // namespace saccade::suite
