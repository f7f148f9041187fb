// The one way to write a file: whole or not at all, following links, keeping permissions, refusing devices.
#include "base/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using Catch::Contains;
using test::read_file;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status = {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a file is replaced whole, and nothing is left beside it", "[files]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("file");
  write_file(path, "one");
  write_file(path, "two");
  CHECK(read_file(path) == "two");
  {
    ReplacementFile abandoned(path);
    abandoned.write("three");
  }
  CHECK(read_file(path) == "two");
  CHECK(test::snapshot(folder.path()).size() == 1);
}

TEST_CASE("links stay and what they lead to is replaced, even where nothing is yet", "[files]") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path("elsewhere"));
  fs::create_symlink("elsewhere/file", folder.path("link"));
  fs::create_symlink("link", folder.path("second"));
  write_file(folder.path("second"), "first");  // the chain ends in nothing
  CHECK(read_file(folder.path("elsewhere/file")) == "first");
  write_file(folder.path("second"), "again");
  CHECK(read_file(folder.path("elsewhere/file")) == "again");
  CHECK(fs::is_symlink(folder.path("link")));
  fs::create_symlink("loop", folder.path("loop"));
  CHECK_THROWS_WITH(write_file(folder.path("loop"), ""), Contains("loop") && Contains("cannot be written"));
}

TEST_CASE("a file's permissions are kept, and a new file has the user's default", "[files]") {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(027);
  write_file(folder.path("new"), "");
  CHECK(mode_of(folder.path("new")) == 0640);
  for (const mode_t mode : {0600u, 0644u, 0664u}) {
    REQUIRE(::chmod(folder.path("new").c_str(), mode) == 0);
    write_file(folder.path("new"), "again");
    CHECK(mode_of(folder.path("new")) == mode);
    struct stat before = {}, after = {};
    if (::geteuid() == 0) REQUIRE(::chown(folder.path("new").c_str(), 65534, 1) == 0);
    REQUIRE(::chmod(folder.path("new").c_str(), mode | 04000) == 0);
    REQUIRE(::stat(folder.path("new").c_str(), &before) == 0);
    write_file(folder.path("new"), "other");
    REQUIRE(::stat(folder.path("new").c_str(), &after) == 0);
    CHECK(after.st_uid == before.st_uid);
    CHECK(after.st_gid == before.st_gid);
    CHECK(mode_of(folder.path("new")) == mode);  // nobody's programs become another's
  }
  ::umask(mask);
}

TEST_CASE("what is no regular file is refused and stays", "[files]") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path("folder"));
  REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  fs::create_symlink("/dev/null", folder.path("device"));
  for (const char* name : {"folder", "pipe", "device"}) {
    CHECK_THROWS_WITH(write_file(folder.path(name), "x"), Contains(name) && Contains("not a regular file"));
    CHECK_THROWS_AS(check_writable(folder.path(name)), FormatError);
  }
  CHECK(fs::is_character_file("/dev/null"));
  CHECK_THROWS_WITH(write_file("", "x"), Contains("cannot be written"));
  CHECK_THROWS_WITH(write_file(folder.path("folder/"), "x"), Contains("cannot be written"));
  CHECK_THROWS_WITH(write_file(folder.path("none/file"), "x"), Contains("No such file"));
  CHECK(fs::is_empty(folder.path("folder")));
}

TEST_CASE("a name as long as names may be is written too", "[files]") {
  const TemporaryFolder folder;
  const std::string path = folder.path(std::string(255, 'n'));
  write_file(path, "long");
  CHECK(read_file(path) == "long");
}

TEST_CASE("two threads that save to one path leave one of the two contents", "[files]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("file");
  const std::string contents[] = {std::string(100'000, 'a'), std::string(100'000, 'b')};
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> threads;
    for (const std::string& text : contents) threads.emplace_back([&] { write_file(path, text); });
    for (std::thread& thread : threads) thread.join();
    const std::string found = read_file(path);
    const bool whole = found == contents[0] || found == contents[1];
    CHECK(whole);
  }
  CHECK(test::snapshot(folder.path()).size() == 1);
}
