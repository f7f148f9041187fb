#include "nn/linear.h"

#include <fmt/format.h>

#include "base/error.h"
#include "nn/init.h"

namespace saccade::nn {

Linear::Linear(std::int64_t in, std::int64_t out, Rng& rng, const LinearOptions& options, DType dtype) {
  if (in < 1 || out < 1 || options.ensemble < 0) {
    throw ConfigError(fmt::format("Linear: in {}, out {}, ensemble {} given; expected at least 1, 1 and 0",
                                  in, out, options.ensemble));
  }
  Shape weight = {out, in}, bias = {out};
  if (options.ensemble > 0) {
    weight.insert(0, options.ensemble);
    bias.insert(0, options.ensemble);
  }
  weight_ = register_parameter("weight", init::linear_default(weight, in, rng, dtype));
  bias_ = register_parameter("bias", init::linear_default(bias, in, rng, dtype));
}

}  // namespace saccade::nn
