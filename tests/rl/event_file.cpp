// Event files: checksums, records and the values in them, read back by a reader of the tests' own.
#include "rl/runs/event_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/event_reader.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using rl::EventFile;
using rl::Summary;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

// The histograms of these values: one or none.
std::vector<Histogram> histograms_of(const std::vector<double>& values) {
  const TemporaryFolder folder;
  EventFile(folder.path("tfevents")).add(1, Summary().histogram("h", values));
  std::vector<Histogram> found;
  const std::vector<Event> events = read_events(folder.path("tfevents"));
  for (const auto& [tag, histogram] : events.at(1).histograms) {
    CHECK(tag == "h");
    found.push_back(histogram);
  }
  return found;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C", "[event_file]") {
  CHECK(rl::crc32c("") == 0);
  CHECK(rl::crc32c("123456789") == 0xE3069283U);  // the check value of its catalogue
  std::string bytes(32, '\0');                    // RFC 3720, B.4
  CHECK(rl::crc32c(bytes) == 0x8A9136AAU);
  CHECK(rl::crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
  std::iota(bytes.begin(), bytes.end(), '\0');
  CHECK(rl::crc32c(bytes) == 0x46DD794EU);
  CHECK(rl::crc32c(std::string(bytes.rbegin(), bytes.rend())) == 0x113FDB5CU);
}

// Made with TensorBoard 2.21's RecordWriter, of b"", b"saccade" and bytes(range(300)) modulo 256.
TEST_CASE("records are framed as TensorBoard frames them", "[event_file]") {
  CHECK(hex(rl::tf_record("")) ==
        "000000000000000029039807"
        "d8ea82a2");
  CHECK(hex(rl::tf_record("saccade")) ==
        "0700000000000000bbd79f11"
        "73616363616465"
        "a5a94c23");
  std::string bytes(300, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  CHECK(hex(rl::tf_record(bytes)) == "2c01000000000000f2fe5b9d" + hex(bytes) + "f16ef709");
}

TEST_CASE("an event file begins with its version and holds the values of each step", "[event_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("tfevents");
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  const double before = now();
  {
    EventFile file(path);
    file.add(0, Summary().scalar("a/b", 1.5));
    file.add(300, Summary().scalar("a/b", -2).scalar("c", 0.1).histogram("h", std::vector<double>{1, 2}));
    file.sync();
    CHECK(file.size() == static_cast<std::int64_t>(std::filesystem::file_size(path)));
  }
  const std::vector<Event> events = read_events(path);
  REQUIRE(events.size() == 3);
  CHECK(events[0].file_version == "brain.Event:2");
  CHECK(events[0].scalars.empty());
  CHECK((events[1].step == 0 && events[2].step == 300));
  using Scalars = std::vector<std::pair<std::string, float>>;
  CHECK(events[1].scalars == Scalars{{"a/b", 1.5F}});
  CHECK(events[2].scalars == Scalars{{"a/b", -2.F}, {"c", 0.1F}});
  REQUIRE(events[2].histograms.size() == 1);
  for (const Event& event : events) CHECK((event.wall_time >= before && event.wall_time <= now()));
}

TEST_CASE("a histogram counts each value once, in buckets of equal width", "[event_file]") {
  std::vector<double> values(301);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) / 100 - 1;  // -1 to 2
  const Histogram h = histograms_of(values).at(0);
  CHECK((h.min == -1 && h.max == 2 && h.count == 301));
  CHECK(h.sum == Approx(301 * 0.5));
  CHECK(h.sum_of_squares == Approx(std::inner_product(values.begin(), values.end(), values.begin(), 0.0)));
  REQUIRE((h.limits.size() == 30 && h.counts.size() == 30));
  CHECK(std::accumulate(h.counts.begin(), h.counts.end(), 0.0) == 301);
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK(h.limits[i] == Approx(-0.9 + 0.1 * static_cast<double>(i)).margin(1e-12));
    CHECK(h.counts[i] == Approx(i < 29 ? 10 : 11).margin(1));  // what is at a limit may round to either side
  }
  // Without its right end, but for the last.
  const Histogram whole = histograms_of({0, 1, 1, 29, 30}).at(0);
  CHECK((whole.counts[0] == 1 && whole.counts[1] == 2 && whole.counts[29] == 2));
}

TEST_CASE("values that are equal, infinite, huge or tiny break no histogram", "[event_file]") {
  const auto last = [](const std::vector<double>& values) {
    const Histogram h = histograms_of(values).at(0);
    CHECK(std::accumulate(h.counts.begin(), h.counts.end(), 0.0) == h.count);
    CHECK(std::is_sorted(h.limits.begin(), h.limits.end()));
    CHECK(h.limits.back() == h.max);
    return h;
  };
  const Histogram equal = last({0.25, 0.25, 0.25});
  CHECK((equal.min == 0.25 && equal.max == 0.25 && equal.counts[29] == 3));
  const Histogram some = last({kNaN, 1, kInf, -kInf, 2});
  CHECK((some.min == 1 && some.max == 2 && some.count == 2 && some.sum == 3));
  CHECK(histograms_of({kNaN, kInf}).empty());
  CHECK(histograms_of({}).empty());
  const Histogram huge = last({-kMax, 0, kMax});
  CHECK((huge.counts[0] == 1 && huge.counts[15] == 1 && huge.counts[29] == 1));
  last({0, std::numeric_limits<double>::denorm_min()});
  last({1, 1 + std::numeric_limits<double>::epsilon()});
}

TEST_CASE("scalars may be anything", "[event_file]") {
  const TemporaryFolder folder;
  EventFile(folder.path("tfevents"))
      .add(1, Summary().scalar("a", kNaN).scalar("b", -kInf).scalar("c", 1e300).scalar("d", 1e-300));
  const auto scalars = read_events(folder.path("tfevents")).at(1).scalars;
  CHECK(std::isnan(scalars.at(0).second));
  CHECK(scalars.at(1).second == -std::numeric_limits<float>::infinity());
  CHECK(scalars.at(2).second == std::numeric_limits<float>::infinity());
  CHECK(scalars.at(3).second == 0);
}

TEST_CASE("an event file is cut back to where the checkpoint was made", "[event_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("tfevents");
  std::int64_t size = 0;
  {
    EventFile file(path);
    file.add(1, Summary().scalar("a", 1));
    size = file.size();
    file.add(2, Summary().scalar("a", 2));
  }
  write_file(path, read_file(path) + "half a rec");
  {
    EventFile file(path, size);
    CHECK(read_file(path).size() > static_cast<std::size_t>(size));  // until all is known to be well
    file.cut();
    file.add(2, Summary().scalar("a", 3));
  }
  const Series expected = {{"a", {{1, 1.F}, {2, 3.F}}}};
  CHECK(read_scalars(path) == expected);
}

TEST_CASE("an event file that is not the checkpoint's is refused and left as it is", "[event_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("tfevents");
  EventFile(path).add(1, Summary().scalar("a", 1));
  const std::string good = read_file(path);
  const auto size = static_cast<std::int64_t>(good.size());
  CHECK_THROWS_WITH(EventFile(path, size + 1), Contains("expected the " + std::to_string(size + 1)));
  for (std::int64_t at : {size - 1, std::int64_t{20}, std::int64_t{0}, std::int64_t{-1}})
    CHECK_THROWS_WITH(EventFile(path, at), Contains("has no event that ends at byte " + std::to_string(at)));
  CHECK(read_file(path) == good);
  // One that says, with the right checksum, that it is of 2^63 - 16 bytes.
  const std::string endless = "\xf0\xff\xff\xff\xff\xff\xff\x7f\xbe\xd0\x45\x85";
  write_file(path, endless + good);
  CHECK_THROWS_WITH(EventFile(path, size), Contains("has no event that ends at byte"));
  CHECK_THROWS_WITH(EventFile(folder.path("none"), 8), Contains("none: cannot be opened: No such file"));
  CHECK_THROWS_WITH(EventFile(path), Contains("tfevents: cannot be made: File exists"));
  CHECK_THROWS_WITH(EventFile(folder.path("none/tfevents")), Contains("cannot be made: No such file"));
  std::filesystem::create_symlink(path, folder.path("link"));
  CHECK_THROWS_AS(EventFile(folder.path("link"), size), FormatError);
  REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(EventFile(folder.path("pipe"), 0), Contains("pipe: is not a regular file"));
}
