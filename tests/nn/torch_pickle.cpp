// Files of torch.save(): what PyTorch wrote is read, and what means harm is one error, soon and with little
// memory.
#include "nn/formats/torch_pickle.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "nn/formats/pickle.h"
#include "nn/formats/zip.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/reference_data.h"
#include "tests/support/zip_writer.h"

using namespace saccade;
using namespace saccade::nn;
using namespace saccade::test;
using Catch::Contains;
using namespace std::string_literals;

namespace {

// A dict of one tensor "w" in storage 0 of eight floats, as PyTorch pickles it.
std::string number(std::int64_t n) { return "\x8a\x08"s + little_endian(static_cast<std::uint64_t>(n), 8); }
std::string text(const std::string& s) { return "X" + little_endian(s.size(), 4) + s; }
std::string tuple(const std::vector<std::int64_t>& numbers) {
  std::string all = "(";
  for (const std::int64_t n : numbers) all += number(n);
  return all + "t";
}
std::string tensor(std::int64_t offset, const std::vector<std::int64_t>& size,
                   const std::vector<std::int64_t>& stride,
                   const std::string& storage = "torch\nFloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "c" + storage + "\n" + text("0") +
         text("cpu") + "K\x08tQ" + number(offset) + tuple(size) + tuple(stride) + "\x89" +
         "ccollections\nOrderedDict\n)RtR";
}
std::string dict(const std::string& items) { return "\x80\x02}(" + items + "u."; }
std::string one(const std::string& value) { return dict(text("w") + value); }

std::string eight_floats() {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    const auto x = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&x), 4);
  }
  return bytes;
}
std::string file_of(const std::string& pickle, const std::string& storage = eight_floats()) {
  return stored_zip(
      {{"archive/data.pkl", pickle}, {"archive/byteorder", "little"}, {"archive/data/0", storage}});
}

// One error of the kind, which names the file, within a second.
void refuses(const std::string& bytes, const std::vector<std::string>& words) {
  const auto start = std::chrono::steady_clock::now();
  try {
    torch_pickle::load(bytes, "a.pth");
    FAIL_CHECK("nothing was thrown");
  } catch (const FormatError& error) {
    CHECK_THAT(error.what(), Catch::StartsWith("a.pth: "));
    for (const std::string& word : words) CHECK_THAT(error.what(), Contains(word));
    CHECK(std::string(error.what()).size() < 400);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

long most_memory_kb() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("a file that PyTorch wrote is read whole", "[torch_pickle]") {
  const std::string model = read_file(tests::reference_path("sb3/sac.zip"));
  const ZipArchive archive(model, "sac.zip");
  const NamedTensors weights = torch_pickle::load(archive.member("policy.pth"), "policy.pth");
  CHECK(weights.size() == 32);
  CHECK(weights[0].name == "actor.latent_pi.0.weight");
  CHECK(describe(weights[0].tensor) == "f32 [8, 3]");
  const NamedTensors adam = torch_pickle::load(archive.member("actor.optimizer.pth"), "actor");
  const auto at = [&](const std::string& name) {
    for (const auto& [its_name, x] : adam) {
      if (its_name == name) return x.to_vector();
    }
    return std::vector<double>();
  };
  CHECK(at("state.0.step") == std::vector<double>{80});
  CHECK(at("state.0.exp_avg").size() == 24);
  CHECK(at("param_groups.0.lr") == std::vector<double>{1e-3});
  CHECK(at("param_groups.0.betas.1") == std::vector<double>{0.999});
  CHECK(at("param_groups.0.params.7") == std::vector<double>{7});
}

TEST_CASE("offsets, strides, numbers and parameters are read as what they are", "[torch_pickle]") {
  const auto values = [](const std::string& value) {
    return torch_pickle::load(file_of(one(value)), "a.pth").at(0).tensor;
  };
  CHECK(values(tensor(0, {2, 4}, {4, 1})).to_vector() == std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(values(tensor(1, {3, 2}, {1, 3})).to_vector() == std::vector<double>{1, 4, 2, 5, 3, 6});
  CHECK(values(tensor(7, {}, {})).item() == 7);
  CHECK(values(tensor(2, {2}, {0})).to_vector() == std::vector<double>{2, 2});
  CHECK(values(tensor(2, {1, 2}, {INT64_MAX, 1})).to_vector() == std::vector<double>{2, 3});
  CHECK(values("ctorch._utils\n_rebuild_parameter\n(" + tensor(0, {2}, {1}) + "\x88" +
               "ccollections\nOrderedDict\n)RtR")
            .to_vector() == std::vector<double>{0, 1});
  CHECK(values("J\xfe\xff\xff\xff").item() == -2);
  CHECK(values("M\x01\x02").item() == 513);
  CHECK(values("G\x3f\xe0\0\0\0\0\0\0"s).item() == 0.5);
  CHECK(values("\x88").item() == 1);
  CHECK(values("\x8a\x01\xff").item() == -1);
  CHECK(values("](K\x05K\x06"s + "e").item() == 5);
  CHECK(torch_pickle::load(file_of(one("N")), "a.pth").empty());
  CHECK(values(tensor(0, {4}, {1}, "torch\nLongStorage")).dtype() == DType::i64);
}

TEST_CASE("a pickle that would do something is refused, and nothing is done", "[torch_pickle]") {
  const std::string command = text("touch harm") + "tR.";
  refuses(file_of("cos\nsystem\n(" + command), {"os.system", "nothing is executed"});
  refuses(file_of("cposix\nsystem\n(" + command), {"posix.system"});
  refuses(file_of("\x80\x04\x8c\x08"s + "builtins\x8c\x04" + "eval\x93(" + command), {"builtins.eval"});
  refuses(file_of("ctorch\nload\n(" + command), {"torch.load"});
  refuses(file_of(one(tensor(0, {2}, {1}, "torch\nHalfStorage"))), {"torch.HalfStorage"});
  refuses(file_of("(" + text("x") + "ios\nsystem\n."), {"opcode 0x69"});
  refuses(file_of("(" + text("x") + "o."), {"opcode 0x6f"});
  refuses(file_of("\x82\x01."), {"opcode 0x82"});
  refuses(file_of("Pname\n."), {"opcode 0x50"});
  refuses(file_of(one("]}b")), {"attributes"});
  refuses(file_of(one("ccollections\nOrderedDict\n(K\x01tR")), {"OrderedDict"});
  refuses(file_of(one("ctorch\nFloatStorage\n)R")), {"'w' is no tensor"});
  refuses(file_of(one("ccollections\nOrderedDict\n")), {"'w' is neither"});
}

TEST_CASE("damaged pickles are one error each", "[torch_pickle]") {
  refuses(file_of(""), {"ends at byte 0"});
  refuses(file_of("."), {"leaves 0 values"});
  refuses(file_of("NN."), {"leaves 2 values"});
  refuses(file_of("X\xff\xff\xff\xff."), {"ends at byte"});
  refuses(file_of("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), {"ends at byte"});
  refuses(file_of("\x8a\xff."), {"integer of 255 bytes"});
  refuses(file_of("h\x05."), {"not kept"});
  refuses(file_of("K\x01"s + "a."), {"empty stack"});
  refuses(file_of("]("s + "K\x01" + "a."), {"empty stack"});
  refuses(file_of("]K\x01" + "e."s), {"lacks a mark"});
  refuses(file_of("}(K\x01" + "u."s), {"no dict"});
  refuses(file_of("](K\x01K\x01u."), {"no dict"});
  refuses(file_of("K\x01)R."), {"no global"});
  refuses(file_of("\x80\x09."), {"protocol"});
  refuses(file_of(dict(text("w") + "K\x01" + text("w") + "K\x02")), {"'w' twice"});
  refuses(file_of(dict("GAAAAAAAAK\x01")), {"neither text nor integer"});
  refuses(file_of(std::string(Pickle::kMaxBytes + 1, 'N')), {"bytes, expected at most"});
}

TEST_CASE("every beginning of a pickle is refused, and no flipped byte does harm", "[torch_pickle]") {
  const std::string good = one(tensor(0, {2, 4}, {4, 1}));
  CHECK(torch_pickle::load(file_of(good), "a.pth").size() == 1);
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_THROWS_AS(torch_pickle::load(file_of(good.substr(0, n)), "a.pth"), FormatError);
  const std::string file = file_of(good);
  for (std::size_t n = 0; n < file.size(); ++n)
    CHECK_THROWS_AS(torch_pickle::load(file.substr(0, n), "a.pth"), FormatError);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int bit : {1, 8, 128}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ bit);
      try {
        torch_pickle::load(file_of(bad), "a.pth");
      } catch (const FormatError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 2 * good.size());
}

TEST_CASE("tensors beyond their storage, or larger than the file, are refused", "[torch_pickle]") {
  refuses(file_of(one(tensor(1, {8}, {1}))), {"'w'", "beyond the 8"});
  refuses(file_of(one(tensor(-1, {2}, {1}))), {"no count"});
  refuses(file_of(one(tensor(0, {2}, {-1}))), {"no count"});
  refuses(file_of(one(tensor(0, {3, 2}, {INT64_MAX, 1}))), {"beyond"});
  refuses(file_of(one(tensor(INT64_MAX, {2}, {1}))), {"beyond"});
  refuses(file_of(one(tensor(0, {std::int64_t{1} << 40}, {0}))), {"more bytes than it has"});
  refuses(file_of(one(tensor(0, {INT64_MAX, INT64_MAX}, {0, 0}))), {"beyond"});
  refuses(file_of(one(tensor(0, {0}, {1}))), {"no elements"});
  refuses(file_of(one(tensor(0, {2}, {1, 1}))), {"1 sizes and 2 strides"});
  refuses(file_of(one(tensor(0, std::vector<std::int64_t>(9, 1), std::vector<std::int64_t>(9, 1)))),
          {"at most 8"});
  std::string many;  // each of one large storage: together more than there is memory
  for (int i = 0; i < 5000; ++i) many += text(std::to_string(i)) + tensor(0, {1 << 20}, {1});
  refuses(file_of(dict(many), std::string(std::size_t{4} << 20, '\0')), {"more bytes than it has"});
  refuses(stored_zip({{"a/data.pkl", one(tensor(0, {2}, {1}))}}), {"has no 'a/data/0'"});
  refuses(stored_zip({{"a/data.pkl", one("N")}, {"a/byteorder", "big"}}), {"byteorder is big"});
  refuses(stored_zip({{"data", "x"}}), {"no data.pkl"});
}

TEST_CASE("deep, wide and endless pickles take neither time nor memory", "[torch_pickle]") {
  const long before = most_memory_kb();
  refuses(file_of(std::string(500'000, ']') + "."), {"nests too deep"});
  refuses(file_of(std::string(500'000, '(') + "."), {"nests too deep"});
  refuses(file_of("]q\0h\0a."s), {"too deep"});  // a list in itself
  // Lists of a hundred times the list before: 10^16 values, were they walked.
  std::string wide = "]q\0"s;
  for (char i = 1; i <= 8; ++i) {
    wide += "]q"s + i + "(";
    for (int k = 0; k < 100; ++k) wide += "h"s + static_cast<char>(i - 1);
    wide += "e";
  }
  std::string unwound = "](" + wide + "e.";
  refuses(file_of(unwound), {"over 100000 values"});
  // One large tuple, as the arguments of calls without end.
  std::string calls = "ccollections\nOrderedDict\nq\0("s;
  for (int i = 0; i < 10'000; ++i) calls += "N";
  calls += "tq\1"s;
  calls += "ctorch._utils\n_rebuild_tensor_v2\nq\2]q\3"s;
  std::string more = "("s;
  for (int i = 0; i < 150'000; ++i) more += (i % 5000 == 0 && i > 0 ? "e(" : "") + "h\2h\1R"s;
  refuses(file_of(calls + more + "e."), {});
  CHECK(most_memory_kb() - before < 400'000);
}

TEST_CASE("zip archives that are damaged or mean harm are refused", "[torch_pickle]") {
  const auto refuses_zip = [](const std::string& bytes, const std::vector<std::string>& words) {
    try {
      const ZipArchive archive(bytes, "a.zip");
      for (const auto& [name, contents] : archive.members()) static_cast<void>(archive.member(name));
      FAIL_CHECK("nothing was thrown");
    } catch (const FormatError& error) {
      CHECK_THAT(error.what(), Catch::StartsWith("a.zip: "));
      for (const std::string& word : words) CHECK_THAT(error.what(), Contains(word));
    }
  };
  CHECK(crc32("123456789") == 0xcbf43926);
  const std::string good = stored_zip({{"a", "one"}, {"b", "two"}});
  CHECK(ZipArchive(good, "a.zip").member("b") == "two");
  CHECK(ZipArchive(good.substr(0, good.size() - 2) + "\3\0end"s, "a.zip").member("a") ==
        "one");  // with a comment
  CHECK_THROWS_WITH(ZipArchive(good, "a.zip").member("c"), Contains("has no 'c'"));
  refuses_zip("", {"no zip archive"});
  refuses_zip("not a zip archive, but long enough to be one", {"no zip archive"});
  refuses_zip(good + "x", {"no zip archive"});
  for (const std::string name : {"../a", "a/../../b", "/etc/passwd", "..", "a\\b", ""})
    refuses_zip(stored_zip({{name, "x"}}), {"leads elsewhere"});
  CHECK(ZipArchive(stored_zip({{"..a/b..", "x"}}), "a.zip").has("..a/b.."));
  refuses_zip(stored_zip({{"a", "x"}, {"a", "y"}}), {"'a' twice"});
  refuses_zip(stored_zip({{"a", "x"}}, 8), {"compressed (method 8)", "zip -0"});
  refuses_zip(stored_zip({{"a", "x"}}, 0, 1), {"encrypted"});

  std::string bytes = good;
  bytes[bytes.find("two")] = 'T';
  refuses_zip(bytes, {"'b' is damaged: its sum"});
  const auto edited = [&](std::size_t at, std::uint64_t value, int width) {
    std::string copy = good;
    copy.replace(at, static_cast<std::size_t>(width), little_endian(value, width));
    return copy;
  };
  const std::size_t list = good.find("PK\1\2"), second = good.find("PK\1\2", list + 1),
                    end = good.find("PK\5\6");
  refuses_zip(edited(list + 24, 0xffffffff, 4), {"compressed"});  // sizes that differ: a bomb
  std::string bomb = edited(list + 20, 0xffffff, 4);
  bomb.replace(list + 24, 4, little_endian(0xffffff, 4));
  refuses_zip(bomb, {"beyond byte"});
  std::string longer = edited(list + 20, 10, 4);  // reaches into the second
  longer.replace(list + 24, 4, little_endian(10, 4));
  refuses_zip(longer, {"'a' and 'b' overlap"});
  refuses_zip(edited(second + 42, 0, 4), {"another member than 'b'"});
  refuses_zip(edited(second + 42, 0xfffffff0, 4), {"is damaged"});
  refuses_zip(edited(end + 16, 0xffffffff, 4), {"more than 4 GB"});
  refuses_zip(edited(end + 10, 0xffff, 2), {"65535 members"});
  refuses_zip(edited(end + 12, 10, 4), {"expected 10"});
  refuses_zip(edited(end + 4, 1, 2), {"several"});
  refuses_zip(edited(list, 0, 4), {"no entry of its list"});
  refuses_zip(edited(list + 28, 60'000, 2), {"is damaged"});
}
