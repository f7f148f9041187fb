#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "base/threads.h"

int main(int argc, char** argv) {
  saccade::set_dynamic_threads(false);  // tests of threads must have them, however busy the machine is
  return Catch::Session().run(argc, argv);
}
