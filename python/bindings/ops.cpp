// The ops of autograd/ops.h, as functions and as methods of Tensor; those between two tensors or a tensor and
// a number are in operators.cpp.
#include "autograd/ops.h"

#include <fmt/format.h>

#include <string_view>

#include "base/error.h"
#include "bindings.h"
#include "casters.h"
#include "operators.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

using Dims = std::optional<Sizes>;

// One of a few words.
template <class E>
E choice(const char* what, const std::string& given,
         std::initializer_list<std::pair<std::string_view, E>> words) {
  std::string known;
  for (const auto& [word, value] : words) {
    if (given == word) return value;
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", word);
  }
  throw ConfigError(fmt::format("{} is \"{}\", expected one of {}", what, given, known));
}

Reduction reduction_of(const std::string& word) {
  return choice<Reduction>("reduction", word,
                           {{"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}});
}

Tensor optional(const std::optional<Array>& x) { return x ? x->tensor() : Tensor(); }

TensorList list_of(const std::vector<Array>& x) {
  TensorList list;
  for (const Array& one : x) list.push_back(one);
  return list;
}

nb::tuple tuple_of(const TensorList& x) {
  nb::list list;
  for (const Tensor& one : x) list.append(one);
  return nb::tuple(list);
}

void bind_pointwise(const Both& def) {
  const auto unary = [&](const char* name, Tensor (*f)(const Tensor&), const char* doc) {
    def(
        name,
        [f](const Array& x) {
          const Tensor t = x;
          return run(t.numel(), [&] { return f(t); });
        },
        "x", doc);
  };
  unary("neg", neg, "-x");
  unary("exp", exp, "e^x");
  unary("log", log, "The natural logarithm.");
  unary("log1p", log1p, "log(1 + x)");
  unary("expm1", expm1, "e^x - 1");
  unary("sqrt", sqrt, "The square root.");
  unary("rsqrt", rsqrt, "1 / sqrt(x)");
  unary("square", square, "x^2");
  unary("reciprocal", reciprocal, "1 / x");
  unary("abs", abs, "|x|; gradient 0 at 0.");
  unary("sign", sign, "-1, 0 or 1.");
  unary("floor", floor, "The largest whole number that is not above x.");
  unary("sin", sin, "The sine.");
  unary("cos", cos, "The cosine.");
  unary("atan", atan, "The arc tangent.");
  unary("erf", erf, "The error function.");
  unary("tanh", tanh, "The hyperbolic tangent.");
  unary("sigmoid", sigmoid, "1 / (1 + e^-x)");
  unary("softplus", softplus, "log(1 + e^x), exact for every x: no threshold.");
  unary("logsigmoid", logsigmoid, "log sigmoid(x)");
  unary("relu", relu, "max(x, 0); gradient 0 at 0.");
  unary("silu", silu, "x sigmoid(x)");
  unary("mish", mish, "x tanh(softplus(x))");
  def(
      "relu_grad", [](const Array& g, const Array& y) { return relu_grad(g, y); }, "g", "y"_a,
      "g where y = relu(x) is above 0 (or NaN), else 0: relu's gradient. Constant in y.");
  def(
      "leaky_relu", [](const Array& x, double slope) { return leaky_relu(x, slope); }, "x",
      "negative_slope"_a = 0.01, "x where it is above 0, else negative_slope x.");
  def(
      "elu", [](const Array& x, double alpha) { return elu(x, alpha); }, "x", "alpha"_a = 1.0,
      "x where it is above 0, else alpha (e^x - 1).");
  def(
      "gelu",
      [](const Array& x, const std::string& form) {
        return gelu(x, choice<Gelu>("form", form, {{"erf", Gelu::erf}, {"tanh", Gelu::tanh}}));
      },
      "x", "form"_a = "erf", "x Phi(x), with Phi by erf or by its tanh approximation.");
}

// sum(x), sum(x, dims, keepdim).
void bind_reductions(const Both& def) {
  const auto over = [&](const char* name, Tensor (*all)(const Tensor&),
                        Tensor (*some)(const Tensor&, const Shape&, bool), const char* doc) {
    def(
        name,
        [all, some](const Array& x, const Dims& dims, bool keepdim) {
          const Tensor t = x;
          return run(t.numel(), [&] {
            if (dims) return some(t, *dims, keepdim);
            return keepdim ? reshape(all(t), Shape::filled(t.dim(), 1)) : all(t);
          });
        },
        "x", "dims"_a = nb::none(), "keepdim"_a = false, doc);
  };
  over("sum", sum, sum, "The sum over all dimensions, or those given, kept with size 1 if keepdim.");
  over("mean", mean, mean, "The mean over all dimensions, or those given.");
  over("amax", amax, amax, "The largest; ties share the gradient evenly.");
  over("amin", amin, amin, "The smallest; ties share the gradient evenly.");
  const auto spread = [&](const char* name, Tensor (*f)(const Tensor&, const Shape&, bool, bool),
                          const char* doc) {
    def(
        name,
        [f](const Array& x, const Dims& dims, bool unbiased, bool keepdim) {
          const Tensor t = x;
          Shape every;
          for (std::int64_t d = 0; d < t.dim(); ++d) every.push_back(d);
          return run(t.numel(), [&] { return f(t, dims ? Shape(*dims) : every, unbiased, keepdim); });
        },
        "x", "dims"_a = nb::none(), "unbiased"_a = true, "keepdim"_a = false, doc);
  };
  spread("var", var, "The variance; divides by n - 1 if unbiased, by n if not.");
  spread("std", saccade::std, "The standard deviation; divides by n - 1 if unbiased, by n if not.");
  const auto along = [&](const char* name, auto f, const char* doc) {
    def(
        name,
        [f](const Array& x, std::int64_t dim, bool keepdim) {
          const Tensor t = x;
          return run(t.numel(), [&] { return f(t, dim, keepdim); });
        },
        "x", "dim"_a, "keepdim"_a = false, doc);
  };
  along(
      "max", [](const Tensor& x, std::int64_t d, bool keep) { return max(x, d, keep); },
      "Values and indices (int64) along one dimension; of a tie, the first takes all of the gradient.");
  along(
      "min", [](const Tensor& x, std::int64_t d, bool keep) { return min(x, d, keep); },
      "Values and indices (int64) along one dimension; of a tie, the first takes all of the gradient.");
  along("argmax", argmax, "The indices (int64) of the largest along one dimension.");
  along("prod", prod, "The product along one dimension.");
  def(
      "logsumexp",
      [](const Array& x, const Sizes& dims, bool keepdim) {
        const Tensor t = x;
        return run(t.numel(), [&] { return logsumexp(t, dims, keepdim); });
      },
      "x", "dims"_a, "keepdim"_a = false, "log sum e^x over the dimensions given.");
  const auto dimension = [&](const char* name, Tensor (*f)(const Tensor&, std::int64_t), const char* doc) {
    def(
        name,
        [f](const Array& x, std::int64_t dim) {
          const Tensor t = x;
          return run(t.numel(), [&] { return f(t, dim); });
        },
        "x", "dim"_a, doc);
  };
  dimension("softmax", softmax, "e^x / sum e^x along one dimension.");
  dimension("log_softmax", log_softmax, "log softmax(x)");
  dimension("cumsum", cumsum, "Sums of the elements so far.");
  def(
      "sum_to", [](const Array& x, const Sizes& shape) { return sum_to(x, shape); }, "x", "shape"_a,
      "The sum over the dimensions that broadcasting `shape` to x's shape adds or stretches: the gradient of "
      "expand.");
}

void bind_views(const Both& def) {
  def(
      "reshape", [](const Array& x, const Sizes& shape) { return reshape(x, shape); }, "x", "shape"_a,
      "Another shape, as a view where it can be; one size may be -1: what is left.");
  def(
      "contiguous", [](const Array& x) { return contiguous(x); }, "x",
      "The same in row-major order, copied if it must be.");
  def(
      "to", [](const Array& x, DTypeName dtype) { return to(x, dtype); }, "x", "dtype"_a,
      "The same values in another dtype. DTypeError where an integer would not stay the same.");
  def(
      "transpose",
      [](const Array& x, std::int64_t dim0, std::int64_t dim1) { return transpose(x, dim0, dim1); }, "x",
      "dim0"_a = -2, "dim1"_a = -1,
      "Two dimensions exchanged, the last two unless others are given: a view.");
  def(
      "permute", [](const Array& x, const Sizes& dims) { return permute(x, dims); }, "x", "dims"_a,
      "The dimensions in another order: a view.");
  def(
      "expand", [](const Array& x, const Sizes& shape) { return expand(x, shape); }, "x", "shape"_a,
      "Broadcasting, by strides of 0. Sizes of -1 stay as they are.");
  def(
      "slice",
      [](const Array& x, std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step) {
        return slice(x, dim, start, stop, step);
      },
      "x", "dim"_a, "start"_a, "stop"_a, "step"_a = 1,
      "Elements start, start + step, ... before stop: a view.");
  def(
      "select", [](const Array& x, std::int64_t dim, std::int64_t index) { return select(x, dim, index); },
      "x", "dim"_a, "index"_a, "One index of one dimension, which goes: a view.");
  def(
      "unsqueeze", [](const Array& x, std::int64_t dim) { return unsqueeze(x, dim); }, "x", "dim"_a,
      "A new dimension of size 1: a view.");
  def(
      "squeeze", [](const Array& x, std::int64_t dim) { return squeeze(x, dim); }, "x", "dim"_a,
      "Drops a dimension of size 1; another size stays.");
  def(
      "flatten",
      [](const Array& x, std::int64_t first, std::int64_t last) { return flatten(x, first, last); }, "x",
      "first"_a = 0, "last"_a = -1, "Dimensions first to last as one.");
  def(
      "split",
      [](const Array& x, const Sizes& sizes, std::int64_t dim) { return tuple_of(split(x, sizes, dim)); },
      "x", "sizes"_a, "dim"_a,
      nb::sig("def split(x: Tensor | numpy.typing.NDArray[typing.Any], sizes: collections.abc.Sequence[int], "
              "dim: int) -> "
              "tuple[Tensor, ...]"),
      "Parts of these sizes: views.");
  def(
      "chunk",
      [](const Array& x, std::int64_t chunks, std::int64_t dim) { return tuple_of(chunk(x, chunks, dim)); },
      "x", "chunks"_a, "dim"_a,
      nb::sig("def chunk(x: Tensor | numpy.typing.NDArray[typing.Any], chunks: int, dim: int) -> "
              "tuple[Tensor, ...]"),
      "So many parts: views.");
  def(
      "flip", [](const Array& x, const Sizes& dims) { return flip(x, dims); }, "x", "dims"_a,
      "The dimensions turned around: a copy.");
  def.m.def(
      "cat", [](const std::vector<Array>& x, std::int64_t dim) { return cat(list_of(x), dim); }, "x"_a,
      "dim"_a = 0, "Tensors one after the other along a dimension.");
  def.m.def(
      "stack", [](const std::vector<Array>& x, std::int64_t dim) { return stack(list_of(x), dim); }, "x"_a,
      "dim"_a = 0, "Tensors along a new dimension.");
  def.tensor.def_prop_ro(
      "T", [](const Tensor& x) { return transpose(x); }, "The last two dimensions exchanged: a view.");
}

void bind_index_ops(const Both& def) {
  def(
      "gather", [](const Array& x, std::int64_t dim, const Array& index) { return gather(x, dim, index); },
      "x", "dim"_a, "index"_a, "y[i][j] = x[index[i][j]][j] for dim 0, and so on, as torch.gather.");
  def(
      "sort", [](const Array& x, std::int64_t dim) { return sort(x, dim); }, "x", "dim"_a = -1,
      "Values from the smallest to the largest along one dimension, NaN last, and their indices (int64).");
  def(
      "scatter_add",
      [](const Array& x, const Sizes& shape, std::int64_t dim, const Array& index) {
        return scatter_add(x, shape, dim, index);
      },
      "x", "shape"_a, "dim"_a, "index"_a,
      "Zeros of `shape` with x[i][j] added at [index[i][j]][j] for dim 0: the gradient of gather.");
  def(
      "index_select",
      [](const Array& x, std::int64_t dim, const Array& index) { return index_select(x, dim, index); }, "x",
      "dim"_a, "index"_a, "The slices that a one-dimensional index names.");
  def(
      "one_hot",
      [](const Array& index, std::int64_t classes, std::optional<DTypeName> dtype) {
        return one_hot(index, classes, dtype ? std::optional<DType>(*dtype) : std::nullopt);
      },
      "index", "classes"_a, "dtype"_a = nb::none(),
      "1 at the index, else 0: float32 unless the index is a float itself.");
  def(
      "tril", [](const Array& x, std::int64_t diagonal) { return tril(x, diagonal); }, "x", "diagonal"_a = 0,
      "The lower triangle of the last two dimensions; the rest is 0.");
  def(
      "triu", [](const Array& x, std::int64_t diagonal) { return triu(x, diagonal); }, "x", "diagonal"_a = 0,
      "The upper triangle of the last two dimensions; the rest is 0.");
}

void bind_products_and_losses(const Both& def) {
  def("matmul", &matmul_any, "a", "b"_a,
      "As torch.matmul: vectors, matrices, and batches of matrices that broadcast.");
  def.m.def(
      "linear",
      [](const Array& x, const Array& weight, const std::optional<Array>& bias,
         const std::string& activation) {
        const Tensor t = x, w = weight, b = optional(bias);
        const auto chosen = choice<Activation>(
            "activation", activation,
            {{"none", Activation::none}, {"relu", Activation::relu}, {"tanh", Activation::tanh}});
        return run(t.numel() * (w.dim() > 1 ? w.size(-2) : 1), [&] { return linear(t, w, b, chosen); });
      },
      "x"_a, "weight"_a, "bias"_a = nb::none(), "activation"_a = "none",
      "activation(x W^T + b), in one pass; an ensemble of n where W is (n, out, in) and b (n, out).");
  def.m.def(
      "layer_norm",
      [](const Array& x, const std::optional<Array>& weight, const std::optional<Array>& bias, double eps) {
        return layer_norm(x, optional(weight), optional(bias), eps);
      },
      "x"_a, "weight"_a = nb::none(), "bias"_a = nb::none(), "eps"_a = 1e-5, "Over the last dimension.");
  const auto loss = [&](const char* name, Tensor (*f)(const Tensor&, const Tensor&, Reduction),
                        const char* first, const char* doc) {
    def.m.def(
        name,
        [f](const Array& x, const Array& target, const std::string& reduction) {
          const Tensor t = x, goal = target;
          const Reduction chosen = reduction_of(reduction);
          return run(t.numel(), [&] { return f(t, goal, chosen); });
        },
        nb::arg(first), "target"_a, "reduction"_a = "mean", doc);
  };
  loss("mse_loss", mse_loss, "x", "(x - target)^2");
  loss("l1_loss", l1_loss, "x", "|x - target|");
  loss("cross_entropy", cross_entropy, "logits", "Of logits (n, classes) and class indices (n).");
  loss("binary_cross_entropy_with_logits", binary_cross_entropy_with_logits, "logits",
       "Of logits and targets from 0 to 1, element by element.");
  def.m.def(
      "huber_loss",
      [](const Array& x, const Array& target, const std::string& reduction, double delta) {
        return huber_loss(x, target, reduction_of(reduction), delta);
      },
      "x"_a, "target"_a, "reduction"_a = "mean", "delta"_a = 1.0, "Squared to delta, linear beyond.");
  def.m.def(
      "smooth_l1_loss",
      [](const Array& x, const Array& target, const std::string& reduction, double beta) {
        return smooth_l1_loss(x, target, reduction_of(reduction), beta);
      },
      "x"_a, "target"_a, "reduction"_a = "mean", "beta"_a = 1.0, "The Huber loss divided by beta.");
}

}  // namespace

void bind_ops(nb::module_& m, nb::object& tensor_class) {
  auto& tensor = static_cast<Class&>(tensor_class);
  const Both def{m, tensor};
  bind_operators(def);
  bind_pointwise(def);
  bind_reductions(def);
  bind_views(def);
  bind_index_ops(def);
  bind_products_and_losses(def);
}

}  // namespace saccade::python
