// Tables that a resumed run cuts back to its checkpoint.
#include "rl/runs/csv_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using Catch::Contains;
using rl::CsvFile;
using test::read_file;
using test::TemporaryFolder;
using test::write_file;

namespace {

std::ptrdiff_t open_files() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

}  // namespace

TEST_CASE("a table grows by rows, and is cut back to where the checkpoint was made", "[csv_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("t.csv");
  std::int64_t size = 0;
  {
    CsvFile table(path, "a,b");
    table.add_row("1,2");
    size = table.size();
    table.add_row("3,4");
    table.sync();
  }
  CHECK(size == 8);
  using std::filesystem::perms;
  const mode_t mask = umask(0);
  umask(mask);
  CHECK(std::filesystem::status(path).permissions() == perms(0644 & ~mask));
  CHECK(read_file(path) == "a,b\n1,2\n3,4\n");
  {
    CsvFile table(path, size);
    CHECK(read_file(path) == "a,b\n1,2\n3,4\n");  // until all of the checkpoint is known to be well
    table.cut();
    CHECK(read_file(path) == "a,b\n1,2\n");
    table.add_row("5,6");
  }
  CHECK(read_file(path) == "a,b\n1,2\n5,6\n");
}

TEST_CASE("a table that is not the checkpoint's is refused, left as it is, and closed again", "[csv_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("t.csv");
  write_file(path, "a,b\n1,2\n");
  const std::ptrdiff_t before = open_files();
  CHECK_THROWS_WITH(CsvFile(path, 9), Contains("has 8 bytes, expected the 9 or more"));
  CHECK_THROWS_WITH(CsvFile(path, 7), Contains("has no row that ends at byte 7"));
  CHECK_THROWS_WITH(CsvFile(path, 0), Contains("has no row that ends at byte 0"));
  CHECK_THROWS_WITH(CsvFile(folder.path("none"), 8), Contains("none: cannot be opened: No such file"));
  CHECK_THROWS_WITH(CsvFile(path, "a,b"), Contains("t.csv: cannot be made: File exists"));
  std::filesystem::create_symlink(path, folder.path("link"));
  CHECK_THROWS_AS(CsvFile(folder.path("link"), 8), FormatError);
  CHECK_THROWS_AS(CsvFile(folder.path("link"), "a,b"), FormatError);
  {
    const CsvFile fits(path, 8);
    CHECK(open_files() == before + 1);
  }
  CHECK(open_files() == before);
  CHECK(read_file(path) == "a,b\n1,2\n");
}
