#include "nn/optim/clip_grad_norm.h"

#include <cmath>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using saccade::nn::clip_grad_norm;

TEST_CASE("clip_grad_norm scales only what is too long", "[optim]") {
  TensorList gradients = {from_values({3, 0}, {2}, DType::f64), from_values({0, 4}, {1, 2}, DType::f64)};
  const Tensor original = gradients[0];
  CHECK(clip_grad_norm(gradients, 10) == 5);
  CHECK(gradients[0].to_vector() == std::vector<double>{3, 0});
  CHECK(clip_grad_norm(gradients, 2.5) == 5);
  CHECK(gradients[0].to_vector()[0] == Approx(1.5).epsilon(1e-6));
  CHECK(gradients[1].to_vector()[1] == Approx(2).epsilon(1e-6));
  CHECK(original.to_vector() == std::vector<double>{3, 0});  // which may be another's gradient too
  CHECK(clip_grad_norm(gradients, 2.5) == Approx(2.5).epsilon(1e-6));
  // Where squares overflow, and where a gradient has both large numbers and zeros.
  TensorList large = {from_values({3e30, 0, 4e30}, {3}), from_values({0, 0}, {2})};
  CHECK(clip_grad_norm(large, 1) == Approx(5e30).epsilon(1e-6));
  CHECK(large[0].to_vector()[0] == Approx(0.6).epsilon(1e-5));
  for (const double bad : {0.0, -1.0, double(NAN)}) {
    CHECK_THROWS_AS(clip_grad_norm(gradients, bad), ConfigError);
  }
}
