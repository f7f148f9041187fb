#include "tools/explain/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <optional>
#include <span>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/text.h"
#include "tools/explain/functions.h"

namespace saccade::study {

namespace {

std::size_t index_of(std::string_view name) {
  const auto found = std::find_if(functions_table().begin(), functions_table().end(),
                                  [&](const Function& f) { return f.name == name; });
  return static_cast<std::size_t>(found - functions_table().begin());
}

// "at character 6, 'tahn(x)'"
std::string place(std::string_view text, std::size_t at) {
  if (at >= text.size()) return "at its end";
  const std::string_view rest = text.substr(at, 20);
  return fmt::format("at character {}, '{}{}'", at + 1, printable(rest), at + 20 < text.size() ? "..." : "");
}

[[noreturn]] void refuse(std::string_view text, std::size_t at, const std::string& why) {
  throw ConfigError(fmt::format("the expression, {}: {}", place(text, at), why));
}

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// A number at `at`, behind which `at` then is; it has no sign.
std::optional<double> number_at(std::string_view text, std::size_t& at) {
  double value = 0;
  const char* begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  at += static_cast<std::size_t>(end - begin);
  return value;
}

}  // namespace

// Dijkstra's shunting yard: operators wait on a stack until what they apply to is there.
class ExpressionParser {
 public:
  explicit ExpressionParser(Expression& made) : made_(made), text_(made.text_) {}

  void parse() {
    while (skip_space(), at_ < text_.size()) wants_operand_ ? operand() : after_operand();
    if (wants_operand_) refuse(text_, at_, text_.empty() ? "it is empty" : "something is missing here");
    apply_until_bracket();
    if (!waiting_.empty()) refuse(text_, waiting_.back().at, "this bracket is not closed");
  }

 private:
  struct Waiting {
    std::size_t function;  // whose call it is; of a bracket alone, kNone
    int precedence;        // 0: a bracket
    std::size_t at;
    std::size_t arguments = 0;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static constexpr int kSum = 1, kProduct = 2, kSign = 3, kPower = 4;

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void operand() {
    const std::size_t start = at_;
    const char c = text_[at_];
    if (c == '-' || c == '+') {
      ++at_;
      if (c == '-') wait({index_of("neg"), kSign, start});
    } else if (c == '(') {
      ++at_;
      wait({kNone, 0, start});
    } else if (is_digit(c) || c == '.') {
      const std::optional<double> value = number_at(text_, at_);
      if (!value) refuse(text_, start, "this is no number that a double can hold");
      push({.kind = Step::Kind::number, .number = *value, .at = start});
      wants_operand_ = false;
    } else if (begins_name(c)) {
      name();
    } else {
      refuse(text_, start, "expected a number, a name, a function or '('");
    }
  }

  void name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (begins_name(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string word = text_.substr(start, at_ - start);
    if (word.size() > 50) refuse(text_, start, "a name has at most 50 characters");
    skip_space();
    if (at_ < text_.size() && text_[at_] == '(') {
      const std::size_t function = index_of(word);
      if (function == functions_table().size()) {
        const std::string near = nearest(word, Expression::functions());
        refuse(text_, start,
               fmt::format("there is no function '{}'; {}", word,
                           near.empty() ? "saccade explain --help lists them"
                                        : fmt::format("did you mean '{}'?", near)));
      }
      ++at_;
      wait({function, 0, start, 1});
      return;
    }
    const auto known = std::find(made_.names_.begin(), made_.names_.end(), word);
    const auto index = static_cast<std::size_t>(known - made_.names_.begin());
    if (known == made_.names_.end()) made_.names_.push_back(word);
    push({.kind = Step::Kind::name, .index = index, .at = start});
    wants_operand_ = false;
  }

  void after_operand() {
    const std::size_t start = at_;
    const char c = text_[at_++];
    if (c == ')') return close(start);
    if (c == ',') {
      apply_until_bracket();
      if (waiting_.empty() || waiting_.back().function == kNone)
        refuse(text_, start, "a comma belongs between a function's arguments");
      ++waiting_.back().arguments;
      wants_operand_ = true;
      return;
    }
    if (c == '*' && at_ < text_.size() && text_[at_] == '*') {
      ++at_;
      return infix("pow", kPower, start);
    }
    switch (c) {
      case '+':
        return infix("add", kSum, start);
      case '-':
        return infix("sub", kSum, start);
      case '*':
        return infix("mul", kProduct, start);
      case '/':
        return infix("div", kProduct, start);
      case '^':
        return infix("pow", kPower, start);
      default:
        refuse(text_, start, "expected an operator, such as * or +");
    }
  }

  // Powers bind to the right, and a power's exponent may have a sign.
  void infix(const char* function, int precedence, std::size_t start) {
    while (!waiting_.empty() && (precedence == kPower ? waiting_.back().precedence > kPower
                                                      : waiting_.back().precedence >= precedence)) {
      apply();
    }
    wait({index_of(function), precedence, start, 2});
    wants_operand_ = true;
  }

  void close(std::size_t start) {
    apply_until_bracket();
    if (waiting_.empty()) refuse(text_, start, "there is no bracket that this closes");
    const Waiting bracket = waiting_.back();
    waiting_.pop_back();
    if (bracket.function != kNone) call(bracket.function, bracket.arguments, bracket.at);
  }

  void wait(const Waiting& what) {
    waiting_.push_back(what);
    wants_operand_ = true;
    if (waiting_.size() > Expression::kMostDepth)
      refuse(
          text_, what.at,
          fmt::format("more than {} brackets and operators lie within each other", Expression::kMostDepth));
  }

  void apply() {
    const Waiting top = waiting_.back();
    waiting_.pop_back();
    call(top.function, top.precedence == kSign ? 1 : 2, top.at);
  }

  void apply_until_bracket() {
    while (!waiting_.empty() && waiting_.back().precedence != 0) apply();
  }

  void call(std::size_t index, std::size_t arguments, std::size_t at) {
    const Function& f = functions_table()[index];
    if (arguments < f.least || arguments > f.most) {
      refuse(
          text_, at,
          fmt::format("{} takes {} argument{}, and here are {}", f.name,
                      f.least == f.most ? std::to_string(f.least) : fmt::format("{} to {}", f.least, f.most),
                      f.most == 1 ? "" : "s", arguments));
    }
    std::vector<Step>& steps = made_.steps_;
    const bool numbers = std::all_of(steps.end() - static_cast<std::ptrdiff_t>(arguments), steps.end(),
                                     [](const Step& s) { return s.kind == Step::Kind::number; });
    if (f.number != nullptr && numbers) {
      const double b = steps.back().number, a = arguments == 1 ? b : steps[steps.size() - 2].number;
      steps.resize(steps.size() - arguments);
      push({.kind = Step::Kind::number, .number = f.number(a, b), .at = at});
      return;
    }
    push({.kind = Step::Kind::call, .index = index, .arguments = arguments, .at = at});
  }

  using Step = Expression::Step;

  void push(const Step& step) {
    made_.steps_.push_back(step);
    if (made_.steps_.size() > Expression::kMostSteps)
      refuse(text_, step.at, fmt::format("it has more than {} parts", Expression::kMostSteps));
  }

  Expression& made_;
  const std::string& text_;
  std::size_t at_ = 0;
  bool wants_operand_ = true;
  std::vector<Waiting> waiting_;
};

Expression::Expression(std::string_view text) : text_(text) { ExpressionParser(*this).parse(); }

Tensor Expression::operator()(const std::map<std::string, Tensor>& values) const {
  std::vector<Value> stack;
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::number) {
      stack.push_back({.number = step.number});
    } else if (step.kind == Step::Kind::name) {
      const std::string& name = names_[step.index];
      const auto found = values.find(name);
      if (found != values.end())
        stack.push_back({.tensor = found->second});
      else if (name == "pi")
        stack.push_back({.number = std::numbers::pi});
      else if (name == "e")
        stack.push_back({.number = std::numbers::e});
      else if (index_of(name) < functions_table().size())
        refuse(text_, step.at, fmt::format("'{0}' is a function: {0}(...)", name));
      else
        refuse(text_, step.at, fmt::format("'{0}' has no value; give it one, such as {0}=0.5", name));
    } else {
      const std::size_t first = stack.size() - step.arguments;
      const Function& f = functions_table()[step.index];
      Tensor result;
      try {
        result = f.call(Values(stack).subspan(first));
        check_size(static_cast<double>(result.numel()));
      } catch (const Error& error) {
        refuse(text_, step.at, fmt::format("{}: {}", f.name, error.what()));
      }
      stack.resize(first);
      stack.push_back({.tensor = std::move(result)});
    }
  }
  return stack.back().as_tensor();
}

std::vector<std::string> Expression::functions() {
  std::vector<std::string> names;
  for (const Function& f : functions_table()) names.push_back(f.name);
  std::sort(names.begin(), names.end());
  return names;
}

Tensor parse_value(std::string_view name, std::string_view text) {
  constexpr std::int64_t kUnknown = -1;
  std::vector<double> values;
  std::vector<std::int64_t> sizes, counts;  // of the lists by depth; of those that are open
  std::int64_t leaf_depth = kUnknown;
  bool wants_value = true;
  std::size_t at = 0;
  const auto fail = [&](const std::string& why) {
    throw ConfigError(
        fmt::format("{}={}, {}: {}", name, text.size() > 40 ? "..." : printable(text), place(text, at), why));
  };
  while (at < text.size()) {
    const char c = text[at];
    if (is_space(c)) {
      ++at;
    } else if (wants_value && c == '[') {
      if (values.empty() ? counts.size() == 4 : static_cast<std::int64_t>(counts.size()) >= leaf_depth)
        fail(values.empty() ? "lists lie within each other at most four deep"
                            : "expected a number: rows differ");
      counts.push_back(0);
      if (sizes.size() < counts.size()) sizes.push_back(kUnknown);
      ++at;
    } else if (wants_value && (is_digit(c) || c == '.' || c == '-' || c == '+')) {
      const std::size_t start = at;
      if (c == '-' || c == '+') ++at;
      const std::optional<double> value =
          at < text.size() && text[at] != '-' ? number_at(text, at) : std::nullopt;
      if (!value || !std::isfinite(*value)) {
        at = start;
        fail("this is no number that a double can hold");
      }
      if (leaf_depth == kUnknown) leaf_depth = static_cast<std::int64_t>(counts.size());
      if (leaf_depth != static_cast<std::int64_t>(counts.size())) fail("expected a list here: rows differ");
      values.push_back(c == '-' ? -*value : *value);
      if (static_cast<std::int64_t>(values.size()) > Expression::kMostElements)
        fail(fmt::format("it has more than {} numbers", Expression::kMostElements));
      if (!counts.empty()) ++counts.back();
      wants_value = false;
    } else if (!wants_value && c == ',' && !counts.empty()) {
      wants_value = true;
      ++at;
    } else if (!wants_value && c == ']' && !counts.empty()) {
      std::int64_t& size = sizes[counts.size() - 1];
      if (size != kUnknown && size != counts.back())
        fail(fmt::format("this row has {} entries, those before it {}", counts.back(), size));
      size = counts.back();
      counts.pop_back();
      if (!counts.empty()) ++counts.back();
      ++at;
    } else {
      fail(wants_value ? "expected a number or a list of numbers, such as [1, 2, 3]"
                       : "expected nothing more here");
    }
  }
  if (wants_value || !counts.empty())
    fail(values.empty() ? "a number or a list is missing" : "a bracket is not closed");
  return from_values(values, Shape(std::span<const std::int64_t>(sizes)), DType::f64);
}

}  // namespace saccade::study
