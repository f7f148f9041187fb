// The safetensors format: what is written is to the letter, and what is read is whole or refused.
#include "nn/formats/safetensors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "nn/mlp.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using namespace saccade::nn;
using namespace saccade::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

// The length and the header, as given.
std::string with_length(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

std::string bits_of(const Tensor& x) {
  const Tensor row_major = contiguous(x.detach());
  return {static_cast<const char*>(row_major.raw()),
          static_cast<std::size_t>(x.numel() * element_size(x.dtype()))};
}

void check_same(const NamedTensors& actual, const NamedTensors& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CHECK(actual[i].name == expected[i].name);
    CHECK(actual[i].tensor.dtype() == expected[i].tensor.dtype());
    CHECK(actual[i].tensor.shape() == expected[i].tensor.shape());
    CHECK(bits_of(actual[i].tensor) == bits_of(expected[i].tensor));
  }
}

}  // namespace

TEST_CASE("what is saved is loaded again to the bit", "[safetensors]") {
  const TemporaryFolder folder;
  Rng rng(0);
  const NamedTensors tensors = {
      {"weight", randn({3, 5}, rng)},
      {"double", randn({2, 2, 2}, rng, DType::f64)},
      {"scalar", scalar(0.1)},
      {"empty", zeros({0, 4})},
      {"empty double", zeros({2, 0}, DType::f64)},
      {"transposed", transpose(randn({3, 5}, rng))},
      {"expanded", expand(randn({1, 4}, rng), {3, 4})},
      {"strided", slice(randn({9}, rng, DType::f64), 0, 1, 9, 3)},
      {"leaf", randn({3}, rng).requires_grad_()},
      {"special", from_values({NAN, INFINITY, -INFINITY, -0.0, 1e-45, 1e-320}, {6}, DType::f64)},
      {"eight", randn({1, 2, 1, 2, 1, 2, 1, 2}, rng)},
      {"a/b.c \"quoted\" \\ \n \xC3\xA9 \xE2\x82\xAC", ones({1})},
  };
  const safetensors::Metadata metadata = {{"step", "12"}, {"note", "quotes \" and \xC3\xA9"}, {"empty", ""}};
  const std::string path = folder.path("all.safetensors");
  safetensors::save(path, tensors, metadata);
  const safetensors::Contents contents = safetensors::load(path);
  check_same(contents.tensors, tensors);
  CHECK(contents.metadata == metadata);
  CHECK_FALSE(contents.tensors[8].tensor.requires_grad());
  CHECK_FALSE(fs::exists(path + ".tmp"));
  // Every double starts at a multiple of 8 in the file.
  CHECK(read_file(path).find(bits_of(tensors[1].tensor)) % 8 == 0);
  CHECK(read_file(path).find(bits_of(tensors[9].tensor)) % 8 == 0);

  safetensors::save(path, {});
  CHECK(safetensors::load(path).tensors.empty());
  CHECK(safetensors::load(path).metadata.empty());
}

TEST_CASE("the file is the format's, byte for byte", "[safetensors]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("golden");
  safetensors::save(path, {{"w", from_values({1, -2}, {1, 2})}, {"d", scalar(0.5, DType::f64)}},
                    {{"k", "v"}});
  const std::string header = R"({"__metadata__":{"k":"v"},)"
                             R"("w":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},)"
                             R"("d":{"dtype":"F64","shape":[],"data_offsets":[0,8]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  REQUIRE(padded.size() == 136);
  using namespace std::string_literals;
  CHECK(read_file(path) ==
        "\x88\0\0\0\0\0\0\0"s + padded + "\0\0\0\0\0\0\xE0\x3F"s + "\0\0\x80\x3F\0\0\0\xC0"s);
}

TEST_CASE("a module and its file", "[safetensors]") {
  const TemporaryFolder folder;
  Rng rng(0);
  Mlp a({3, 4, 2}, rng), b({3, 4, 2}, rng);
  safetensors::save(folder.path("a"), a.named_parameters());
  b.load_parameters(safetensors::load(folder.path("a")).tensors);
  CHECK(b.flat().to_vector() == a.flat().to_vector());
}

TEST_CASE("integers keep every digit in a file", "[safetensors]") {
  const TemporaryFolder folder;
  const Tensor steps = from_values({9'007'199'254'740'991, -1, 16'777'217}, {3}, DType::i64);
  safetensors::save(folder.path("a"), {{"half", ones({1})}, {"steps", steps}});
  const Tensor read = safetensors::load(folder.path("a")).tensors[1].tensor;
  CHECK(read.dtype() == DType::i64);
  CHECK(read.to_vector() == steps.to_vector());
}

TEST_CASE("a valid header may be laid out otherwise", "[safetensors]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("other");
  const std::string data = bits_of(from_values({1, 2, 3}, {3}));
  write_file(path, with_length(R"({ "b" : {"shape":[2], "data_offsets":[4,12], "dtype":"F32"},
                                    "a" : {"dtype":"F32","shape":[],"data_offsets":[0,4]} }   )",
                               data));
  check_same(safetensors::load(path).tensors, {{"b", from_values({2, 3}, {2})}, {"a", scalar(1)}});
  // An empty tensor may begin where another does.
  write_file(path, with_length(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},)"
                               R"("none":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
                               data));
  check_same(safetensors::load(path).tensors, {{"a", from_values({1, 2, 3}, {3})}, {"none", zeros({0})}});
}

TEST_CASE("a file that is not whole and valid is refused", "[safetensors]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("broken");
  const std::string data = bits_of(from_values({1, 2, 3}, {3}));  // 12 bytes
  const auto refused = [&](const std::string& bytes, const std::string& message) {
    write_file(path, bytes);
    INFO(bytes.substr(0, 300));
    CHECK_THROWS_AS(safetensors::load(path), FormatError);
    CHECK_THROWS_WITH(safetensors::load(path), Contains(path) && Contains(message));
  };
  const auto header = [&](const std::string& text, const std::string& message) {
    refused(with_length(text, data), message);
  };
  const auto tensor = [&](const std::string& entry, const std::string& message) {
    header(R"({"w":)" + entry + "}", message);
  };

  SECTION("the header's length") {
    refused("", "the file has 0 bytes, expected at least the 8");
    refused("1234567", "the file has 7 bytes");
    refused(std::string("\x05\0\0\0\0\0\0\0{}", 10), "the header's length is 5, but 2 bytes follow");
    refused(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10), "expected at most 100000000");
    refused(std::string("\x01\xE1\xF5\x05\0\0\0\0{}", 10), "is 100000001, expected at most 100000000");
    refused(std::string("\0\xE1\xF5\x05\0\0\0\0{}", 10), "is 100000000, but 2 bytes follow");
  }
  SECTION("the JSON") {
    header("", "the header: is not valid JSON");
    header("{", "the header: is not valid JSON");
    header("{} x", "the header: is not valid JSON");
    header(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]})", "the header: is not valid JSON");
    header("{\"\xFF\":1}", "the header: is not valid JSON");
    header("[]", "the header is array, expected an object");
    header("3", "the header is number, expected an object");
    header(
        R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})",
        "the header: has \"w\" twice");
    tensor(R"({"dtype":"F32","shape":[3],"shape":[3],"data_offsets":[0,12]})", "\"shape\" twice");
    header(R"({"__metadata__":{"a":"1","a":"2"}})", "\"a\" twice");
    header(R"({"__metadata__":{},"__metadata__":{}})", "\"__metadata__\" twice");
    tensor(std::string(100'000, '['), "nests deeper");
  }
  SECTION("the metadata") {
    header(R"({"__metadata__":[]})", "__metadata__ is array, expected an object");
    header(R"({"__metadata__":{"a":1}})", "'a' is 1, expected a string");
  }
  SECTION("an entry") {
    tensor("3", "tensor 'w' is 3, expected an object");
    tensor("{}", "expected an object with dtype, shape and data_offsets");
    tensor(R"({"dtype":"F32","shape":[3]})", "expected an object with dtype, shape and data_offsets");
    tensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12],"x":1})", "expected an object with");
    tensor(R"({"dtype":"F16","shape":[6],"data_offsets":[0,12]})",
           R"(dtype is "F16", expected "F32", "F64" or "I64")");
    tensor(R"({"dtype":32,"shape":[3],"data_offsets":[0,12]})", "dtype is 32");
    tensor(R"({"dtype":"F32","shape":3,"data_offsets":[0,12]})", "the shape is 3");
    tensor(R"({"dtype":"F32","shape":[-3],"data_offsets":[0,12]})", "the shape is [-3]");
    tensor(R"({"dtype":"F32","shape":[3.0],"data_offsets":[0,12]})", "the shape is [3.0]");
    tensor(R"({"dtype":"F32","shape":["3"],"data_offsets":[0,12]})", "the shape is");
    tensor(R"({"dtype":"F32","shape":[3,1,1,1,1,1,1,1,1],"data_offsets":[0,12]})",
           "expected at most 8 sizes");
    tensor(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,12]})", "the shape is [184467");
    tensor(R"({"dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,12]})", "the shape is");
  }
  SECTION("the offsets") {
    tensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0]})",
           "data_offsets are [0], expected [begin, end]");
    tensor(R"({"dtype":"F32","shape":[3],"data_offsets":[12,0]})", "data_offsets are [12,0]");
    tensor(R"({"dtype":"F32","shape":[3],"data_offsets":[-12,0]})", "data_offsets are [-12,0]");
    tensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})",
           "[0,8] span 8 bytes, but shape [3] of F32 has 12");
    tensor(R"({"dtype":"F64","shape":[3],"data_offsets":[0,12]})",
           "span 12 bytes, but shape [3] of F64 has 24");
    tensor(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})", "more than any file");
    tensor(R"({"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]})", "more than any file");
    tensor(R"({"dtype":"F32","shape":[1],"data_offsets":[8,12]})", "'w' starts at 8 of the data, expected 0");
    const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)";
    header("{" + a + R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
           "'b' starts at 8 of the data, expected 4");
    header("{" + a + R"("b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})",
           "'b' starts at 0 of the data, expected 4");
    header("{" + a + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[2,10]}})", "'b' starts at 2");
  }
  SECTION("the data") {
    const std::string whole = with_length(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})", data);
    refused(whole + "x", "the file has 13 bytes of data, expected the 12 that the tensors take");
    for (std::size_t size = 0; size < whole.size(); ++size) {  // cut off anywhere
      write_file(path, whole.substr(0, size));
      CHECK_THROWS_AS(safetensors::load(path), FormatError);
    }
    write_file(path, whole);
    CHECK_NOTHROW(safetensors::load(path));
  }
  SECTION("the file itself") {
    CHECK_THROWS_WITH(safetensors::load(folder.path("none")), Contains("none") && Contains("No such file"));
    CHECK_THROWS_AS(safetensors::load(folder.path()), FormatError);
  }
}

TEST_CASE("no byte of a header can be changed into a crash", "[safetensors]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("fuzzed");
  safetensors::save(path, {{"w", from_values({1, -2}, {1, 2})}, {"d", scalar(0.5, DType::f64)}},
                    {{"k", "v"}});
  const std::string whole = read_file(path);
  Rng rng(0);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = whole;
    for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes) {
      const std::string alphabet = "{}[]\",:0123456789-. eF\xFF" + std::string(1, '\0');
      bytes[rng.below(bytes.size())] = alphabet[rng.below(alphabet.size())];
    }
    write_file(path, bytes);
    try {
      safetensors::load(path);
    } catch (const FormatError&) {
      ++refused;
    }
  }
  CHECK(refused > 1500);  // the others changed only elements, names or text
}

TEST_CASE("a save that fails leaves the file that was there", "[safetensors]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("kept");
  safetensors::save(path, {{"w", ones({2})}});
  const std::string before = read_file(path);
  const auto unchanged = [&] { CHECK(read_file(path) == before); };
  CHECK_THROWS_WITH(safetensors::save(path, {{"w", ones({1})}, {"w", ones({1})}}),
                    Contains("'w' is given twice"));
  unchanged();
  CHECK_THROWS_AS(safetensors::save(path, {{"__metadata__", ones({1})}}), FormatError);
  unchanged();
  CHECK_THROWS_AS(safetensors::save(path, {{"w", Tensor()}}), ShapeError);
  unchanged();
  CHECK_THROWS_AS(safetensors::save(path, {{"\xFF", ones({1})}}), FormatError);
  unchanged();
  CHECK_THROWS_AS(safetensors::save(path, {{"w", ones({1})}}, {{"k", "\xFF"}}), FormatError);
  unchanged();

  SECTION("a disk that is full part of the way") {
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit small = {4096, limit.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    std::string message;
    try {
      safetensors::save(path, {{"w", ones({100'000})}});
    } catch (const FormatError& error) {
      message = error.what();
    }
    setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, handler);
    CHECK_THAT(message, Contains(path) && Contains("cannot be written: File too large"));
    unchanged();
  }
  SECTION("a place that cannot be written") {
    CHECK_THROWS_WITH(safetensors::save(folder.path("none/here"), {{"w", ones({1})}}),
                      Contains("none/here") && Contains("cannot be written: No such file"));
    fs::create_directory(folder.path("folder"));
    CHECK_THROWS_WITH(safetensors::save(folder.path("folder"), {{"w", ones({1})}}),
                      Contains("not a regular file"));
  }
  SECTION("and one that works replaces it") {
    safetensors::save(path, {{"v", zeros({3})}});
    CHECK(safetensors::load(path).tensors[0].name == "v");
  }
}
