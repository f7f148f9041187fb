#include "tools/pages/page.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace saccade::tools {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw FormatError(fmt::format("{}: the page cannot be written: {}", path, reason));
}

// The file that a link leads to, so that the link stays. Devices and folders cannot be replaced.
std::string target(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path;
  if (!fs::is_regular_file(status)) fail(path, "it is there already and not a file");
  return fs::is_symlink(path, error) ? fs::canonical(path, error).string() : path;
}

std::string fresh(const std::string& path) { return path + ".new"; }

void write(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return;
  const int reason = errno;
  std::error_code ignored;
  fs::remove(path, ignored);
  fail(path.substr(0, path.size() - fresh("").size()), std::strerror(reason));
}

}  // namespace

void check_writable(const std::string& path) {
  const std::string trial = fresh(target(path));
  write(trial, "");
  std::error_code ignored;
  fs::remove(trial, ignored);
}

void write_page(const std::string& path, const std::string& html) {
  const std::string file = target(path);
  write(fresh(file), html);
  std::error_code error, ignored;
  fs::rename(fresh(file), file, error);
  if (!error) return;
  fs::remove(fresh(file), ignored);
  fail(path, error.message());
}

}  // namespace saccade::tools
