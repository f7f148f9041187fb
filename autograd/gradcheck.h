// Checking gradients against finite differences, for any function of tensors. The answer is a value that says
// what was compared and where it is worst; print it.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace saccade {

/// A function from tensors to tensors. It must not keep state between calls.
using TensorFunction = std::function<TensorList(const TensorList&)>;

struct GradcheckOptions {
  /// 1: gradients. 2: the gradients' own gradients too.
  int order = 1;
  /// An element passes if |analytic - numeric| <= absolute + relative * max(|analytic|, |numeric|).
  double relative = 1e-6;
  double absolute = 1e-8;
  /// The first and largest step of the finite differences, times max(1, |x|); halved down to 2^-7 of that.
  double step = 0x1p-6;
  /// Compare one random direction per input instead of every element: for large inputs.
  bool fast = false;
  /// For the random weights of outputs and directions.
  std::uint64_t seed = 0;
  /// Names for the inputs in the report; by default input 0, input 1, ...
  std::vector<std::string> names = {};
};

enum class Verdict {
  passed,
  failed,       // analytic and numeric differ
  kink,         // the function has a corner here or within the steps: no derivative to compare with
  domain_edge,  // the function is not finite within the smallest step
};
const char* name(Verdict verdict);

/// One element of one input; or in fast mode, one direction.
struct ElementCheck {
  std::int64_t index = 0;  // in row-major order
  double analytic = 0;
  double numeric = 0;
  double step = 0;         // the step that the chosen numeric estimate rests on
  double uncertainty = 0;  // the numeric estimate's own error, as extrapolation sees it
  Verdict verdict = Verdict::passed;

  double absolute_error() const;
  double relative_error() const;
};

struct InputCheck {
  std::string name;
  Shape shape;
  int order = 1;
  std::vector<ElementCheck> elements;
  /// The element with the largest error, a failing one before any other; null if there are none.
  const ElementCheck* worst() const;
};

struct GradcheckResult {
  std::vector<InputCheck> inputs;  // of order 1, then of order 2
  /// A failure that is no single number, such as an exception or a result that is not the same twice; or
  /// empty.
  std::string problem;

  bool passed() const;
  double worst_relative_error(int order) const;
  /// One line on why it failed, with the likely cause; empty if it passed.
  std::string explanation() const;
};

std::ostream& operator<<(std::ostream& out, const GradcheckResult& result);

/// Compares the gradients of f at `inputs` with central differences in f64 (inputs are converted, and so are
/// f32 tensors that f holds itself, where they meet an input). All outputs are weighted by fixed random
/// numbers and added, so that each element of each input has one derivative; the derivative's numeric value
/// is extrapolated to step 0 from eight steps (Ridders 1982), and the estimate with the smallest error is
/// taken. For order 2 the same is done to the gradient, with respect to the inputs and to the weights. f is
/// run twice and must give the same bits. An exception in f makes a failed result, not an exception here.
GradcheckResult gradcheck(const TensorFunction& f, const TensorList& inputs,
                          const GradcheckOptions& options = {});

/// The same for a function of one, two, ... tensors: gradcheck([](Tensor x) { return tanh(x); }, x).
template <class F, class... X>
requires std::is_invocable_r_v<Tensor, const F&, const Tensor&, const X&...> GradcheckResult
gradcheck(const F& f, const Tensor& first, const X&... rest) {
  return gradcheck(
      [&f]<std::size_t... I>(std::index_sequence<I...>) {
        return [&f](const TensorList& x) { return TensorList{f(x[I]...)}; };
      }(std::index_sequence_for<Tensor, X...>{}),
      TensorList{first, rest...});
}

}  // namespace saccade
