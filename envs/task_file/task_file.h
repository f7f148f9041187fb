// Tasks that are files: a JSON file that names a MuJoCo model, or the copy of both that a run keeps. Each has
// an id made of its name and its contents, so that a changed file is another task.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "envs/task_file/model_files.h"
#include "envs/task_file/task.h"

namespace saccade::envs {

struct TaskFile {
  std::string id;           // "my_robot-3f2a9c1b"
  std::string source;       // the file that it was read from
  std::string fingerprint;  // "my_robot.json" and a longer hash of everything
  WrittenTask task;
  ModelFiles model;
  std::string packed;  // all of it as one text of JSON, which read_task_file() reads as well
};

/// Reads the task in `text`, which is that of the file `source`, with its model's files. Throws FormatError
/// for anything that is wrong with the JSON, or a model that cannot be read.
TaskFile read_task_file(std::string_view text, const std::string& source);

/// Whether an environment's name is that of a file.
bool names_task_file(std::string_view name);

/// Reads a file, and remembers the task by its id for as long as the program runs: the file is not looked at
/// again. Returns the id. Throws what read_task_file() does.
std::string remember_task_file(const std::string& path);

/// The task of this id, if it has been remembered; null if not.
std::shared_ptr<const TaskFile> find_task_file(std::string_view id);

}  // namespace saccade::envs
