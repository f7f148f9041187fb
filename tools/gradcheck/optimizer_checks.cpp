// Checks of the optimisers' steps as they ship. A step writes over the parameters and has no gradient of its
// own: its value is held to its equations, and its finite differences, in parameters and in gradients, to
// theirs.

#include <cmath>

#include "autograd/ops.h"
#include "nn/linear.h"
#include "nn/optim/adam.h"
#include "nn/optim/clip_grad_norm.h"
#include "nn/optim/rmsprop.h"
#include "nn/optim/sgd.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

// The parameters after the optimiser's next step, from the state given ("m", "v", ...), which it keeps as it
// is.
template <class O>
Tensor stepped(O&& make, const Tensor& p, const Tensor& g, const nn::NamedTensors& state) {
  const Tensor copy = (1 * p).detach().requires_grad_();
  auto optimizer = make(TensorList{copy});
  nn::NamedTensors in_dtype;
  for (const nn::NamedTensor& s : state)
    in_dtype.push_back({s.name, s.name == "steps" ? s.tensor : like(s.tensor, p)});
  if (!state.empty()) optimizer.load_state(in_dtype);
  optimizer.step({g.detach()});
  return copy.detach();
}

}  // namespace

std::vector<Check> optimizer_checks() {
  Rng rng(17);
  const auto draw = [&](double size = 1) { return size * randn({6}, rng, DType::f64); };
  std::vector<Check> checks;
  // `shipped` and `formula` take parameter and gradient to the parameter after the step.
  using Step = std::function<Tensor(const Tensor& p, const Tensor& g)>;
  const auto add = [&](const char* name, const char* variant, const char* text, const Step& shipped,
                       const Step& formula) {
    checks.push_back({"optimisers",
                      name,
                      variant,
                      [=](const TensorList& in) {
                        return TensorList{with_gradient_of(formula(in[0], in[1]), shipped(in[0], in[1]))};
                      },
                      {draw(), draw()},
                      {"parameter", "gradient"},
                      true,
                      text,
                      [=](const TensorList& in) { return TensorList{formula(in[0], in[1])}; }});
  };

  const Tensor m = draw(0.1), v = rand({6}, rng, DType::f64, 0.01, 0.1), two = scalar(2, DType::f64);
  const auto adam = [=](const nn::AdamOptions& options) {
    return [=](const Tensor& p, const Tensor& g) {
      return stepped([&](const TensorList& parameters) { return nn::Adam(parameters, options); }, p, g,
                     {{"steps", two}, {"m", m}, {"v", v}});
    };
  };
  // p - lr m^ / (sqrt(v^) + eps) at step 3
  const auto adam_formula = [=](const Tensor& p, const Tensor& g, double lr) {
    const Tensor m_hat = (0.9 * like(m, p) + 0.1 * g) / (1 - std::pow(0.9, 3)),
                 v_hat = (0.999 * like(v, p) + 0.001 * square(g)) / (1 - std::pow(0.999, 3));
    return p - lr * m_hat / (sqrt(v_hat) + 1e-8);
  };
  add("Adam step", "the third",
      "p' = p - lr m^ / (sqrt(v^) + eps),  m^ = (b1 m + (1 - b1) grad) / (1 - b1^t),  v^ = (b2 v + (1 - b2) "
      "grad^2) / (1 - b2^t)",
      adam({.lr = 1e-2}), [=](const Tensor& p, const Tensor& g) { return adam_formula(p, g, 1e-2); });
  add("Adam step", "with weight decay in the gradient", "", adam({.lr = 1e-2, .weight_decay = 0.3}),
      [=](const Tensor& p, const Tensor& g) { return adam_formula(p, g + 0.3 * p, 1e-2); });
  add("Adam step", "AdamW", "", adam({.lr = 1e-2, .weight_decay = 0.3, .decoupled = true}),
      [=](const Tensor& p, const Tensor& g) { return adam_formula(p, g, 1e-2) - 1e-2 * 0.3 * p; });
  const Tensor v_max = v + 0.02;
  add(
      "Adam step", "AMSGrad", "",
      [=](const Tensor& p, const Tensor& g) {
        return stepped(
            [](const TensorList& parameters) { return nn::Adam(parameters, {.lr = 1e-2, .amsgrad = true}); },
            p, g, {{"steps", two}, {"m", m}, {"v", v}, {"v_max", v_max}});
      },
      [=](const Tensor& p, const Tensor& g) {
        const Tensor m_hat = (0.9 * like(m, p) + 0.1 * g) / (1 - std::pow(0.9, 3));
        const Tensor v_new = maximum(like(v_max, p), 0.999 * like(v, p) + 0.001 * square(g));
        return p - 1e-2 * m_hat / (sqrt(v_new / (1 - std::pow(0.999, 3))) + 1e-8);
      });

  // Steps in the midst of training: b, v and the mean of gradients are what steps before left.
  const Tensor b = draw();
  const auto sgd = [=](const nn::SgdOptions& options, const nn::NamedTensors& state) {
    return [=](const Tensor& p, const Tensor& g) {
      return stepped([&](const TensorList& parameters) { return nn::Sgd(parameters, options); }, p, g, state);
    };
  };
  add("SGD step", "the first, with momentum",
      "p' = p - lr b,  b' = momentum b + (1 - dampening) grad, at first grad,  grad = g + weight_decay p",
      sgd({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.2}, {}),
      [](const Tensor& p, const Tensor& g) { return p - 0.1 * (g + 0.2 * p); });
  add("SGD step", "momentum and dampening", "",
      sgd({.lr = 0.1, .momentum = 0.9, .dampening = 0.3}, {{"steps", two}, {"momentum", b}}),
      [=](const Tensor& p, const Tensor& g) { return p - 0.1 * (0.9 * like(b, p) + 0.7 * g); });
  add("SGD step", "Nesterov", "",
      sgd({.lr = 0.1, .momentum = 0.9, .nesterov = true}, {{"steps", two}, {"momentum", b}}),
      [=](const Tensor& p, const Tensor& g) { return p - 0.1 * (g + 0.9 * (0.9 * like(b, p) + g)); });

  const Tensor v_big = rand({6}, rng, DType::f64, 1, 2), mean_g = draw(0.3);
  const auto rmsprop = [=](const nn::RmsPropOptions& options, const nn::NamedTensors& state) {
    return [=](const Tensor& p, const Tensor& g) {
      return stepped([&](const TensorList& parameters) { return nn::RmsProp(parameters, options); }, p, g,
                     state);
    };
  };
  const auto next_v = [=](const Tensor& g) { return 0.9 * like(v_big, g) + 0.1 * square(g); };
  add("RMSprop step", "with weight decay",
      "p' = p - lr grad / (sqrt(v') + eps),  v' = alpha v + (1 - alpha) grad^2",
      rmsprop({.lr = 0.01, .alpha = 0.9, .eps = 0.1, .weight_decay = 0.2}, {{"steps", two}, {"v", v_big}}),
      [=](const Tensor& p, const Tensor& g) {
        const Tensor decayed = g + 0.2 * p;
        return p - 0.01 * decayed / (sqrt(next_v(decayed)) + 0.1);
      });
  add("RMSprop step", "centred, with momentum", "",
      rmsprop({.lr = 0.01, .alpha = 0.9, .eps = 0.1, .momentum = 0.8, .centered = true},
              {{"steps", two}, {"variance", v_big}, {"mean", mean_g}, {"momentum", b}}),
      [=](const Tensor& p, const Tensor& g) {
        const Tensor spread = 0.9 * like(v_big, g) + 0.9 * 0.1 * square(g - like(mean_g, g));
        return p - 0.01 * (0.8 * like(b, p) + g / (sqrt(spread) + 0.1));
      });
  add(
      "clip_grad_norm", "to 0.5", "g' = g max_norm / (|g| + 1e-6) where |g| > max_norm",
      [](const Tensor& p, const Tensor& g) {
        TensorList gradients = {(1 * g).detach()};
        nn::clip_grad_norm(gradients, 0.5);
        return p.detach() + gradients[0];
      },
      [](const Tensor& p, const Tensor& g) { return p + g * (0.5 / (sqrt(sum(square(g))) + 1e-6)); });
  // A Linear(2, 2) has six parameters.
  add(
      "Polyak step", "the targets after it", "t' = t + tau (p - t);  dt = (1 - tau) g,  dp = tau g",
      [](const Tensor& target, const Tensor& online) {
        Rng unused(0);
        nn::Linear t(2, 2, unused, {}, target.dtype()), p(2, 2, unused, {}, target.dtype());
        const auto values = [](const Tensor& flat) {
          return nn::NamedTensors{{"weight", contiguous(reshape(slice(flat, 0, 0, 4), {2, 2}).detach())},
                                  {"bias", contiguous(slice(flat, 0, 4, 6).detach())}};
        };
        t.load_parameters(values(target));
        p.load_parameters(values(online));
        t.polyak(p, 0.005);
        return 1 * t.flat();
      },
      [](const Tensor& target, const Tensor& online) { return target + 0.005 * (online - target); });
  return checks;
}

}  // namespace saccade::suite
