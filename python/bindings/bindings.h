// The module's parts, one file each.
#pragma once

#include <nanobind/nanobind.h>

namespace saccade::python {

void bind_errors(nanobind::module_& m);
void bind_tensor(nanobind::module_& m);
void bind_arrays(nanobind::module_& m, nanobind::object& tensor);
void bind_indexing(nanobind::object& tensor);
void bind_ops(nanobind::module_& m, nanobind::object& tensor);
void bind_gradients(nanobind::module_& m);
void bind_custom(nanobind::module_& m);
void bind_explain(nanobind::module_& m);
void bind_envs(nanobind::module_& m);
void bind_guests(nanobind::module_& m);
void bind_agents(nanobind::module_& m);

}  // namespace saccade::python
