// saccade._core: the engine and the environments for Python. What it exports is documented where C++ has it;
// saccade/*.py add what reads better in Python.
#include "bindings.h"

#include <utility>

#include "autograd/modes.h"
#include "base/threads.h"
#include "casters.h"

NB_MODULE(_core, m) {
  using namespace saccade;
  namespace py = saccade::python;
  nanobind::set_leak_warnings(false);  // a program may end while it holds tensors
  m.doc() = "The C++ side of saccade. Use the package saccade, which has all of it.";
  m.attr("__version__") = SACCADE_VERSION;
  py::bind_errors(m);
  py::bind_tensor(m);
  py::bind_gradients(m);
  py::bind_custom(m);
  py::bind_explain(m);
  py::bind_envs(m);
  py::bind_guests(m);
  py::bind_agents(m);

  m.def("set_num_threads", &set_num_threads, nanobind::arg("n"),
        "How many threads a loop of the engine takes at most. Results do not depend on it.");
  m.def("num_threads", &num_threads, "How many threads a loop of the engine takes at most.");
  m.def("set_dynamic_threads", &set_dynamic_threads, nanobind::arg("dynamic"),
        "Whether a loop takes fewer threads while other programs keep processors busy, as it does at first.");
  m.def("grad_enabled", &grad_enabled, "Whether ops put themselves on the tape in this thread.");
  m.def(
      "_set_grad_enabled", [](bool on) { return std::exchange(detail::recording, on); },
      "Says whether this thread records, and returns whether it did.");
}
