// Automatic differentiation in a hundred lines, for numbers one at a time: the idea of the engine in
// autograd/, without what makes that one general and fast (README.md, beside this file, says what and why).
// It needs no library:
//
//     g++ -std=c++20 examples/micro.cpp -o micro && ./micro
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

// One line of the tape for each operation: its value, and for each of its inputs, by line, how fast the value
// changes with that input while the others stay: the local derivative.
struct Edge {
  std::size_t input;
  double slope;
};
struct Line {
  const char* op;
  double value;
  std::vector<Edge> edges;
  double gradient = 0;
};
std::vector<Line> tape;

// A number that remembers where on the tape it is.
struct Var {
  std::size_t line;
  double value() const { return tape[line].value; }
  double gradient() const { return tape[line].gradient; }
};

Var record(const char* op, double value, std::vector<Edge> edges) {
  tape.push_back({op, value, std::move(edges)});
  return {tape.size() - 1};
}
Var input(const char* name, double value) { return record(name, value, {}); }

// An operation is one function: the value, and beside it the slopes.
Var operator+(Var a, Var b) { return record("+", a.value() + b.value(), {{a.line, 1}, {b.line, 1}}); }
Var operator-(Var a, Var b) { return record("-", a.value() - b.value(), {{a.line, 1}, {b.line, -1}}); }
Var operator*(Var a, Var b) {
  return record("*", a.value() * b.value(), {{a.line, b.value()}, {b.line, a.value()}});
}
Var exp(Var x) {
  const double y = std::exp(x.value());
  return record("exp", y, {{x.line, y}});
}
Var log(Var x) { return record("log", std::log(x.value()), {{x.line, 1 / x.value()}}); }
Var tanh(Var x) {
  // 1 / cosh^2 is 1 - tanh^2, and keeps its digits where tanh is nearly 1.
  const double c = std::cosh(x.value());
  return record("tanh", std::tanh(x.value()), {{x.line, 1 / (c * c)}});
}

// The chain rule, from the last line to the first. A line's inputs stand above it, so when its turn comes,
// everything that it went into has already given it its share, and its own gradient is complete. Where a
// number went into several operations, the shares add up: hence +=.
void backward(Var y) {
  for (Line& line : tape) line.gradient = 0;
  tape[y.line].gradient = 1;  // dy/dy
  for (std::size_t i = y.line + 1; i-- > 0;) {
    for (const Edge& edge : tape[i].edges) tape[edge.input].gradient += edge.slope * tape[i].gradient;
  }
}

using Inputs = std::vector<Var>;

// x goes in twice, so its gradient has two parts: w (1 - tanh(x w)^2) + 1.
Var twice(const Inputs& in) {
  const Var x = in[0], w = in[1];
  return tanh(x * w) + x;
}

// SAC's log pi(a) but for a constant: a = tanh(u), u = mean + exp(log_sigma) eps, where eps is drawn and
// given.
Var log_pi(const Inputs& in) {
  const Var mean = in[0], log_sigma = in[1], eps = input("eps", 0.8), one = input("one", 1);
  const Var a = tanh(mean + exp(log_sigma) * eps);
  return input("zero", 0) - log_sigma - log(one - a * a);
}

Inputs inputs(const std::vector<double>& values) {
  Inputs in;
  for (const double value : values) in.push_back(input("input", value));
  return in;
}

// The gradient by the chain rule beside how much the value changes when one input does, which takes no
// calculus.
bool check(const char* name, Var (*f)(const Inputs&), const std::vector<double>& at) {
  tape.clear();
  const Inputs in = inputs(at);
  backward(f(in));
  std::printf("\n%s\nline  op      value   inputs  gradient\n", name);
  for (std::size_t i = 0; i < tape.size(); ++i) {
    std::printf("%4zu  %-5s %8.4f   ", i, tape[i].op, tape[i].value);
    for (const Edge& edge : tape[i].edges) std::printf(" %2zu", edge.input);
    std::printf("%*s%8.4f\n", static_cast<int>(8 - 3 * tape[i].edges.size()), "", tape[i].gradient);
  }
  bool agree = true;
  for (std::size_t i = 0; i < at.size(); ++i) {
    constexpr double h = 1e-5;
    std::vector<double> above = at, below = at;
    above[i] += h;
    below[i] -= h;
    const double analytic = in[i].gradient();
    const double numeric = (f(inputs(above)).value() - f(inputs(below)).value()) / (2 * h);
    std::printf("input %zu: by the chain rule %.7f, by a difference %.7f\n", i, analytic, numeric);
    agree = agree && std::abs(analytic - numeric) < 1e-8;
  }
  return agree;
}

int main() {
  const bool first = check("tanh(x w) + x", twice, {0.5, -1.2});
  const bool second = check("log pi(a) of mean and log sigma", log_pi, {0.3, -0.5});
  return first && second ? 0 : 1;
}
