#include "base/protobuf.h"

#include <fmt/format.h>

#include <bit>

#include "base/error.h"

namespace saccade {

namespace {

enum class Wire { varint = 0, bits64 = 1, length = 2, bits32 = 5 };

// Seven bits a byte, the lowest first; all but the last byte have the eighth set. A negative number counts as
// its 64 bits do, which takes ten bytes.
std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes += static_cast<char>(value);
}

std::string bits(float value) { return little_endian(std::bit_cast<std::uint32_t>(value)); }
std::string bits(double value) { return little_endian(std::bit_cast<std::uint64_t>(value)); }

std::string tag(int field, Wire wire) {
  if (field < 1 || field >= 1 << 29)
    throw Error(fmt::format("a protobuf field has the number {}, expected 1 to 2^29 - 1", field));
  return varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire));
}

std::string length_delimited(int field, std::string_view value) {
  return tag(field, Wire::length).append(varint(value.size())).append(value);
}

template <class T>
std::string packed(int field, std::span<const T> values, std::string (*encode)(T)) {
  if (values.empty()) return "";
  std::string all;
  for (const T value : values) all += encode(value);
  return length_delimited(field, all);
}

}  // namespace

Protobuf& Protobuf::integer(int field, std::int64_t value) {
  encoded_ += tag(field, Wire::varint) + varint(static_cast<std::uint64_t>(value));
  return *this;
}

Protobuf& Protobuf::float32(int field, float value) {
  encoded_ += tag(field, Wire::bits32) + bits(value);
  return *this;
}

Protobuf& Protobuf::float64(int field, double value) {
  encoded_ += tag(field, Wire::bits64) + bits(value);
  return *this;
}

Protobuf& Protobuf::string(int field, std::string_view utf8) { return bytes(field, utf8); }

Protobuf& Protobuf::bytes(int field, std::string_view value) {
  encoded_ += length_delimited(field, value);
  return *this;
}

Protobuf& Protobuf::message(int field, const Protobuf& value) { return bytes(field, value.encoded_); }

Protobuf& Protobuf::integers(int field, std::span<const std::int64_t> values) {
  encoded_ += packed<std::int64_t>(field, values,
                                   [](std::int64_t v) { return varint(static_cast<std::uint64_t>(v)); });
  return *this;
}

Protobuf& Protobuf::float32s(int field, std::span<const float> values) {
  encoded_ += packed<float>(field, values, bits);
  return *this;
}

Protobuf& Protobuf::float64s(int field, std::span<const double> values) {
  encoded_ += packed<double>(field, values, bits);
  return *this;
}

}  // namespace saccade
