// The environment of a task file.
#pragma once

#include <memory>

#include "envs/env.h"
#include "envs/task_file/task_file.h"

namespace saccade::envs {

/// Without its time limit. Throws FormatError for a model that MuJoCo refuses or that lacks what the task
/// names, and ConfigError in a build without MuJoCo.
std::unique_ptr<Env> make_file_task(const std::shared_ptr<const TaskFile>& file);

}  // namespace saccade::envs
