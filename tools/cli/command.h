// The subcommands, one file each.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace saccade::tools {

/// Each adds its subcommand to `app`; when that runs, it sets what the program is to return.
void add_train(CLI::App& app, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_gradcheck(CLI::App& app, int& exit_code);
void add_envs(CLI::App& app, int& exit_code);
void add_replay(CLI::App& app, int& exit_code);
void add_config(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_info(CLI::App& app, int& exit_code);

/// What --algo takes.
std::vector<std::string> algorithm_names();

}  // namespace saccade::tools
