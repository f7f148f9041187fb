// Programs that MPI starts several times.
#pragma once

namespace saccade::rl {

/// Runs program(argc, argv) and returns what that returns. If this process is one of several that MPI has
/// started together, it does so in a team (nn/team.h) of them all, who have agreed on a version, which must
/// be one, and on the best instruction set that every one of them has, which takes the place of SACCADE_ISA;
/// a thread's place is for each member's threads alone where several share a host. Otherwise MPI is not even
/// begun.
///
/// A member that hangs ends the others SACCADE_PATIENCE seconds later, 120 if nothing else is said.
int run_in_team(int argc, char** argv, int (*program)(int, char**));

}  // namespace saccade::rl
