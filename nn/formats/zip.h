// Zip archives whose members are stored, not compressed: those that Python's zipfile writes if nothing else
// is said, and torch.save() (format: PKWARE's APPNOTE, https://support.pkware.com/pkzip/appnote).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace saccade::nn {

/// The members of an archive in memory, which is not copied. Nothing is written to disk, and what is read is
/// bounded by the archive.
class ZipArchive {
 public:
  /// `source` names the archive in messages. FormatError for what is no archive, or is damaged: members that
  /// overlap, stand twice or beyond the end, have names that lead elsewhere (/a, ../a); and for what is
  /// encrypted, compressed, over 4 GB, or has more than kMaxMembers.
  ZipArchive(std::string_view bytes, std::string source);

  static constexpr std::int64_t kMaxMembers = 20'000;

  const std::string& source() const { return source_; }
  const std::map<std::string, std::string_view, std::less<>>& members() const { return members_; }
  bool has(std::string_view name) const { return members_.contains(name); }
  /// FormatError where it is missing. A bit that flipped shows: its sum (CRC-32) is checked.
  std::string_view member(std::string_view name) const;

 private:
  std::string source_;
  std::map<std::string, std::string_view, std::less<>> members_;
  std::map<std::string, std::uint32_t, std::less<>> sums_;
};

/// CRC-32 as zip files have it.
std::uint32_t crc32(std::string_view bytes);

}  // namespace saccade::nn
