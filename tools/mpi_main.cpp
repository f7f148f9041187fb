// The command where MPI may have started it several times: `mpirun -n 4 saccade train ENV`.
#include "rl/distributed/launch.h"
#include "tools/cli/command_line.h"

int main(int argc, char** argv) {
  return saccade::rl::run_in_team(argc, argv, saccade::cli::run_command_line);
}
