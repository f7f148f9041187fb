// The built-in models, which the build makes from models/*.xml.
#pragma once

#include <string_view>

namespace saccade::envs {

/// The MJCF text of the model of this name, such as "ant", which must be one of models/.
std::string_view built_in_model(std::string_view name);

}  // namespace saccade::envs
