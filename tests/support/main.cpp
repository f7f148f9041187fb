// The tests' main: Catch2's session, with threads that do not give way to other processes.
#define CATCH_CONFIG_RUNNER
#include "base/threads.h"
#include "tests/support/catch.h"

int main(int argc, char** argv) {
  saccade::set_dynamic_threads(false);  // tests of threads must have them, however busy the machine is
  return Catch::Session().run(argc, argv);
}
