// Tensors over memory that is somebody else's, who may write to it unseen.
#include <cmath>
#include <vector>

#include "autograd/grad.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

struct Owner {
  std::vector<double> elements;
  int given_back = 0;

  Tensor tensor(const Shape& shape, const Strides& strides, std::size_t first = 0) {
    return borrow(elements.data() + first, shape, strides, DType::f64, this,
                  [](void* owner) { ++static_cast<Owner*>(owner)->given_back; });
  }
};

}  // namespace

TEST_CASE("a borrowed tensor's elements are its owner's", "[tensor]") {
  Owner owner{{0, 1, 2, 3, 4, 5, 6}};
  {
    const Tensor x = owner.tensor({2, 2}, {3, 2}, 1);
    CHECK(x.to_vector() == std::vector<double>{1, 3, 4, 6});
  }
  CHECK(owner.given_back == 1);
}

TEST_CASE("memory is given back when the last tensor on it goes", "[tensor]") {
  Owner owner{{1, 2, 3, 4}};
  {
    Tensor part;
    {
      const Tensor x = owner.tensor({4}, {1});
      part = slice(x, 0, 1, 3);
      owner.elements[2] = 7;
      x.detach().fill_(5);
    }
    CHECK(owner.given_back == 0);
    CHECK(owner.elements == std::vector<double>(4, 5));
    CHECK(part.to_vector() == std::vector<double>{5, 5});
  }
  CHECK(owner.given_back == 1);
}

TEST_CASE("a gradient refuses what its owner has written to", "[tensor][engine]") {
  const int n = GENERATE(1, 3, 4, 7, 1000);
  Owner owner{std::vector<double>(static_cast<std::size_t>(n), 2)};
  const Tensor w = owner.tensor({n}, {1});
  const Tensor x = ones({n}, DType::f64).requires_grad_();
  const Tensor y = sum(x * w);
  CHECK(grad(y, x, {.retain_graph = true}).to_vector() == owner.elements);
  const std::size_t place = GENERATE(0, 1, 2);
  double& element = owner.elements[place * static_cast<std::size_t>(n - 1) / 2];
  element = std::nextafter(element, 3);
  CHECK_THROWS_AS(grad(y, x, {.retain_graph = true}), GradError);
  element = 2;  // as it was
  CHECK(grad(y, x).to_vector() == owner.elements);
}

TEST_CASE("only what a gradient saved counts, not the rest of the memory", "[tensor][engine]") {
  Owner owner{{1, 2, 3, 4}};
  const Tensor x = ones({2}, DType::f64).requires_grad_();
  const Tensor y = sum(x * owner.tensor({2}, {2}));
  owner.elements[1] = 9;
  CHECK(grad(y, x, {.retain_graph = true}).to_vector() == std::vector<double>{1, 3});
  owner.elements[2] = 9;
  CHECK_THROWS_AS(grad(y, x), GradError);
}

TEST_CASE("memory of the engine's own takes no fingerprint", "[tensor][engine]") {
  const Tensor w = ones({2});
  const Saved saved(w.body());
  CHECK(saved.fingerprint == 0);
  const_cast<float*>(w.data<float>())[0] = 5;  // unseen, as nobody else can
  CHECK_FALSE(saved.is_overwritten());
  w.fill_(3);
  CHECK(saved.is_overwritten());
}
