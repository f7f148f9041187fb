#include "tests/support/event_reader.h"

#include <cstring>
#include <stdexcept>

#include "tests/support/command.h"

namespace saccade::test {

namespace {

std::uint64_t number(std::string_view bytes) {  // the lowest byte first
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value * 256 + static_cast<unsigned char>(bytes[i]);
  return value;
}

// Takes so many bytes from the front.
std::string_view take(std::string_view& bytes, std::uint64_t count) {
  if (bytes.size() < count) throw std::runtime_error("the data ends early");
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(bytes, 1)[0]);
    value |= std::uint64_t{byte & 127U} << shift;
    if (byte < 128) return value;
  }
  throw std::runtime_error("a varint has more than ten bytes");
}

// CRC-32C bit by bit, as the division that it is; then the mask.
std::uint32_t expected_checksum(std::string_view bytes) {
  std::uint32_t remainder = ~0U;
  for (const char c : bytes) {
    remainder ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) {
      const bool odd = remainder % 2 == 1;
      remainder /= 2;
      if (odd) remainder ^= 0x82F63B78U;
    }
  }
  const std::uint32_t crc = ~remainder;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

void check_crc(std::string_view bytes, std::string_view crc) {
  if (number(crc) != expected_checksum(bytes)) throw std::runtime_error("a record's checksum is wrong");
}

Histogram read_histogram(const std::string& bytes) {
  Histogram h;
  for (const ProtoField& field : read_message(bytes)) {
    double* const numbers[] = {&h.min, &h.max, &h.count, &h.sum, &h.sum_of_squares};
    if (field.number >= 1 && field.number <= 5) *numbers[field.number - 1] = field.as_double();
    if (field.number == 6) h.limits = field.as_doubles();
    if (field.number == 7) h.counts = field.as_doubles();
  }
  return h;
}

void read_value(const std::string& bytes, Event& event) {
  std::string tag;
  for (const ProtoField& field : read_message(bytes)) {
    switch (field.number) {
      case 1:
        tag = field.bytes;
        break;
      case 2:
        event.scalars.emplace_back(tag, field.as_float());
        break;
      case 5:
        event.histograms.emplace_back(tag, read_histogram(field.bytes));
        break;
      default:
        throw std::runtime_error("an unknown kind of value");
    }
  }
}

}  // namespace

double ProtoField::as_double() const {
  if (wire != 1) throw std::runtime_error("no double");
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float ProtoField::as_float() const {
  if (wire != 5) throw std::runtime_error("no float");
  const auto low = static_cast<std::uint32_t>(bits);
  float value = 0;
  std::memcpy(&value, &low, sizeof value);
  return value;
}

std::vector<double> ProtoField::as_doubles() const {
  if (wire != 2 || bytes.size() % 8 != 0) throw std::runtime_error("no packed doubles");
  std::vector<double> values(bytes.size() / 8);
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<ProtoField> read_message(const std::string& bytes) {
  std::vector<ProtoField> fields;
  for (std::string_view left = bytes; !left.empty();) {
    const std::uint64_t tag = take_varint(left);
    ProtoField field = {.number = static_cast<int>(tag >> 3), .wire = static_cast<int>(tag & 7)};
    switch (field.wire) {
      case 0:
        field.bits = take_varint(left);
        break;
      case 1:
        field.bits = number(take(left, 8));
        break;
      case 2:
        field.bytes = take(left, take_varint(left));
        break;
      case 5:
        field.bits = number(take(left, 4));
        break;
      default:
        throw std::runtime_error("an unknown wire type");
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

std::vector<std::string> read_records(const std::string& file) {
  const std::string all = read_file(file);
  std::vector<std::string> records;
  for (std::string_view left = all; !left.empty();) {
    const std::string_view length = take(left, 8);
    check_crc(length, take(left, 4));
    const std::string_view data = take(left, number(length));
    check_crc(data, take(left, 4));
    records.emplace_back(data);
  }
  return records;
}

std::vector<Event> read_events(const std::string& file) {
  std::vector<Event> events;
  for (const std::string& record : read_records(file)) {
    Event event;
    for (const ProtoField& field : read_message(record)) {
      switch (field.number) {
        case 1:
          event.wall_time = field.as_double();
          break;
        case 2:
          event.step = static_cast<std::int64_t>(field.bits);
          break;
        case 3:
          event.file_version = field.bytes;
          break;
        case 5:
          for (const ProtoField& value : read_message(field.bytes)) read_value(value.bytes, event);
          break;
        default:
          throw std::runtime_error("an unknown kind of event");
      }
    }
    events.push_back(std::move(event));
  }
  return events;
}

Series read_scalars(const std::string& file) {
  Series series;
  for (const Event& event : read_events(file)) {
    for (const auto& [tag, value] : event.scalars) series[tag].emplace_back(event.step, value);
  }
  return series;
}

}  // namespace saccade::test
