// Running the `saccade` binary in a folder of its own.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace saccade::test {

/// A new empty folder that goes away with this object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  /// Of the folder itself, or of something in it.
  std::string path(const std::string& name = "") const;

 private:
  std::string path_;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

/// The data inside a page that `saccade` wrote.
nlohmann::ordered_json page_data(const std::string& page);

/// Every file below the folder with its contents, to tell whether anything changed.
std::map<std::string, std::string> snapshot(const std::string& folder);

struct Output {
  int exit_code = 0;
  std::string out, err;
};

/// Runs a line of sh in the folder.
Output run_shell(const TemporaryFolder& folder, const std::string& line);

/// Runs `saccade ARGUMENTS`, which a shell reads, in the folder; before it, assignments such as
/// "SACCADE_ISA=sse2".
Output run_command(const TemporaryFolder& folder, const std::string& arguments,
                   const std::string& environment = "");

/// Columns of the widest line, with the binary's own path, which may be long, read as `saccade`.
std::size_t widest(std::string text);

}  // namespace saccade::test
