// The protobuf encoder, byte for byte. Most expectations are the encoding guide's own examples.
#include "base/protobuf.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

// "08 96 01"
std::string hex(const Protobuf& message) {
  std::string text;
  for (const char c : message.encoded())
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

// protobuf.dev/programming-guides/encoding: Test1 {int32 a = 1}, Test2 {string b = 2}, Test3 {Test1 c = 3},
// Test4 {string d = 4; repeated int32 e = 6}, Test5 {repeated int32 f = 6 [packed = true]}.
TEST_CASE("messages are encoded as the protobuf guide's examples are", "[protobuf]") {
  CHECK(hex(Protobuf().integer(1, 150)) == "08 96 01");
  CHECK(hex(Protobuf().integer(1, -2)) == "08 fe ff ff ff ff ff ff ff ff 01");
  CHECK(hex(Protobuf().string(2, "testing")) == "12 07 74 65 73 74 69 6e 67");
  CHECK(hex(Protobuf().message(3, Protobuf().integer(1, 150))) == "1a 03 08 96 01");
  CHECK(hex(Protobuf().string(4, "hello").integer(6, 1).integer(6, 2).integer(6, 3)) ==
        "22 05 68 65 6c 6c 6f 30 01 30 02 30 03");
  CHECK(hex(Protobuf().integers(6, std::vector<std::int64_t>{3, 270, 86942})) == "32 06 03 8e 02 9e a7 05");
}

TEST_CASE("integers have as many bytes as they take, up to ten", "[protobuf]") {
  CHECK(hex(Protobuf().integer(1, 0)) == "08 00");
  CHECK(hex(Protobuf().integer(1, 127)) == "08 7f");
  CHECK(hex(Protobuf().integer(1, 128)) == "08 80 01");
  CHECK(hex(Protobuf().integer(1, 16383)) == "08 ff 7f");
  CHECK(hex(Protobuf().integer(1, 16384)) == "08 80 80 01");
  CHECK(hex(Protobuf().integer(1, std::numeric_limits<std::int64_t>::max())) ==
        "08 ff ff ff ff ff ff ff ff 7f");
  CHECK(hex(Protobuf().integer(1, std::numeric_limits<std::int64_t>::min())) ==
        "08 80 80 80 80 80 80 80 80 80 01");
  CHECK(hex(Protobuf().integers(2, std::vector<std::int64_t>{-1, 1})) ==
        "12 0b ff ff ff ff ff ff ff ff ff 01 01");
}

TEST_CASE("floating-point numbers are their bits, the lowest byte first", "[protobuf]") {
  CHECK(hex(Protobuf().float32(1, 1.5F)) == "0d 00 00 c0 3f");
  CHECK(hex(Protobuf().float64(1, -2)) == "09 00 00 00 00 00 00 00 c0");
  CHECK(hex(Protobuf().float32(1, -0.0F)) == "0d 00 00 00 80");
  CHECK(hex(Protobuf().float64(1, HUGE_VAL)) == "09 00 00 00 00 00 00 f0 7f");
  CHECK(hex(Protobuf().float32(1, std::numeric_limits<float>::quiet_NaN())) == "0d 00 00 c0 7f");
  CHECK(hex(Protobuf().float32s(2, std::vector<float>{1, 0})) == "12 08 00 00 80 3f 00 00 00 00");
  CHECK(hex(Protobuf().float64s(2, std::vector<double>{1})) == "12 08 00 00 00 00 00 00 f0 3f");
}

TEST_CASE("a message may be empty, deep, long and of any bytes", "[protobuf]") {
  CHECK(hex(Protobuf()).empty());
  CHECK(Protobuf().empty());
  CHECK(hex(Protobuf().message(1, Protobuf())) == "0a 00");
  CHECK(hex(Protobuf().string(1, "")) == "0a 00");
  CHECK(hex(Protobuf().integers(1, {}).float32s(2, {}).float64s(3, {})).empty());
  CHECK(hex(Protobuf().message(1, Protobuf().message(2, Protobuf().bytes(3, std::string("\0\xff", 2))))) ==
        "0a 06 12 04 1a 02 00 ff");
  const Protobuf message = Protobuf().bytes(1, std::string(300, 'x'));
  CHECK(message.encoded().substr(0, 3) == "\x0a\xac\x02");
  CHECK(message.encoded().size() == 303);
}

TEST_CASE("field numbers take as many bytes as they need, and none is out of range", "[protobuf]") {
  CHECK(hex(Protobuf().integer(15, 1)) == "78 01");
  CHECK(hex(Protobuf().integer(16, 1)) == "80 01 01");
  CHECK(hex(Protobuf().integer((1 << 29) - 1, 1)) == "f8 ff ff ff 0f 01");
  CHECK_THROWS_WITH(Protobuf().integer(0, 1), "a protobuf field has the number 0, expected 1 to 2^29 - 1");
  CHECK_THROWS_AS(Protobuf().string(-1, "x"), Error);
  CHECK_THROWS_AS(Protobuf().float64(1 << 29, 1), Error);
}
