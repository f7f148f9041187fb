// From what a user asks for to the configuration of a new run, by one set of rules for every front end.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rl/runs/run_folder.h"

namespace saccade::rl {

/// As typed; empty where nothing was.
struct RunChoice {
  std::string name;                        // of a preset or an environment
  std::string algorithm;                   // otherwise that of the file, or the default one
  std::string config_file;                 // settings, over those of the preset
  std::vector<std::string> settings = {};  // "key=value", over those of the file
  std::vector<std::pair<std::string, std::string>> flags =
      {};  // key and value, over all; "" leaves a key as it is
};

bool is_preset(const std::string& name);

/// ConfigError for what is unknown, does not fit or contradicts itself.
RunInfo choose(const RunChoice& choice);

/// Sets the key of a flag: "seed" for --seed. Nothing for "".
void set_from_flag(Config& config, const std::string& key, const std::string& text);

/// Sentences on what is allowed and probably not meant: nothing will be learned, an action space is vast, the
/// noise is another than that of the task's preset.
std::vector<std::string> surprises(const RunInfo& info);

}  // namespace saccade::rl
