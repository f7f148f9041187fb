// Ops whose forward and backward passes are written in Python: what saccade/_function.py puts on the tape.
//
// An op of the engine has one output, and a gradient for each input. One in Python may have several outputs,
// and one function for all gradients. So its outputs are parts of one flat tensor, which the op makes; and if
// several inputs need a gradient, its only input is a flat tensor that stands for all of theirs, with no
// elements behind it, whose own gradient is then taken apart. Nothing of that is there for an op of one input
// and one output.
#include <fmt/format.h>

#include <set>
#include <string>

#include "autograd/ops.h"
#include "autograd/record.h"
#include "base/error.h"
#include "bindings.h"
#include "callbacks.h"
#include "casters.h"

namespace saccade::python {

namespace {

// The tape wants names that outlive every graph.
const char* lasting(const std::string& name) {
  static auto* names = new std::set<std::string>;
  return names->insert(name).first->c_str();
}

struct Like {
  Shape shape;
  DType dtype;
};

std::vector<Like> likes(const TensorList& x) {
  std::vector<Like> all;
  for (const Tensor& one : x) all.push_back({one.shape(), one.dtype()});
  return all;
}

Tensor joined(const TensorList& x) {
  if (x.size() == 1) return x[0];
  TensorList flat;
  for (const Tensor& one : x) flat.push_back(reshape(one, {-1}));
  return cat(flat, 0);
}

// Part i of what joined() made of tensors like these.
Tensor part(const Tensor& whole, const std::vector<Like>& of, std::size_t i) {
  if (of.size() == 1) return whole;
  std::int64_t start = 0;
  for (std::size_t k = 0; k < i; ++k) start += of[k].shape.numel();
  return reshape(slice(whole, 0, start, start + of[i].shape.numel()), of[i].shape);
}

// All that the backward pass needs, but for the tensors that forward saved.
struct Recipe {
  const char* name;
  Callback backward;
  std::vector<Like> outputs = {}, inputs = {};  // inputs: those that need a gradient,
  std::vector<std::size_t> places = {};         // and where they stand among all
  std::vector<std::int64_t> saved_as = {};      // for each saved tensor: the output that it is, or -1
};

// `saved` are those that are no outputs: held by the gradient itself, so that the engine sees when one is
// overwritten.
Tensor gradient(const Recipe& recipe, const PoolVector<Tensor>& saved, const Tensor& g, const Tensor& y) {
  TensorList tensors, gradients;
  std::size_t next = 0;
  for (const std::int64_t output : recipe.saved_as) {
    tensors.push_back(output < 0 ? saved[next++] : part(y, recipe.outputs, static_cast<std::size_t>(output)));
  }
  for (std::size_t i = 0; i < recipe.outputs.size(); ++i) gradients.push_back(part(g, recipe.outputs, i));

  const nb::gil_scoped_acquire acquire;
  return NotePythonErrors::watch([&] {
    const nb::object answer =
        recipe.backward.function()(nb::tuple(to_python(tensors)), nb::tuple(to_python(gradients)));
    TensorList wanted;
    for (std::size_t k = 0; k < recipe.inputs.size(); ++k) {
      const Like& input = recipe.inputs[k];
      const nb::object one = answer[recipe.places[k]];
      if (!one.is_none() && !nb::isinstance<Tensor>(one)) {
        throw nb::type_error(fmt::format("the gradient of '{}' for input {} is {}, expected a tensor or None",
                                         recipe.name, recipe.places[k], nb::cast<std::string>(nb::repr(one)))
                                 .c_str());
      }
      const Tensor x = one.is_none() ? zeros(input.shape, input.dtype) : nb::cast<Tensor>(one);
      if (x.shape() != input.shape || x.dtype() != input.dtype) {
        throw GradError(fmt::format("the gradient of '{}' for input {} is {}, expected {} {}", recipe.name,
                                    recipe.places[k], describe(x), name(input.dtype), input.shape.str()));
      }
      wanted.push_back(x);
    }
    return joined(wanted);
  });
}

// One tensor that stands for the inputs that need a gradient.
Tensor join_inputs(const char* name, const TensorList& inputs) {
  if (inputs.size() == 1) return inputs[0];
  const std::vector<Like> of = likes(inputs);
  PoolVector<Edge> edges;
  std::int64_t total = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    edges.emplace_back(inputs[k], [of, k](const Tensor& g) { return part(g, of, k); });
    total += of[k].shape.numel();
  }
  return record(lasting(fmt::format("{}'s inputs", name)), expand(scalar(0, of[0].dtype), {total}),
                std::move(edges));
}

nb::tuple record_custom(const std::string& name, nb::handle inputs, nb::handle outputs, nb::handle saved,
                        nb::callable backward) {
  auto recipe =
      std::make_shared<Recipe>(Recipe{.name = lasting(name), .backward = Callback(std::move(backward))});
  TensorList x;
  for (std::size_t i = 0; i < nb::len(inputs); ++i) {
    const nb::object input = inputs[i];
    if (!nb::isinstance<Tensor>(input) || !nb::cast<const Tensor&>(input).requires_grad()) continue;
    x.push_back(nb::cast<Tensor>(input));
    recipe->places.push_back(i);
  }
  TensorList y = to_list(outputs, fmt::format("the result of '{}'", name).c_str());
  if (y.empty()) throw GradError(fmt::format("'{}' has no output", name));
  for (std::size_t i = 1; i < y.size(); ++i) {
    if (y[i].dtype() != y[0].dtype()) {
      throw DTypeError(fmt::format("the outputs of '{}' are {} and {}, expected one dtype", name,
                                   describe(y[0]), describe(y[i])));
    }
  }
  for (std::size_t k = 1; k < x.size(); ++k) {
    if (x[k].dtype() != x[0].dtype()) {
      throw DTypeError(fmt::format("the inputs of '{}' are {} and {}, expected one dtype", name,
                                   describe(x[0]), describe(x[k])));
    }
  }
  recipe->outputs = likes(y);
  recipe->inputs = likes(x);

  bool saves_output = false;
  PoolVector<Tensor> kept;
  for (const Tensor& one : to_list(saved, "save_for_backward")) {
    std::int64_t output = -1;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (one.body() == y[i].body()) output = static_cast<std::int64_t>(i);
    }
    recipe->saved_as.push_back(output);
    saves_output = saves_output || output >= 0;
    if (output < 0) kept.push_back(one);
  }

  // Handles of their own: whatever forward keeps of its outputs then has no graph, so that no circle can
  // close.
  for (Tensor& one : y) one = one.detach();
  const Tensor source = join_inputs(recipe->name, x);
  PoolVector<Edge> edges;
  if (saves_output) {
    edges.emplace_back(source, [recipe, kept](const Tensor& g, const Tensor& out) {
      return gradient(*recipe, kept, g, out);
    });
  } else {
    edges.emplace_back(source, [recipe, kept](const Tensor& g) { return gradient(*recipe, kept, g, {}); });
  }
  const Tensor whole = record(recipe->name, joined(y), std::move(edges));
  nb::list parts;
  for (std::size_t i = 0; i < y.size(); ++i) parts.append(part(whole, recipe->outputs, i));
  return nb::tuple(parts);
}

}  // namespace

void bind_custom(nb::module_& m) {
  m.def("_record", &record_custom, nb::arg("name"), nb::arg("inputs"), nb::arg("outputs"), nb::arg("saved"),
        nb::arg("backward"),
        nb::sig("def _record(name: str, inputs: collections.abc.Sequence[object], outputs: Tensor | "
                "collections.abc.Sequence[Tensor], saved: collections.abc.Sequence[Tensor], backward: "
                "collections.abc.Callable[..., tuple[object, ...]]) -> tuple[Tensor, ...]"));
}

}  // namespace saccade::python
