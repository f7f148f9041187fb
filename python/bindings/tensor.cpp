// Tensor itself, and the ways to make one.
#include <fmt/format.h>

#include <memory>
#include <sstream>
#include <variant>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "base/rng.h"
#include "bindings.h"
#include "callbacks.h"
#include "casters.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

std::string repr(const Tensor& x) {
  std::ostringstream out;
  out << x;
  std::string text = out.str();
  if (x.requires_grad()) {
    text += x.body()->node->is_leaf() ? ", requires_grad" : fmt::format(", from {}", x.body()->node->op);
  }
  return text;
}

double only_element(const Tensor& x, const char* what) {
  if (x.numel() == 1) return x.item();
  throw ShapeError(fmt::format("{}: expected a tensor of one element, got {}", what, describe(x)));
}

std::optional<Tensor> optional(const Tensor& x) { return x.defined() ? std::optional(x) : std::nullopt; }

void zero_or_refuse(const Tensor& x, nb::handle value) {
  if (!value.is_none()) throw GradError("grad can be set to None alone; backward() adds to it");
  x.zero_grad();
}

void set_requires_grad(const Tensor& x, bool wanted) {
  if (wanted) {
    x.requires_grad_();
  } else if (x.requires_grad()) {
    throw GradError("requires_grad: a tensor that needs a gradient goes on needing one; use x.detach()");
  }
}

// Draws from a generator that goes on, or from a fresh one of this seed.
template <class F>
Tensor draw(std::variant<Rng*, std::uint64_t> from, const F& f) {
  if (Rng** rng = std::get_if<Rng*>(&from)) return f(**rng);
  Rng fresh(std::get<std::uint64_t>(from));
  return f(fresh);
}

}  // namespace

}  // namespace saccade::python

namespace nanobind::detail {

// A generator or a seed.
template <>
struct type_caster<std::variant<saccade::Rng*, std::uint64_t>> {
  using Draws = std::variant<saccade::Rng*, std::uint64_t>;
  NB_TYPE_CASTER(Draws, const_name("Rng | int"))

  bool from_python(handle src, uint32_t flags, cleanup_list* cleanup) noexcept {
    if (isinstance<saccade::Rng>(src)) {
      value = inst_ptr<saccade::Rng>(src);
      return true;
    }
    make_caster<std::uint64_t> seed;
    if (!seed.from_python(src, flags, cleanup)) return false;
    value = seed.value;
    return true;
  }
};

}  // namespace nanobind::detail

namespace saccade::python {

void bind_rng(nb::module_& m) {
  nb::class_<Rng>(
      m, "Rng",
      "A counter-based generator of random numbers (Philox4x32-10), the same as C++'s and with the same "
      "numbers. Functions that draw take one, which goes on, or a seed, which starts anew.")
      .def(nb::init<std::uint64_t>(), "seed"_a = 0)
      .def(
          "split", [](const Rng& rng, const std::string& name) { return rng.split(name); }, "name"_a,
          "An independent stream that depends on this one's seed and the name alone.")
      .def(
          "uniform", [](Rng& rng, double low, double high) { return rng.uniform(low, high); }, "low"_a = 0.0,
          "high"_a = 1.0, "Uniform on [low, high).")
      .def("normal", &Rng::normal, "Standard normal.")
      .def(
          "below",
          [](Rng& rng, std::uint64_t n) {
            if (n == 0) throw ConfigError("below: n is 0, expected at least 1");
            return rng.below(n);
          },
          "n"_a, "Uniform on 0, ..., n - 1.")
      .def_prop_rw(
          "state", [](const Rng& rng) { return std::pair(rng.state().key, rng.state().counter); },
          [](Rng& rng, std::pair<std::uint64_t, std::uint64_t> state) {
            rng.set_state({.key = state.first, .counter = state.second});
          },
          "Its key and counter, from which it goes on.")
      .def("__getstate__", [](const Rng& rng) { return std::pair(rng.state().key, rng.state().counter); })
      .def("__setstate__", [](Rng& rng, std::pair<std::uint64_t, std::uint64_t> state) {
        new (&rng) Rng;
        rng.set_state({.key = state.first, .counter = state.second});
      });
}

void bind_factories(nb::module_& m) {
  const DType f32 = DType::f32;
  const nb::object dtype = to_numpy(f32);
  m.def(
      "zeros", [](const Sizes& shape, DTypeName t, bool g) { return with_grad(zeros(shape, t), g); },
      "shape"_a, "dtype"_a = dtype, "requires_grad"_a = false, "A tensor of zeros.");
  m.def(
      "ones", [](const Sizes& shape, DTypeName t, bool g) { return with_grad(ones(shape, t), g); }, "shape"_a,
      "dtype"_a = dtype, "requires_grad"_a = false, "A tensor of ones.");
  m.def(
      "full",
      [](const Sizes& shape, double value, DTypeName t, bool g) {
        return with_grad(full(shape, value, t), g);
      },
      "shape"_a, "value"_a, "dtype"_a = dtype, "requires_grad"_a = false,
      "A tensor of one value throughout.");
  m.def(
      "zeros_like", [](const Array& x) { return zeros_like(x); }, "x"_a, "Zeros of x's shape and dtype.");
  m.def(
      "ones_like", [](const Array& x) { return ones_like(x); }, "x"_a, "Ones of x's shape and dtype.");
  m.def(
      "scalar", [](double value, DTypeName t, bool g) { return with_grad(scalar(value, t), g); }, "value"_a,
      "dtype"_a = dtype, "requires_grad"_a = false, "A tensor of no dimension.");
  m.def(
      "arange", [](std::int64_t n, DTypeName t, bool g) { return with_grad(arange(n, t), g); }, "n"_a,
      "dtype"_a = dtype, "requires_grad"_a = false,
      "0, 1, ..., n - 1. DTypeError where the dtype cannot count so far: f32 has no odd numbers past 2^24.");
  m.def(
      "eye", [](std::int64_t n, DTypeName t, bool g) { return with_grad(eye(n, t), g); }, "n"_a,
      "dtype"_a = dtype, "requires_grad"_a = false, "The identity matrix.");
  m.def(
      "rand",
      [](const Sizes& shape, std::variant<Rng*, std::uint64_t> rng, DTypeName t, double low, double high,
         bool g) { return with_grad(draw(rng, [&](Rng& r) { return rand(shape, r, t, low, high); }), g); },
      "shape"_a, "rng"_a, "dtype"_a = dtype, "low"_a = 0.0, "high"_a = 1.0, "requires_grad"_a = false,
      "Uniform on [low, high), drawn from an Rng or from a seed.");
  m.def(
      "randn",
      [](const Sizes& shape, std::variant<Rng*, std::uint64_t> rng, DTypeName t, bool g) {
        return with_grad(draw(rng, [&](Rng& r) { return randn(shape, r, t); }), g);
      },
      "shape"_a, "rng"_a, "dtype"_a = dtype, "requires_grad"_a = false,
      "Standard normal, drawn from an Rng or from a seed.");
}

void bind_tensor(nb::module_& m) {
  nb::class_<Tensor> tensor(
      m, "Tensor", nb::is_weak_referenceable(),
      "A handle to an n-dimensional array, and to the graph that made it. Made by tensor(), zeros(), "
      "...; two handles may stand for the same elements.");
  tensor.def_prop_ro("shape", [](const Tensor& x) { return x.shape(); })
      .def_prop_ro(
          "dtype", [](const Tensor& x) { return to_numpy(x.dtype()); },
          nb::sig("def dtype(self) -> numpy.dtype[typing.Any]"), "As NumPy's: float32, float64 or int64.")
      .def_prop_ro("ndim", &Tensor::dim, "The number of dimensions.")
      .def("dim", &Tensor::dim, "The number of dimensions.")
      .def("size", &Tensor::size, "dim"_a)
      .def("numel", &Tensor::numel, "The number of elements.")
      .def("is_contiguous", &Tensor::is_contiguous)
      .def_prop_rw("requires_grad", &Tensor::requires_grad, &set_requires_grad,
                   "Whether gradients flow to or through this tensor.")
      .def(
          "requires_grad_",
          [](nb::object self) {
            nb::cast<const Tensor&>(self).requires_grad_();
            return self;
          },
          nb::sig("def requires_grad_(self) -> Tensor"),
          "Marks a leaf as one to differentiate with respect to, and returns it.")
      .def_prop_rw(
          "grad", [](const Tensor& x) { return x.requires_grad() ? optional(x.grad()) : std::nullopt; },
          &zero_or_refuse, nb::for_setter(nb::arg("value").none()),
          "The sum of this leaf's gradients from backward(); None before the first, and where it needs none.")
      .def("zero_grad", &Tensor::zero_grad, "Forgets grad.")
      .def(
          "backward",
          [](const Tensor& y, std::optional<Array> gradient, std::optional<bool> retain_graph,
             bool create_graph) {
            GradOptions options{.create_graph = create_graph, .retain_graph = retain_graph};
            if (gradient) options.grad_outputs = {gradient->tensor()};
            const Tensor output = y;
            const nb::gil_scoped_release release;
            backward(output, options);
          },
          "gradient"_a = nb::none(), "retain_graph"_a = nb::none(), "create_graph"_a = false,
          "Adds the gradient of this tensor, of one element or weighted by `gradient`, to the grad of every "
          "leaf below "
          "it.")
      .def(
          "register_hook",
          [](const Tensor& x, nb::callable f) {
            x.register_hook(
                [f = Callback(std::move(f))](const Tensor& g) { return f.tensor_or_undefined(g); });
          },
          "hook"_a,
          nb::sig("def register_hook(self, hook: collections.abc.Callable[[Tensor], Tensor | None]) -> None"),
          "Calls hook with this tensor's gradient in each backward pass. A tensor that it returns takes the "
          "gradient's "
          "place.")
      .def("detach", &Tensor::detach, "The same elements without the graph.")
      .def(
          "item",
          [](const Tensor& x) -> nb::object {
            const double value = x.item();
            return is_float(x.dtype()) ? nb::cast(value) : nb::object(nb::int_(*x.data<std::int64_t>()));
          },
          nb::sig("def item(self) -> float"), "The only element, as Python's number.")
      .def(
          "tolist", [](nb::handle self) { return self.attr("numpy")().attr("tolist")(); },
          nb::sig("def tolist(self) -> typing.Any"), "Nested lists of the elements.")
      .def(
          "copy_",
          [](nb::object self, const Array& source) {
            nb::cast<const Tensor&>(self).copy_(source);
            return self;
          },
          "source"_a, nb::sig("def copy_(self, source: Tensor | numpy.typing.NDArray[typing.Any]) -> Tensor"),
          "Overwrites the elements in place, outside any graph.")
      .def(
          "fill_",
          [](nb::object self, double value) {
            nb::cast<const Tensor&>(self).fill_(value);
            return self;
          },
          "value"_a, nb::sig("def fill_(self, value: float) -> Tensor"))
      .def("__len__",
           [](const Tensor& x) {
             if (x.dim() == 0) throw nb::type_error("a tensor of no dimension has no length");
             return x.size(0);
           })
      .def("__repr__", &repr)
      .def("__hash__", [](nb::handle self) { return reinterpret_cast<std::intptr_t>(self.ptr()) >> 4; })
      .def("__float__", [](const Tensor& x) { return only_element(x, "float"); })
      .def("__int__",
           [](const Tensor& x) {
             only_element(x, "int");
             return nb::int_(nb::cast(x).attr("item")());
           })
      .def("__bool__", [](const Tensor& x) { return only_element(x, "bool") != 0; })
      .def(
          "__getstate__",
          [](nb::handle self) {
            const auto& x = nb::cast<const Tensor&>(self);
            if (x.requires_grad() && !x.body()->node->is_leaf()) {
              throw GradError(
                  fmt::format("pickle: this tensor is the result of '{}', and a graph cannot be pickled; use "
                              "x.detach()",
                              x.body()->node->op));
            }
            return nb::make_tuple(self.attr("numpy")().attr("copy")(), x.requires_grad());
          },
          nb::sig("def __getstate__(self) -> tuple[numpy.typing.NDArray[typing.Any], bool]"))
      .def(
          "__setstate__",
          [](Tensor& x, std::pair<AnyArray, bool> state) {
            const Tensor shared = share(state.first, true);
            new (&x) Tensor(empty(shared.shape(), shared.dtype()));
            x.copy_(shared);
            if (state.second) x.requires_grad_();
          },
          nb::sig("def __setstate__(self, state: tuple[numpy.typing.NDArray[typing.Any], bool], /) -> None"));
  bind_ops(m, tensor);
  bind_indexing(tensor);
  bind_arrays(m, tensor);
  bind_rng(m);
  bind_factories(m);
}

}  // namespace saccade::python
