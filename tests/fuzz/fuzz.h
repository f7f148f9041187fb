// Parts that the fuzz targets share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace saccade::fuzz {

/// A folder in memory that is this process's alone.
inline const std::string& scratch() {
  static const std::string folder = [] {
    std::string path =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/saccade-fuzz-XXXXXX" : "/tmp/saccade-fuzz-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    static const std::string made = path;
    std::atexit([] { std::filesystem::remove_all(made); });
    return path;
  }();
  return folder;
}

inline std::string write_scratch(const std::string& name, std::string_view contents) {
  std::string path = scratch() + "/" + name;
  std::ofstream(path, std::ios::binary).write(contents.data(), static_cast<std::streamsize>(contents.size()));
  return path;
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A promise that was broken, as a crash, which is what fuzzers look for.
inline void check(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

}  // namespace saccade::fuzz
