// Protocol Buffers' wire format, as far as it takes to write a message whose fields one knows:
// protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace saccade {

/// A message's bytes, field by field, in the order of the calls. A field that has its default, such as 0,
/// need not be given; one that is repeated is given once for each element, or packed. Every function throws
/// Error for a number that no field can have.
class Protobuf {
 public:
  /// int32, int64, uint32, uint64, bool or an enumerator (not sint32 or sint64, whose encoding differs). A
  /// uint64 above 2^63 - 1 is given as the int64 of the same bits.
  Protobuf& integer(int field, std::int64_t value);
  Protobuf& float32(int field, float value);
  Protobuf& float64(int field, double value);
  Protobuf& string(int field, std::string_view utf8);
  Protobuf& bytes(int field, std::string_view value);
  Protobuf& message(int field, const Protobuf& value);

  /// A packed list. An empty one is no field at all.
  Protobuf& integers(int field, std::span<const std::int64_t> values);
  Protobuf& float32s(int field, std::span<const float> values);
  Protobuf& float64s(int field, std::span<const double> values);

  const std::string& encoded() const { return encoded_; }
  bool empty() const { return encoded_.empty(); }

 private:
  std::string encoded_;
};

/// The value's bytes, the lowest first. For unsigned integers.
template <class T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

}  // namespace saccade
