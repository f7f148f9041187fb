// Any text as an expression, and as a value: it is computed and differentiated, or refused by ConfigError.
#include "tools/explain/expression.h"

#include "autograd/explain.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t line = text.find('\n');
  try {
    const std::string_view value =
        line == std::string_view::npos ? "[[1, -2], [0.5, 3]]" : text.substr(line + 1);
    const Tensor x = study::parse_value("x", value).requires_grad_(),
                 w = scalar(-1.2, DType::f64).requires_grad_();
    fuzz::check(x.numel() <= study::Expression::kMostElements, "values are of bounded size");
    const study::Expression expression(text.substr(0, line));
    const auto f = [&] { return sum(expression({{"x", x}, {"w", w}})); };
    const Tensor y = f();
    fuzz::check(y.numel() == 1, "a sum is one number");
    if (!y.requires_grad() || x.numel() > 100) return 0;
    try {
      const Explanation e = explain(f, {{"x", x}}, {.small = 4, .numeric = false});
      fuzz::check(!to_text(e).empty() && !e.steps.empty(), "what can be differentiated can be explained");
    } catch (const GradError&) {  // it has no x in it
    }
  } catch (const ConfigError& error) {
    fuzz::check(std::string_view(error.what()).size() < 2000, "messages are short");
  } catch (const ShapeError&) {  // sum of no elements, and the like
  }
  return 0;
}
