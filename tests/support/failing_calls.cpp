// Loaded before the C library (LD_PRELOAD): call number SACCADE_FAIL of those below fails, as on a full disk
// or a broken one. With SACCADE_FAIL_COUNT a file's name, how many there were is written there at the end.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdarg>

namespace {

long count = 0;

long setting(const char* name) {
  const char* text = getenv(name);
  return text == nullptr ? 0 : atol(text);
}

// Whether this one is to fail; then errno says why.
bool fails() {
  static const long nth = setting("SACCADE_FAIL");
  if (++count != nth) return false;
  errno = nth % 2 == 0 ? ENOSPC : EIO;
  return true;
}

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

__attribute__((destructor)) void report() {
  const char* path = getenv("SACCADE_FAIL_COUNT");
  if (path == nullptr) return;
  if (FILE* file = fopen(path, "w")) {
    fprintf(file, "%ld\n", count);
    fclose(file);
  }
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t n) {
  if (file > 2 && fails()) return -1;
  return real<ssize_t(int, const void*, size_t)>("write")(file, bytes, n);
}

int fsync(int file) { return fails() ? -1 : real<int(int)>("fsync")(file); }

int fdatasync(int file) { return fails() ? -1 : real<int(int)>("fdatasync")(file); }

int rename(const char* from, const char* to) {
  return fails() ? -1 : real<int(const char*, const char*)>("rename")(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails()) return -1;
  return real<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from, to_folder,
                                                                              to, flags);
}

int mkdir(const char* path, mode_t mode) noexcept {
  return fails() ? -1 : real<int(const char*, mode_t)>("mkdir")(path, mode);
}

int ftruncate(int file, off_t length) noexcept {
  return fails() ? -1 : real<int(int, off_t)>("ftruncate")(file, length);
}

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    if (fails()) return -1;
  }
  return real<int(const char*, int, ...)>("open")(path, flags, mode);
}

}  // extern "C"
