// Catch2's main: version 2 writes it here, version 3 has it in a library.
#define CATCH_CONFIG_MAIN
#include "tests/support/catch.h"
