// The subcommands: each is a file in commands/, NAME.cpp, that defines
//
//     void saccade::cli::add_NAME(CLI::App& app, int& exit_code);
//
// which adds the subcommand to `app`; when that runs, it sets what the program is to return. The build finds
// the files and makes their list.
#pragma once

namespace CLI {
class App;
}

namespace saccade::cli {

/// Adds all of them, in the order of their names.
void add_commands(CLI::App& app, int& exit_code);

}  // namespace saccade::cli
