// JSON from outside: where it is wrong, how deep it may go, how large it may be, and how it is shown.
#include "base/json.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using Catch::Contains;

TEST_CASE("JSON that is wrong is an error that names source, line and column", "[json]") {
  CHECK(parse_json(R"({"a": [1, 2]})", "here").at("a").size() == 2);
  CHECK_THROWS_WITH(parse_json("{\n  \"a\" 3}", "here"), "here: is not valid JSON (line 2, column 7)");
  CHECK_THROWS_WITH(parse_json("", "here"), Contains("here: is not valid JSON"));
  CHECK_THROWS_WITH(parse_json("{} x", "here"), Contains("column 4"));
  CHECK_THROWS_WITH(parse_json("1e999", "here"), Contains("too large"));
  CHECK_THROWS_WITH(parse_json("\"\xFF\"", "here"), Contains("not valid JSON"));
  CHECK_THROWS_AS(parse_json("// no\n{}", "here"), FormatError);
  CHECK(parse_json("// yes\n{}", "here", {.comments = true}).empty());
}

TEST_CASE("JSON has each key once, and nests no deeper than allowed", "[json]") {
  CHECK_THROWS_WITH(parse_json(R"({"a": 1, "b": {"a": 2}, "a": 3})", "here"), "here: has \"a\" twice");
  CHECK_NOTHROW(parse_json("[[{}]]", "here", {.max_depth = 3}));
  CHECK_THROWS_WITH(parse_json("[[[{}]]]", "here", {.max_depth = 3}), Contains("deeper than 3"));
  const char* two = R"({"a": {"b": 1, "c": 2}, "d": 3})";
  CHECK_NOTHROW(parse_json(two, "here", {.max_keys = 2}));
  CHECK_THROWS_WITH(parse_json(two, "here", {.max_keys = 1}),
                    Contains("here: has an object of more than 1 keys"));
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += open;
    CHECK_THROWS_WITH(parse_json(deep, "here"), Contains("deeper than 16"));
  }
}

TEST_CASE("a file of JSON is a regular file of a bounded size", "[json]") {
  const test::TemporaryFolder folder;
  test::write_file(folder.path("a.json"), "[1]");
  CHECK(read_json(folder.path("a.json")).size() == 1);
  CHECK_THROWS_WITH(read_json(folder.path("a.json"), {.max_bytes = 2}),
                    Contains("3 bytes, expected at most 2"));
  CHECK_THROWS_WITH(read_json(folder.path("none")), Contains("none: cannot be read: No such file"));
  CHECK_THROWS_WITH(read_json(folder.path()), Contains("it is a folder"));
  CHECK_THROWS_WITH(read_json("/dev/zero"), Contains("not a regular file"));
  REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(read_json(folder.path("pipe")), Contains("not a regular file"));
}

TEST_CASE("a value in a message is one short line of ASCII", "[json]") {
  CHECK(shown({1, "a\n\x1b[31mb"}) == R"([1,"a\n\u001b[31mb"])");
  CHECK(shown("\xFF\xC3\xA9") == R"("\ufffd\u00e9")");
  CHECK(shown(std::string(1000, 'x'), 20) == "\"xxxxxxxxxxxxxxxx...");
  CHECK(dumped({{"a", "\xC3\xA9\xFF"}}) == "{\"a\":\"\xC3\xA9\xEF\xBF\xBD\"}");
}

TEST_CASE("a number that is not whole, or does not fit in 64 bits, is refused where one is expected",
          "[json]") {
  const auto parsed = [](const char* text) { return parse_json(text, "text"); };
  CHECK(whole_number(parsed("-7"), "it") == -7);
  CHECK(whole_number(parsed("9223372036854775807"), "it") == INT64_MAX);
  CHECK(bits_of(parsed("18446744073709551615"), "it") == UINT64_MAX);
  for (const char* text : {"1.5", "1e300", "9223372036854775808", "\"7\"", "null", "true", "[7]"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(whole_number(parsed(text), "it"), Catch::StartsWith("it is "));
  }
  for (const char* text : {"-1", "1.48267e+20", "18446744073709551616", "\"7\"", "{}"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(bits_of(parsed(text), "it"), Catch::StartsWith("it is "));
  }
}
