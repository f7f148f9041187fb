// The files that an MJCF model is made of, as a run keeps them: the model and what it includes, its meshes,
// textures and height fields.
#pragma once

#include <map>
#include <string>

namespace saccade::envs {

struct ModelFiles {
  std::string main;                          // which of them is the model
  std::map<std::string, std::string> files;  // contents by path, from a folder that holds them all

  /// A file with elements, not a mesh or picture.
  static bool is_xml(const std::string& path);
};

/// Reads the model at `path` and every file that it names and that is there; what is not is for MuJoCo to
/// miss. Throws FormatError for what cannot be read, is too large or too much, or is named by an absolute
/// path.
ModelFiles read_model_files(const std::string& path);

/// Throws FormatError, naming `source`, for files that read_model_files() would not have made.
void check_model_files(const ModelFiles& files, const std::string& source);

}  // namespace saccade::envs
