// Tensors and NumPy's arrays, or those of any library that speaks DLPack, over the same elements.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <memory>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "bindings.h"
#include "casters.h"

namespace saccade::python {

namespace {

// Found once, and kept as long as Python runs.
nb::handle numpy(const char* name) { return nb::object(nb::module_::import_("numpy").attr(name)).release(); }

nb::dlpack::dtype element_type(DType dtype) {
  return dtype == DType::f32   ? nb::dtype<float>()
         : dtype == DType::f64 ? nb::dtype<double>()
                               : nb::dtype<std::int64_t>();
}

std::string name_of(nb::dlpack::dtype type) {
  static constexpr const char* kKinds[] = {"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  return fmt::format("{}{}", type.code < std::size(kKinds) ? kKinds[type.code] : "dtype ", type.bits);
}

// Lets go of what keeps an array's elements, from whatever thread.
void give_back(void* owner) {
  if (!nb::is_alive()) return;  // Python is gone, and the array with it
  const nb::gil_scoped_acquire acquire;
  delete static_cast<AnyArray*>(owner);
}

// A view of x's elements, which keeps x.
template <class Array>
nb::object view(nb::handle self, const Tensor& x) {
  std::array<std::size_t, kMaxDim> shape{};
  for (std::int64_t d = 0; d < x.dim(); ++d)
    shape[static_cast<std::size_t>(d)] = static_cast<std::size_t>(x.size(d));
  return nb::cast(Array(x.raw(), static_cast<std::size_t>(x.dim()), shape.data(), self, x.strides().begin(),
                        element_type(x.dtype())),
                  nb::rv_policy::reference);
}

// From here on something else may write to x's elements: gradients that saved them refuse to be taken, and
// those that save them later keep fingerprints.
void open_to_writes(const Tensor& x, const char* what) {
  if (x.requires_grad() && grad_enabled()) {
    throw GradError(
        fmt::format("{}: a writeable view of a tensor that needs a gradient ({}) while the graph is being "
                    "recorded; ask for it under no_grad() or of x.detach()",
                    what, describe(x)));
  }
  Storage& storage = *x.body()->storage;
  ++storage.version;
  storage.is_open = true;
}

nb::object to_array(nb::handle self, bool writeable) {
  const auto& x = nb::cast<const Tensor&>(self);
  if (!writeable) return view<nb::ndarray<nb::numpy, nb::ro>>(self, x);
  open_to_writes(x, "numpy");
  return view<nb::ndarray<nb::numpy>>(self, x);
}

nb::object dlpack(nb::handle self, nb::kwargs options) {
  const auto& x = nb::cast<const Tensor&>(self);
  // Before version 1 a capsule cannot say that it is not to be written to.
  bool can_say = false;
  if (options.contains("max_version") && !options["max_version"].is_none()) {
    can_say = nb::cast<int>(nb::object(options["max_version"])[0]) >= 1;
  }
  nb::object array;
  if (can_say) {
    array = view<nb::ndarray<nb::array_api, nb::ro>>(self, x);
  } else {
    open_to_writes(x, "__dlpack__");
    array = view<nb::ndarray<nb::array_api>>(self, x);
  }
  return array.attr("__dlpack__")(**options);
}

}  // namespace

bool is_numpy_scalar(nb::handle x) {
  static const nb::handle generic = numpy("generic");
  return PyObject_TypeCheck(x.ptr(), reinterpret_cast<PyTypeObject*>(generic.ptr())) != 0;
}

nb::object to_numpy(DType dtype) {
  static const nb::handle dtypes[] = {numpy("dtype")("float32").release(),
                                      numpy("dtype")("float64").release(), numpy("dtype")("int64").release()};
  return nb::borrow(dtypes[static_cast<int>(dtype)]);
}

DType to_dtype(nb::handle given) {
  for (const DType dtype : {DType::f32, DType::f64, DType::i64}) {
    if (given.is(to_numpy(dtype))) return dtype;
    if (nb::isinstance<nb::str>(given) && nb::cast<std::string>(given) == name(dtype)) return dtype;
  }
  static const nb::handle make = numpy("dtype");
  try {
    const nb::object dtype = make(given);
    for (const DType ours : {DType::f32, DType::f64, DType::i64}) {
      if (dtype.equal(to_numpy(ours))) return ours;
    }
  } catch (nb::python_error&) {  // it is none at all
  }
  throw DTypeError(fmt::format("a dtype is {}, expected f32 (float32), f64 (float64) or i64 (int64)",
                               nb::cast<std::string>(nb::repr(given))));
}

Tensor share(const AnyArray& array, bool writeable) {
  std::optional<DType> dtype;
  for (const DType ours : {DType::f32, DType::f64, DType::i64}) {
    if (array.dtype() == element_type(ours)) dtype = ours;
  }
  if (!dtype) {
    throw DTypeError(
        fmt::format("an array is of {}, expected float32, float64 or int64", name_of(array.dtype())));
  }
  if (!writeable) {
    throw ShapeError(
        "an array is read-only, and a tensor over its elements could be written to; tensor() copies it");
  }
  if (array.ndim() > static_cast<std::size_t>(kMaxDim)) {
    throw ShapeError(
        fmt::format("an array has {} dimensions, and a tensor at most {}", array.ndim(), kMaxDim));
  }
  Shape shape, strides;
  for (std::size_t d = 0; d < array.ndim(); ++d) {
    if (array.stride(d) < 0 && array.shape(d) > 1) {
      throw ShapeError(fmt::format(
          "dimension {} of an array goes backwards, and no tensor's does; tensor() copies it", d));
    }
    shape.push_back(static_cast<std::int64_t>(array.shape(d)));
    strides.push_back(std::max<std::int64_t>(array.stride(d), 0));
  }
  if (reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(element_size(*dtype)) !=
      0) {
    throw ShapeError("an array's elements lie askew, not at multiples of their size; tensor() copies it");
  }
  return borrow(const_cast<void*>(static_cast<const void*>(array.data())), shape, strides, *dtype,
                new AnyArray(array), give_back);
}

Tensor as_operand(nb::handle array) {
  static const nb::handle convert =
      nb::object(nb::module_::import_("saccade._arrays").attr("asarray")).release();
  return nb::cast<Tensor>(convert(array));
}

void bind_arrays(nb::module_& m, nb::object& tensor_class) {
  auto& tensor = static_cast<nb::class_<Tensor>&>(tensor_class);
  tensor.def(
      "__array__",
      [](nb::handle self, nb::handle dtype, nb::handle copy) {
        nb::object array = to_array(self, false);
        if (!dtype.is_none() && !nb::object(array.attr("dtype")).equal(dtype)) {
          if (!copy.is_none() && !nb::cast<bool>(copy)) {
            throw nb::value_error("a tensor cannot be converted to another dtype without a copy");
          }
          return nb::object(array.attr("astype")(dtype));
        }
        return !copy.is_none() && nb::cast<bool>(copy) ? nb::object(array.attr("copy")()) : array;
      },
      nb::arg("dtype") = nb::none(), nb::arg("copy") = nb::none(),
      nb::sig("def __array__(self, dtype: numpy.typing.DTypeLike | None = None, copy: bool | None = None) -> "
              "numpy.typing.NDArray[typing.Any]"));
  tensor.def("__dlpack__", &dlpack, nb::sig("def __dlpack__(self, **kwargs: object) -> object"),
             "A DLPack capsule of the elements, without a copy: read-only where the other side knows of that "
             "(DLPack 1), "
             "else writeable as numpy(writeable=True) is.");
  tensor.def(
      "__dlpack_device__", [](const Tensor&) { return std::pair(1, 0); },
      nb::sig("def __dlpack_device__(self) -> tuple[int, int]"));
  // The last, for within the stubs' class "numpy" means this method from there on.
  tensor.def("numpy", &to_array, nb::kw_only(), nb::arg("writeable") = false,
             nb::sig("def numpy(self, *, writeable: bool = False) -> numpy.typing.NDArray[typing.Any]"),
             "A view of the elements, without a copy, which keeps the tensor's memory. It is read-only "
             "unless writeable, "
             "which counts as a write: gradients that saved this tensor refuse to be taken.");
  // NumPy's own operators then leave `array * tensor` to the tensor.
  tensor.attr("__array_ufunc__") = nb::none();

  m.def("_share", &share, nb::arg("array"), nb::arg("writeable"),
        nb::sig("def _share(array: object, writeable: bool) -> Tensor"));
  m.def(
      "_copy",
      [](const AnyArray& array) {
        const Tensor shared = share(array, true);
        const Tensor x = empty(shared.shape(), shared.dtype());
        without_gil_if(x.numel() > kLarge, [&] { x.copy_(shared); });
        return x;
      },
      nb::arg("array"), nb::sig("def _copy(array: object) -> Tensor"));
  m.def(
      "_dtype", [](DTypeName dtype) { return to_numpy(dtype); }, nb::arg("dtype"),
      nb::sig("def _dtype(dtype: numpy.typing.DTypeLike) -> numpy.dtype[typing.Any]"));
}

}  // namespace saccade::python
