// Zip archives of stored members, as Python's zipfile and torch.save() write them; and what is in one, to
// write it anew with a part changed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nn/formats/zip.h"

namespace saccade::test {

using ZipMembers = std::vector<std::pair<std::string, std::string>>;

inline std::string little_endian(std::uint64_t n, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(n >> (8 * i) & 255);
  return text;
}

/// `method` is 0 for stored; `flags` as APPNOTE has them.
inline std::string stored_zip(const ZipMembers& members, unsigned method = 0, unsigned flags = 0) {
  std::string data, list;
  for (const auto& [name, contents] : members) {
    const std::string common = little_endian(flags, 2) + little_endian(method, 2) + little_endian(0, 4) +
                               little_endian(nn::crc32(contents), 4) + little_endian(contents.size(), 4) +
                               little_endian(contents.size(), 4) + little_endian(name.size(), 2) +
                               little_endian(0, 2);
    const std::string at = little_endian(data.size(), 4);
    data += "PK\3\4" + little_endian(20, 2) + common + name + contents;
    list +=
        "PK\1\2" + little_endian(20, 2) + little_endian(20, 2) + common + std::string(10, '\0') + at + name;
  }
  return data + list + "PK\5\6" + little_endian(0, 4) + little_endian(members.size(), 2) +
         little_endian(members.size(), 2) + little_endian(list.size(), 4) + little_endian(data.size(), 4) +
         little_endian(0, 2);
}

inline ZipMembers zip_members(const std::string& archive) {
  const nn::ZipArchive read(archive, "archive");
  ZipMembers members;
  for (const auto& [name, contents] : read.members()) members.emplace_back(name, contents);
  return members;
}

/// The archive with change(contents) in place of one member.
inline std::string with_member(const std::string& archive, const std::string& name,
                               const std::function<std::string(std::string)>& change) {
  ZipMembers members = zip_members(archive);
  for (auto& [its_name, contents] : members) {
    if (its_name == name) contents = change(contents);
  }
  return stored_zip(members);
}

}  // namespace saccade::test
