// A gradcheck's result in words.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>

#include "autograd/gradcheck.h"

namespace saccade {

namespace {

// The likely cause of a pattern in the errors.
std::string likely_cause(const InputCheck& input) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool all_zero = true, infinite = false;
  double size = 0;
  for (const ElementCheck& e : input.elements) size = std::max(size, std::abs(e.numeric));
  for (const ElementCheck& e : input.elements) {
    if (!std::isfinite(e.analytic)) infinite = true;
    if (e.analytic != 0) all_zero = false;
    if (std::abs(e.numeric) <= 1e-6 * size) continue;
    low = std::min(low, e.analytic / e.numeric);
    high = std::max(high, e.analytic / e.numeric);
  }
  if (infinite) return "the analytic gradient is not finite";
  if (all_zero) return "the analytic gradient is zero throughout: is an edge or a term missing?";
  const bool one_factor = size > 0 && high - low < 1e-3 * std::abs(high);
  if (one_factor && std::abs(high + 1) < 1e-3) return "the sign is wrong";
  if (one_factor) return fmt::format("the gradient is {:.4g} times what it should be", high);
  std::vector<double> analytic, numeric;
  for (const ElementCheck& e : input.elements) {
    analytic.push_back(e.analytic);
    numeric.push_back(e.numeric);
  }
  std::sort(analytic.begin(), analytic.end());
  std::sort(numeric.begin(), numeric.end());
  const bool permuted = std::equal(analytic.begin(), analytic.end(), numeric.begin(),
                                   [&](double a, double n) { return std::abs(a - n) <= 1e-6 * size; });
  return permuted ? "the right numbers in the wrong places: is something transposed?"
                  : "the formula, or a value that it saved, is wrong";
}

std::string index_text(std::int64_t flat, const Shape& shape) {
  Shape index = shape;
  for (std::int64_t d = shape.size() - 1; d >= 0; --d) {
    index[d] = flat % shape[d];
    flat /= shape[d];
  }
  return index.str();
}

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "ok";
    case Verdict::failed:
      return "FAILED";
    case Verdict::kink:
      return "KINK";
    default:
      return "DOMAIN EDGE";
  }
}

double ElementCheck::absolute_error() const { return std::abs(analytic - numeric); }

double ElementCheck::relative_error() const {
  const double size = std::max(std::abs(analytic), std::abs(numeric));
  return size == 0 ? 0 : absolute_error() / size;
}

const ElementCheck* InputCheck::worst() const {
  const auto worse = [](const ElementCheck& a, const ElementCheck& b) {
    const bool a_fails = a.verdict != Verdict::passed, b_fails = b.verdict != Verdict::passed;
    if (a_fails != b_fails) return b_fails;
    return a.relative_error() < b.relative_error();
  };
  const auto at = std::max_element(elements.begin(), elements.end(), worse);
  return at == elements.end() ? nullptr : &*at;
}

bool GradcheckResult::passed() const {
  return problem.empty() && std::all_of(inputs.begin(), inputs.end(), [](const InputCheck& input) {
           return std::all_of(input.elements.begin(), input.elements.end(),
                              [](const ElementCheck& e) { return e.verdict == Verdict::passed; });
         });
}

double GradcheckResult::worst_relative_error(int order) const {
  double worst = 0;
  for (const InputCheck& input : inputs) {
    for (const ElementCheck& e : input.elements) {
      // Where the absolute tolerance decides, a relative error says nothing.
      if (input.order == order && std::max(std::abs(e.analytic), std::abs(e.numeric)) > 1e-6) {
        worst = std::max(worst, e.relative_error());
      }
    }
  }
  return worst;
}

std::string GradcheckResult::explanation() const {
  if (!problem.empty()) return problem;
  for (const InputCheck& input : inputs) {
    const ElementCheck* e = input.worst();
    if (e == nullptr || e->verdict == Verdict::passed) continue;
    const std::string where =
        fmt::format("{}{} of {}", input.name, index_text(e->index, input.shape), input.shape.str());
    switch (e->verdict) {
      case Verdict::kink:
        return fmt::format("order {}, {}: the function has a corner at or near this input; move it away",
                           input.order, where);
      case Verdict::domain_edge:
        return fmt::format(
            "order {}, {}: the function is not finite next to this input; move it off the edge of the domain",
            input.order, where);
      default:
        return fmt::format("order {}, {}: analytic {:.10g}, numeric {:.10g} (+- {:.1g}); {}", input.order,
                           where, e->analytic, e->numeric, e->uncertainty, likely_cause(input));
    }
  }
  return "";
}

std::ostream& operator<<(std::ostream& out, const GradcheckResult& result) {
  for (const InputCheck& input : result.inputs) {
    const ElementCheck* e = input.worst();
    if (e == nullptr) {
      out << fmt::format("{} {}: no elements\n", input.name, input.shape.str());
      continue;
    }
    out << fmt::format(
        "order {}  {} {}  {}: worst of {} at {}: analytic {:.8g}, numeric {:.8g}, absolute error {:.1e}, "
        "relative {:.1e}\n",
        input.order, input.name, input.shape.str(), name(e->verdict), input.elements.size(),
        index_text(e->index, input.shape), e->analytic, e->numeric, e->absolute_error(), e->relative_error());
  }
  return out << (result.passed() ? "gradcheck passed\n" : "gradcheck FAILED: " + result.explanation() + "\n");
}

}  // namespace saccade
