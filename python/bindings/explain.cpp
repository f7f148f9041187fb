// Explanations of a graph: as text, as a page and for graphviz.
#include "autograd/explain.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "bindings.h"
#include "callbacks.h"
#include "casters.h"
#include "tools/explain/drawing.h"
#include "tools/pages/assemble.h"
#include "tools/pages/explain.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

std::vector<Named> named(nb::handle tensors) {
  std::vector<Named> all;
  const auto add = [&](const std::string& name, nb::handle x) {
    if (!nb::isinstance<Tensor>(x)) {
      throw nb::type_error(
          fmt::format("explain: {} is {}, expected a tensor", name, nb::cast<std::string>(nb::repr(x)))
              .c_str());
    }
    all.push_back({name, nb::cast<Tensor>(x)});
  };
  if (tensors.is_none()) return all;
  if (nb::isinstance<nb::dict>(tensors)) {
    for (const auto& [name, x] : nb::borrow<nb::dict>(tensors)) add(nb::cast<std::string>(nb::str(name)), x);
  } else if (nb::isinstance<Tensor>(tensors)) {
    add("x", tensors);
  } else {
    for (const nb::handle x : tensors) add(fmt::format("x{}", all.size()), x);
  }
  return all;
}

Explanation explain_any(nb::handle y, nb::handle wrt, nb::handle names, std::int64_t small, bool numeric) {
  const ExplainOptions options{.names = named(names), .small = small, .numeric = numeric};
  if (nb::isinstance<Tensor>(y)) return explain(nb::cast<Tensor>(y), named(wrt), options);
  if (!PyCallable_Check(y.ptr())) {
    throw nb::type_error(
        fmt::format("explain: {} is neither a tensor nor a function", nb::cast<std::string>(nb::repr(y)))
            .c_str());
  }
  const Callback f(nb::borrow(y));
  return explain([&] { return f(); }, named(wrt), options);
}

std::string page(const Explanation& e, const std::string& title, const std::string& formula) {
  return pages::assemble("explain", pages::explain_page_data(e, title, formula));
}

}  // namespace

void bind_explain(nb::module_& m) {
  nb::class_<Explanation>(
      m, "Explanation",
      "The graph below a result, node by node, and the backward pass over it, step by step. str() is its "
      "text; a notebook shows its page.")
      .def("__str__", &to_text)
      .def("__repr__", &to_text)
      .def("worst_difference", &Explanation::worst_difference,
           "Of what its Jacobians and gradients differ from their numeric values, the largest relative "
           "difference.")
      .def("compared", &Explanation::compared, "How many numbers were compared.")
      .def(
          "dot", [](const Explanation& e, const std::string& title) { return study::to_dot(e, title); },
          "title"_a = "", "The graph for graphviz.")
      .def("page", &page, "title"_a = "explain", "formula"_a = "",
           "The text of a page to step through it: one HTML file.")
      .def(
          "html",
          [](const Explanation& e, nb::handle path, const std::string& title, const std::string& formula) {
            pages::write_explain_page(nb::cast<std::string>(nb::str(path)), e, title, formula);
          },
          "path"_a, "title"_a = "explain", "formula"_a = "",
          nb::sig("def html(self, path: str | os.PathLike[str], title: str = 'explain', formula: str = '') "
                  "-> None"),
          "Writes that page, replacing the file at once.")
      .def("_repr_html_", [](const Explanation& e) {
        const nb::object escape = nb::module_::import_("html").attr("escape");
        return fmt::format("<iframe srcdoc=\"{}\" style=\"width:100%;height:720px;border:0\"></iframe>",
                           nb::cast<std::string>(escape(page(e, "explain", ""))));
      });
  m.def("explain", &explain_any, "y"_a, "wrt"_a, nb::kw_only(), "names"_a = nb::none(), "small"_a = 16,
        "numeric"_a = true,
        nb::sig("def explain(y: Tensor | collections.abc.Callable[[], Tensor], wrt: Tensor | "
                "collections.abc.Sequence[Tensor] | collections.abc.Mapping[str, Tensor], *, names: "
                "collections.abc.Mapping[str, Tensor] | None = None, small: int = 16, numeric: bool = True) "
                "-> Explanation"),
        "What autodiff did for y, a tensor of one element, or better a function that makes it: which is run "
        "under a trace, and "
        "again for numeric derivatives. wrt: the tensors to differentiate with respect to, by name. The "
        "graph of a tensor is "
        "released as grad() does.");
}

}  // namespace saccade::python
