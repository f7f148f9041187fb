// Differentiation: grad, what functional.h builds on it, and checks against finite differences.
#include "autograd/grad.h"

#include <fmt/format.h>

#include <sstream>

#include "autograd/anomaly.h"
#include "autograd/functional.h"
#include "autograd/gradcheck.h"
#include "autograd/modes.h"
#include "bindings.h"
#include "callbacks.h"
#include "casters.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

// What was one tensor in is one tensor out; several are a tuple.
nb::object like(nb::handle given, const TensorList& x) {
  if (nb::isinstance<Tensor>(given)) return nb::cast(x[0]);
  return nb::tuple(to_python(x));
}

nb::object grad_of(nb::handle outputs, nb::handle inputs, nb::handle grad_outputs, bool create_graph,
                   std::optional<bool> retain_graph, bool allow_unused) {
  const TensorList y = to_list(outputs, "grad: an output"), x = to_list(inputs, "grad: an input");
  GradOptions options{
      .create_graph = create_graph, .retain_graph = retain_graph, .allow_unused = allow_unused};
  if (!grad_outputs.is_none()) options.grad_outputs = to_list(grad_outputs, "grad: one of grad_outputs");
  TensorList gradients;
  {
    const nb::gil_scoped_release release;
    gradients = grad(y, x, options);
  }
  return like(inputs, gradients);
}

TensorFunction several(nb::callable f) {
  return [f = Callback(std::move(f))](const TensorList& x) { return f.tensors(x); };
}
Function one(nb::callable f) {
  return [f = Callback(std::move(f))](const Tensor& x) { return f.tensor({x}); };
}

std::string text_of(const GradcheckResult& result) {
  std::ostringstream out;
  out << result;
  return out.str();
}

GradcheckResult check(nb::callable f, nb::handle inputs, int order, double relative, double absolute,
                      double step, bool fast, std::uint64_t seed, std::vector<std::string> names) {
  const NotePythonErrors errors;
  GradcheckResult result = gradcheck(several(std::move(f)), to_list(inputs, "gradcheck: an input"),
                                     {.order = order,
                                      .relative = relative,
                                      .absolute = absolute,
                                      .step = step,
                                      .fast = fast,
                                      .seed = seed,
                                      .names = std::move(names)});
  errors.rethrow();
  return result;
}

void bind_gradcheck(nb::module_& m) {
  nb::class_<ElementCheck>(m, "ElementCheck", "One element of one input, or in fast mode one direction.")
      .def_ro("index", &ElementCheck::index, "In row-major order.")
      .def_ro("analytic", &ElementCheck::analytic)
      .def_ro("numeric", &ElementCheck::numeric)
      .def_ro("step", &ElementCheck::step)
      .def_ro("uncertainty", &ElementCheck::uncertainty)
      .def_prop_ro("verdict", [](const ElementCheck& e) { return std::string(name(e.verdict)); })
      .def("absolute_error", &ElementCheck::absolute_error)
      .def("relative_error", &ElementCheck::relative_error);
  nb::class_<InputCheck>(m, "InputCheck")
      .def_ro("name", &InputCheck::name)
      .def_prop_ro("shape", [](const InputCheck& input) { return input.shape; })
      .def_ro("order", &InputCheck::order)
      .def_ro("elements", &InputCheck::elements);
  nb::class_<GradcheckResult>(m, "GradcheckResult",
                              "What was compared and where it is worst; true if it passed.")
      .def_ro("inputs", &GradcheckResult::inputs)
      .def_ro("problem", &GradcheckResult::problem,
              "A failure that is no single number, such as a result that is not the same twice; or empty.")
      .def("passed", &GradcheckResult::passed)
      .def("worst_relative_error", &GradcheckResult::worst_relative_error, "order"_a = 1)
      .def("explanation", &GradcheckResult::explanation, "One line on why it failed; empty if it passed.")
      .def("__bool__", &GradcheckResult::passed)
      .def("__str__", &text_of)
      .def("__repr__", &text_of);
  m.def("gradcheck", &check, "f"_a, "inputs"_a, nb::kw_only(), "order"_a = 1, "relative"_a = 1e-6,
        "absolute"_a = 1e-8, "step"_a = 0x1p-6, "fast"_a = false, "seed"_a = 0,
        "names"_a = std::vector<std::string>(),
        nb::sig("def gradcheck(f: collections.abc.Callable[..., Tensor | collections.abc.Sequence[Tensor]], "
                "inputs: Tensor | "
                "collections.abc.Sequence[Tensor], *, order: int = 1, relative: float = 1e-06, absolute: "
                "float = 1e-08, step: "
                "float = 0.015625, fast: bool = False, seed: int = 0, names: collections.abc.Sequence[str] = "
                "[]) -> "
                "GradcheckResult"),
        "Compares f's gradients at the inputs with extrapolated central differences, in float64. order=2 "
        "checks the "
        "gradients' own gradients too; fast=True one random direction an input. The result is true if all "
        "agree, and says "
        "where it is worst; what f raises, this raises.");
}

}  // namespace

void bind_gradients(nb::module_& m) {
  m.def("grad", &grad_of, "outputs"_a, "inputs"_a, "grad_outputs"_a = nb::none(), nb::kw_only(),
        "create_graph"_a = false, "retain_graph"_a = nb::none(), "allow_unused"_a = false,
        nb::sig("def grad(outputs: Tensor | collections.abc.Sequence[Tensor], inputs: Tensor | "
                "collections.abc.Sequence[Tensor], grad_outputs: Tensor | collections.abc.Sequence[Tensor] | "
                "None = None, *, "
                "create_graph: bool = False, retain_graph: bool | None = None, allow_unused: bool = False) "
                "-> typing.Any"),
        "The gradients of the outputs, weighted by grad_outputs and added, with respect to the inputs: a "
        "tensor for a tensor, "
        "a tuple for several. create_graph records them, to be differentiated again.");
  m.def(
      "vjp",
      [](nb::callable f, nb::handle x, nb::handle v, bool create_graph) {
        auto [y, g] = vjp(several(std::move(f)), to_list(x, "vjp: an input"), to_list(v, "vjp: one of v"),
                          {.create_graph = create_graph});
        return nb::make_tuple(like(v, y), like(x, g));
      },
      "f"_a, "x"_a, "v"_a, nb::kw_only(), "create_graph"_a = false,
      nb::sig("def vjp(f: collections.abc.Callable[..., Tensor | collections.abc.Sequence[Tensor]], x: "
              "Tensor | collections.abc.Sequence[Tensor], v: Tensor | collections.abc.Sequence[Tensor], *, "
              "create_graph: bool = False) -> tuple[typing.Any, typing.Any]"),
      "f(x), and v . J: the gradient of f(x) weighted by v, for each input.");
  m.def(
      "jvp",
      [](nb::callable f, nb::handle x, nb::handle u, bool create_graph) {
        const TensorList inputs = to_list(x, "jvp: an input");
        auto [y, d] =
            jvp(several(std::move(f)), inputs, to_list(u, "jvp: one of u"), {.create_graph = create_graph});
        const bool single = y.size() == 1;
        return single ? nb::make_tuple(y[0], d[0])
                      : nb::make_tuple(nb::tuple(to_python(y)), nb::tuple(to_python(d)));
      },
      "f"_a, "x"_a, "u"_a, nb::kw_only(), "create_graph"_a = false,
      nb::sig("def jvp(f: collections.abc.Callable[..., Tensor | collections.abc.Sequence[Tensor]], x: "
              "Tensor | collections.abc.Sequence[Tensor], u: Tensor | collections.abc.Sequence[Tensor], *, "
              "create_graph: bool = False) -> tuple[typing.Any, typing.Any]"),
      "f(x), and J . u: the derivative of f along the direction u, for each output.");
  m.def(
      "jacobian",
      [](nb::callable f, const Tensor& x, bool create_graph) {
        return jacobian(one(std::move(f)), x, {.create_graph = create_graph});
      },
      "f"_a, "x"_a, nb::kw_only(), "create_graph"_a = false,
      nb::sig("def jacobian(f: collections.abc.Callable[[Tensor], Tensor], x: Tensor, *, create_graph: bool "
              "= False) -> Tensor"),
      "d f_i / d x_j, of shape f(x).shape + x.shape.");
  m.def(
      "hessian",
      [](nb::callable f, const Tensor& x, bool create_graph) {
        return hessian(one(std::move(f)), x, {.create_graph = create_graph});
      },
      "f"_a, "x"_a, nb::kw_only(), "create_graph"_a = false,
      nb::sig("def hessian(f: collections.abc.Callable[[Tensor], Tensor], x: Tensor, *, create_graph: bool = "
              "False) -> Tensor"),
      "d^2 f / d x_i d x_j of a one-element f, of shape x.shape + x.shape.");
  m.def(
      "hvp",
      [](nb::callable f, const Tensor& x, const Tensor& v, bool create_graph) {
        return hvp(one(std::move(f)), x, v, {.create_graph = create_graph});
      },
      "f"_a, "x"_a, "v"_a, nb::kw_only(), "create_graph"_a = false,
      nb::sig("def hvp(f: collections.abc.Callable[[Tensor], Tensor], x: Tensor, v: Tensor, *, create_graph: "
              "bool = False) -> Tensor"),
      "The Hessian of a one-element f times v, without making the Hessian.");
  m.def(
      "checkpoint",
      [](nb::callable f, nb::args inputs) {
        return checkpoint([f = Callback(std::move(f))](const TensorList& x) { return f.tensor(x); },
                          to_list(inputs, "checkpoint: an input"));
      },
      "f"_a, "inputs"_a,
      nb::sig("def checkpoint(f: collections.abc.Callable[..., Tensor], *inputs: Tensor) -> Tensor"),
      "f(*inputs), without keeping the graph inside f: a backward pass runs f once more. f must give the "
      "same result each "
      "time.");
  bind_gradcheck(m);

  // What the context managers of saccade/_modes.py switch.
  m.def(
      "_set_detect_anomaly", [](bool on) { return std::exchange(detail::detecting_anomalies, on); }, "on"_a);
  m.def(
      "_set_scope",
      [](nb::handle name) {
        const std::string* before = detail::scope;
        if (nb::isinstance<nb::capsule>(name)) {
          detail::scope = static_cast<const std::string*>(nb::borrow<nb::capsule>(name).data());
        } else if (name.is_none()) {
          detail::scope = nullptr;
        } else {
          detail::scope = detail::scope_name(detail::scope, nb::cast<std::string>(name));
        }
        return before == nullptr ? nb::object(nb::none())
                                 : nb::object(nb::capsule(before));  // scopes' names live for ever
      },
      "name"_a.none());
}

}  // namespace saccade::python
