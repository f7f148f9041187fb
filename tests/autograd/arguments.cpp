// What ops and optimisers must refuse, or get right: aliasing writes, sizes beyond counting, odd arguments.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "autograd/grad.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/optim/adam.h"
#include "nn/optim/rmsprop.h"
#include "nn/optim/sgd.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;

namespace {

Tensor counted(const Shape& shape) { return reshape(arange(shape.numel()), shape); }

}  // namespace

TEST_CASE("copy_ reads its source before it overwrites it", "[arguments]") {
  const Tensor t = counted({3, 3});
  t.copy_(transpose(t));
  CHECK(t.to_vector() == std::vector<double>{0, 3, 6, 1, 4, 7, 2, 5, 8});
  const Tensor line = counted({40});
  slice(line, 0, 1, 40).copy_(slice(line, 0, 0, 39));
  for (std::int64_t i = 0; i < 40; ++i)
    CHECK(line.data<float>()[i] == static_cast<float>(i == 0 ? 0 : i - 1));
  const Tensor back = counted({40});
  slice(back, 0, 0, 39).copy_(slice(back, 0, 1, 40));
  for (std::int64_t i = 0; i < 40; ++i)
    CHECK(back.data<float>()[i] == static_cast<float>(i == 39 ? 39 : i + 1));
  const Tensor reversed = counted({2, 3});
  reversed.copy_(flip(reversed, {1}));
  CHECK(reversed.to_vector() == std::vector<double>{2, 1, 0, 5, 4, 3});
  const Tensor first = counted({3, 2});
  first.copy_(expand(slice(first, 0, 1, 2), {3, 2}));
  CHECK(first.to_vector() == std::vector<double>{2, 3, 2, 3, 2, 3});
  const Tensor same = counted({4});
  same.copy_(same);
  CHECK(same.to_vector() == std::vector<double>{0, 1, 2, 3});
}

TEST_CASE("an optimiser reads gradients that share memory with parameters first", "[arguments]") {
  const auto stepped = [](bool apart) {
    const Tensor all = counted({20'001}) / 1000;
    const Tensor p = slice(all, 0, 1, 20'001).detach().requires_grad_();
    const Tensor g = slice(all, 0, 0, 20'000).detach();
    nn::Adam adam({p}, {.lr = 0.1, .weight_decay = 0.1});
    adam.step({apart ? g * 1 : g});
    adam.step({apart ? g * 1 : g});
    return p.to_vector();
  };
  // The first step changes what the second sees as its gradient, the same way each time.
  CHECK(stepped(true) == stepped(false));
}

TEST_CASE("an optimiser reads a gradient that is another parameter before that takes its step",
          "[arguments]") {
  const auto stepped = [](auto make, bool apart) {
    const Tensor p = counted({4}).requires_grad_(), q = ones({4}).requires_grad_();
    auto optimizer = make(TensorList{p, q});
    const Tensor g = p.detach();
    optimizer.step({ones({4}), apart ? g * 1 : g});
    return q.to_vector();
  };
  const auto same = [&](auto make) { CHECK(stepped(make, true) == stepped(make, false)); };
  same([](const TensorList& all) { return nn::Sgd(all, {.lr = 0.5}); });
  same([](const TensorList& all) { return nn::Adam(all, {.lr = 0.5}); });
  same([](const TensorList& all) { return nn::RmsProp(all, {.lr = 0.5}); });
}

TEST_CASE("sizes that cannot be counted are refused", "[arguments]") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40, kMax = std::numeric_limits<std::int64_t>::max();
  const Tensor x = ones({0, 3}), one = ones({1});
  Rng rng(1);
  for (const Shape& shape : {Shape{0, kHuge, kHuge}, Shape{kHuge, kHuge, 0}, Shape{kHuge, 0, kHuge},
                             Shape{kHuge, kHuge}, Shape{kMax, kMax}, Shape{kMax, 2}}) {
    INFO(shape.str());
    CHECK_THROWS_AS(shape.numel(), ShapeError);
    CHECK_THROWS_AS(reshape(x, shape), ShapeError);
    CHECK_THROWS_AS(expand(ones({}), shape), ShapeError);
    CHECK_THROWS_AS(empty(shape), ShapeError);
    CHECK_THROWS_AS(zeros(shape), ShapeError);
    CHECK_THROWS_AS(full(shape, 1), ShapeError);
    CHECK_THROWS_AS(rand(shape, rng), ShapeError);
    CHECK_THROWS_AS(randn(shape, rng), ShapeError);
    CHECK_THROWS_AS(from_values({}, shape), ShapeError);
    CHECK_THROWS_AS(contiguous_strides(shape), ShapeError);
  }
  CHECK(Shape{0, 5}.numel() == 0);
  CHECK_THROWS_AS(reshape(x, {-1, kHuge, kHuge}), ShapeError);
  CHECK_THROWS_AS(reshape(one, {-1, -1}), ShapeError);
  CHECK_THROWS_AS(scatter_add(ones({1, 1}), {kHuge, kHuge}, 0, zeros({1, 1}, DType::i64)), ShapeError);
  CHECK_THROWS_AS(eye(kHuge), ShapeError);
  CHECK_THROWS_AS(arange(-1), ShapeError);
  CHECK_THROWS_AS(expand(ones({1, kHuge / kHuge}), {kHuge, kHuge}) + one, ShapeError);
  CHECK_THROWS_AS(split(ones({3}), {kMax, kMax, 5}, 0), ShapeError);
  CHECK_THROWS_AS(split(ones({3}), {4, -1}, 0), ShapeError);
  CHECK_THROWS_AS(one_hot(zeros({2}), -1), ShapeError);
  CHECK(slice(counted({5}), 0, 1, kMax, kMax).to_vector() == std::vector<double>{1});
  CHECK(slice(counted({5}), 0, -kMax - 1, kMax, 3).to_vector() == std::vector<double>{0, 3});
}

TEST_CASE("an optimiser takes each element once", "[arguments]") {
  const Tensor w = ones({6}).requires_grad_();
  const TensorList twice = {w, ones({2}).requires_grad_(), w};
  CHECK_THROWS_WITH(nn::Sgd(twice), Contains("Sgd: parameters 0 and 2"));
  CHECK_THROWS_AS(nn::Adam(twice), GradError);
  const Tensor one = ones({1}).requires_grad_(), none = zeros({0}).requires_grad_();
  CHECK_THROWS_WITH(nn::Sgd({one, one}), Contains("Sgd: parameters 0 and 1"));
  CHECK_NOTHROW(nn::Sgd({none, none, one}));  // they share nothing
  CHECK_THROWS_AS(nn::RmsProp(twice), GradError);
  const Tensor all = ones({6});
  const auto part = [&](std::int64_t from, std::int64_t to) {
    return slice(all, 0, from, to).detach().requires_grad_();
  };
  CHECK_THROWS_AS(nn::Sgd({part(0, 4), part(3, 6)}), GradError);
  CHECK_NOTHROW(nn::Sgd({part(3, 6), part(0, 3)}));
}

TEST_CASE("options that no number of the dtype can stand for are refused", "[arguments]") {
  const Tensor narrow = ones({1}).requires_grad_(), wide = ones({1}, DType::f64).requires_grad_();
  CHECK_THROWS_WITH(nn::Adam({narrow}, {.eps = 1e-50}), Contains("eps is 1e-50"));
  CHECK_NOTHROW(nn::Adam({wide}, {.eps = 1e-50}));
  CHECK_THROWS_AS(nn::Adam({wide}, {.eps = -1}), ConfigError);
  CHECK_THROWS_AS(nn::Adam({wide}, {.eps = NAN}), ConfigError);
  CHECK_THROWS_AS(nn::Adam({wide}, {.eps = INFINITY}), ConfigError);
  CHECK_THROWS_AS(nn::RmsProp({narrow}, {.eps = 1e-50}), ConfigError);
  for (const bool amsgrad : {false, true}) {  // 0 / 0 is no step
    const Tensor p = ones({2}).requires_grad_();
    nn::Adam adam({p}, {.eps = 0, .amsgrad = amsgrad});
    adam.step({zeros({2})});
    CHECK(p.to_vector() == std::vector<double>{1, 1});
    nn::RmsProp rmsprop({p}, {.eps = 0});
    rmsprop.step({zeros({2})});
    CHECK(p.to_vector() == std::vector<double>{1, 1});
  }
  Rng rng(1);
  CHECK_THROWS_AS(rand({2}, rng, DType::f32, 5, 1), ConfigError);
  CHECK_THROWS_AS(rand({2}, rng, DType::f32, NAN, 1), ConfigError);
  CHECK_THROWS_AS(rand({2}, rng, DType::f64, -1.7e308, 1.7e308), ConfigError);
  CHECK(rand({2}, rng, DType::f64, 3, 3).to_vector() == std::vector<double>{3, 3});
  const Tensor x = ones({2}), t = zeros({2});
  for (const double width : {-1.0, 0.0, 1e-50, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    CHECK_THROWS_AS(huber_loss(x, t, Reduction::mean, width), ConfigError);
    if (width != 0) CHECK_THROWS_AS(smooth_l1_loss(x, t, Reduction::mean, width), ConfigError);
  }
  CHECK(smooth_l1_loss(x, t, Reduction::mean, 0).item() == 1);
  CHECK_THROWS_AS(layer_norm(x, {}, {}, -1), ConfigError);
  CHECK_THROWS_AS(layer_norm(x, {}, {}, NAN), ConfigError);
}

TEST_CASE("gradcheck follows functions that vary fast where x is large", "[arguments]") {
  for (const double at : {1e4, -1e4, 3e6}) {
    const GradcheckResult right = gradcheck([](const TensorList& x) { return TensorList{sin(x[0])}; },
                                            {scalar(at, DType::f64)}, {.order = 2});
    INFO(right);
    CHECK(right.passed());
    const GradcheckResult slow = gradcheck([](const Tensor& x) { return x * x; }, scalar(at, DType::f64));
    CHECK(slow.passed());
  }
  // A wrong gradient and a corner are still told.
  const auto wrong = [](const Tensor& x) {
    return sin(x) + 0.5 * (cos(x).detach() * x - (cos(x) * x).detach());
  };
  const GradcheckResult failed = gradcheck(wrong, scalar(1e4, DType::f64));
  CHECK_FALSE(failed.passed());
  const GradcheckResult corner =
      gradcheck([](const Tensor& x) { return abs(x - 1e4); }, scalar(1e4, DType::f64));
  CHECK_FALSE(corner.passed());
  CHECK(corner.inputs[0].elements[0].verdict == Verdict::kink);
}

TEST_CASE("centred RMSprop's variance cannot fall below 0", "[arguments]") {
  Rng rng(1);
  const Tensor p = zeros({1000}).requires_grad_(), g = randn({1000}, rng);
  nn::RmsProp optimizer({p}, {.lr = 1e-3, .centered = true});
  for (int i = 0; i < 2000; ++i) optimizer.step({g});
  for (const double v : p.to_vector()) CHECK(std::isfinite(v));
  for (const double v : optimizer.named_state()[1].tensor.to_vector()) CHECK(v >= 0);
}

TEST_CASE("losses and their gradients keep their digits where they are small", "[arguments]") {
  // Class 0 is almost sure: the loss is about e^-20, and so is its gradient.
  const Tensor logits = from_values({20, 0, 0}, {1, 3}).requires_grad_(), target = zeros({1}, DType::i64);
  const Tensor loss = cross_entropy(logits, target);
  const double small = 2 * std::exp(-20.0);
  CHECK(loss.item() == Approx(std::log1p(small)).epsilon(1e-6));
  const std::vector<double> g = grad(loss, logits).to_vector();
  CHECK(g[0] == Approx(-small / (1 + small)).epsilon(1e-6));
  CHECK(g[1] == Approx(small / 2 / (1 + small)).epsilon(1e-6));
  const Tensor p = softmax(logits, 1);
  const std::vector<double> slope = grad(slice(p, 1, 0, 1), logits).to_vector();
  CHECK(slope[0] == Approx(small / (1 + small) / (1 + small)).epsilon(1e-6));
  CHECK(logsumexp(from_values({0, -40}, {2}), {0}).item() == Approx(std::exp(-40.0)).epsilon(1e-6));
  const Tensor x = from_values({15}, {1}).requires_grad_();
  const Tensor bce = binary_cross_entropy_with_logits(x, ones({1}));
  CHECK(bce.item() == Approx(3.059022269e-7).epsilon(1e-6));
}
