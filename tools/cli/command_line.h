// The `saccade` command as a function, for programs that add environments of their own to it.
#pragma once

namespace saccade::cli {

/// Does what main()'s arguments ask for, as the `saccade` command, and returns main()'s exit status: 2 for a
/// wrong command line or configuration, 1 for any other failure, each with one line on stderr; no exception
/// leaves it. Environments that were registered before with envs::add() are trained, evaluated, recorded and
/// listed like the built-in ones.
int run_command_line(int argc, char** argv);

}  // namespace saccade::cli
