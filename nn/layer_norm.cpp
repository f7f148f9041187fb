#include "nn/layer_norm.h"

#include <fmt/format.h>

#include "base/error.h"
#include "nn/init.h"

namespace saccade::nn {

LayerNorm::LayerNorm(std::int64_t features, const LayerNormOptions& options, DType dtype)
    : options_(options) {
  if (features < 1 || options.ensemble < 0 || !(options.eps >= 0)) {
    throw ConfigError(
        fmt::format("LayerNorm: features {}, ensemble {}, eps {} given; expected at least 1, 0 and 0",
                    features, options.ensemble, options.eps));
  }
  Shape shape = {features};
  if (options.ensemble > 0) shape.insert(0, options.ensemble);
  weight_ = register_parameter("weight", init::constant(shape, 1, dtype));
  bias_ = register_parameter("bias", init::constant(shape, 0, dtype));
}

Tensor LayerNorm::operator()(const Tensor& x) const {
  if (options_.ensemble == 0) return layer_norm(x, weight_, bias_, options_.eps);
  return layer_norm(x, {}, {}, options_.eps) * unsqueeze(weight_, 1) + unsqueeze(bias_, 1);
}

}  // namespace saccade::nn
