// What Stable-Baselines3, CleanRL and Spinning Up call our keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace saccade::rl {

/// Our keys for a name that another project uses, such as actor_lr and critic_lr for "learning_rate"; of
/// whatever algorithm. None for a name that is not known.
std::vector<std::string> keys_for_other_name(std::string_view name);

}  // namespace saccade::rl
