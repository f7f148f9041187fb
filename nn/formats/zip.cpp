#include "nn/formats/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace saccade::nn {

namespace {

constexpr std::size_t kEndBytes = 22, kCentralBytes = 46, kLocalBytes = 30, kLongestComment = 65'535;
constexpr std::uint64_t kEnd = 0x06054b50, kCentral = 0x02014b50, kLocal = 0x04034b50;

// Whole numbers, little-endian, at places that may lie beyond the end.
class Fields {
 public:
  Fields(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}
  std::uint64_t number(std::size_t at, std::size_t width) const {
    std::uint64_t n = 0;
    const std::string_view field = text(at, width);
    for (std::size_t i = 0; i < width; ++i)
      n |= std::uint64_t{static_cast<unsigned char>(field[i])} << (8 * i);
    return n;
  }
  std::string_view text(std::size_t at, std::size_t width) const {
    if (at > bytes_.size() || width > bytes_.size() - at)
      fail("is damaged: it has {} bytes, and something stands at {} to {}", bytes_.size(), at, at + width);
    return bytes_.substr(at, width);
  }
  std::size_t size() const { return bytes_.size(); }
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) const {
    throw FormatError(fmt::format("{}: {}", source_, fmt::format(message, std::forward<Args>(args)...)));
  }

 private:
  std::string_view bytes_;
  const std::string& source_;
};

// Where the record stands that ends an archive; only a comment follows it.
std::size_t find_end(const Fields& file) {
  const std::size_t last = file.size() < kEndBytes ? 0 : file.size() - kEndBytes;
  const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::size_t at = last; file.size() >= kEndBytes; --at) {
    if (file.number(at, 4) == kEnd && at + kEndBytes + file.number(at + 20, 2) == file.size()) return at;
    if (at == first) break;
  }
  file.fail("is no zip archive: it does not end as one");
}

bool leads_elsewhere(std::string_view name) {
  if (name.empty() || name[0] == '/' || name.find_first_of(std::string_view("\\\0", 2)) != name.npos)
    return true;
  for (std::size_t at = 0; at != name.npos;) {
    const std::size_t slash = name.find('/', at);
    if (name.substr(at, slash == name.npos ? slash : slash - at) == "..") return true;
    at = slash == name.npos ? slash : slash + 1;
  }
  return false;
}

struct Extent {
  std::size_t begin, end;
  std::string name;
};

void check_apart(const Fields& file, std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].begin < extents[i - 1].end)
      file.fail("is damaged: '{}' and '{}' overlap", printable(extents[i - 1].name),
                printable(extents[i].name));
  }
}

}  // namespace

ZipArchive::ZipArchive(std::string_view bytes, std::string source) : source_(std::move(source)) {
  const Fields file(bytes, source_);
  const std::size_t end = find_end(file);
  const std::uint64_t count = file.number(end + 10, 2), central_bytes = file.number(end + 12, 4);
  std::size_t at = file.number(end + 16, 4);
  if (count > kMaxMembers) file.fail("has {} members, expected at most {}", count, kMaxMembers);
  if (file.number(end + 4, 4) != 0 || file.number(end + 8, 2) != count) file.fail("is one part of several");
  if (at > end || central_bytes > end - at)
    file.fail("is damaged, or has more than 4 GB: its list of {} bytes at {} does not end before byte {}",
              central_bytes, at, end);
  const std::size_t data_end = at;
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (file.number(at, 4) != kCentral) file.fail("is damaged: no entry of its list stands at {}", at);
    const std::uint64_t flags = file.number(at + 8, 2), method = file.number(at + 10, 2);
    const std::uint64_t packed = file.number(at + 20, 4), size = file.number(at + 24, 4),
                        name_bytes = file.number(at + 28, 2);
    const std::size_t local = file.number(at + 42, 4);
    const std::string name(file.text(at + kCentralBytes, name_bytes));
    const std::string shown_name = printable(name);
    if (leads_elsewhere(name)) file.fail("has a member '{}', a name that leads elsewhere", shown_name);
    if ((flags & 1) != 0) file.fail("'{}' is encrypted", shown_name);
    if (method != 0 || packed != size) {
      file.fail(
          "'{}' is compressed (method {}), expected stored: unpack the archive and pack it with 'zip -0'",
          shown_name, method);
    }
    if (file.number(local, 4) != kLocal)
      file.fail("is damaged: '{}' does not stand at {}", shown_name, local);
    const std::size_t local_name = file.number(local + 26, 2), extra = file.number(local + 28, 2);
    if (file.text(local + kLocalBytes, local_name) != name)
      file.fail("is damaged: at {} is another member than '{}'", local, shown_name);
    const std::size_t begin = local + kLocalBytes + local_name + extra;
    if (begin > data_end || size > data_end - begin)
      file.fail("is damaged: '{}' has {} bytes at {}, beyond byte {}, where members end", shown_name, size,
                begin, data_end);
    if (!members_.emplace(name, file.text(begin, size)).second) file.fail("has '{}' twice", shown_name);
    sums_.emplace(name, static_cast<std::uint32_t>(file.number(at + 16, 4)));
    extents.push_back({local, begin + size, name});
    at += kCentralBytes + name_bytes + file.number(at + 30, 2) + file.number(at + 32, 2);
  }
  if (at != data_end + central_bytes)
    file.fail("is damaged: its list has {} bytes, expected {}", at - data_end, central_bytes);
  check_apart(file, std::move(extents));
}

std::string_view ZipArchive::member(std::string_view name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) throw FormatError(fmt::format("{}: has no '{}'", source_, printable(name)));
  const std::uint32_t sum = crc32(found->second), expected = sums_.find(name)->second;
  if (sum != expected) {
    throw FormatError(fmt::format("{}: '{}' is damaged: its sum is {:08x}, expected {:08x}", source_,
                                  printable(name), sum, expected));
  }
  return found->second;
}

std::uint32_t crc32(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t x = i;
      for (int bit = 0; bit < 8; ++bit) x = (x & 1) != 0 ? x >> 1 ^ 0xedb88320U : x >> 1;
      t[i] = x;
    }
    return t;
  }();
  std::uint32_t sum = ~0U;
  for (const char c : bytes) sum = sum >> 8 ^ table[(sum ^ static_cast<unsigned char>(c)) & 255];
  return ~sum;
}

}  // namespace saccade::nn
