// Checks of layers as they ship, in their input and in every parameter.

#include <memory>

#include "autograd/ops.h"
#include "nn/functional_call.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

std::vector<Check> layer_checks() {
  Rng rng(11);
  const auto draw = [&](const Shape& shape) { return randn(shape, rng, DType::f64); };
  std::vector<Check> checks;
  // module(x), as a function of x and of the parameters.
  const auto add = [&](const char* name, const char* variant, const char* formula, auto given,
                       const Tensor& x, TensorFunction expected = {}) {
    const auto module = std::make_shared<decltype(given)>(std::move(given));
    Check check;
    check.group = "layers";
    check.name = name;
    check.variant = variant;
    check.f = [module](const TensorList& in) {
      const TensorList parameters(in.begin() + 1, in.end());
      return nn::functional_call(*module, parameters, [&] { return TensorList{(*module)(in[0])}; });
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
  // ---- the list of layers ends here ----
  return checks;
}

}  // namespace saccade::suite
