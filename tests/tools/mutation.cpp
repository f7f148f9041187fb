// The gradient checks must notice every gradient that is broken on purpose.

#include <set>

#include "tests/support/catch.h"
#include "tools/gradcheck/mutation.h"

using namespace saccade;

TEST_CASE("every mutant of every op's gradients is killed, or changes no number", "[mutation][slow]") {
  std::set<std::string> ops, kinds;
  int killed = 0;
  for (const suite::Mutant& mutant : suite::mutate(suite::op_checks())) {
    ops.insert(mutant.op);
    kinds.insert(mutant.kind);
    killed += mutant.killed ? 1 : 0;
    INFO(mutant.op << ", input " << mutant.edge << ", " << mutant.kind << ": " << mutant.killer);
    CHECK((mutant.killed || mutant.equivalent));
  }
  CHECK(ops.size() > 40);
  CHECK(kinds.size() == suite::mutation_kinds().size());
  CHECK(killed > 280);
}
