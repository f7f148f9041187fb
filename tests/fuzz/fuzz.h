// Parts that the fuzz targets share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
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

/// The file's text with a stretch of it replaced, as the input says: two bytes for the place, one for the
/// length, then the new text.
inline std::string edited(std::string text, std::string_view input) {
  if (input.size() < 3 || text.empty()) return text;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(input[i]));
  };
  const std::size_t at = (byte(0) * 256 + byte(1)) % text.size();
  return text.replace(at, std::min(byte(2), text.size() - at), input.substr(3));
}

inline std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A promise that was broken, as a crash, which is what fuzzers look for.
inline void check(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

}  // namespace saccade::fuzz
