// The environments that are files of their own; see registry.h.
#pragma once

#include <vector>

#include "envs/registry.h"

namespace saccade::envs {

std::vector<Entry> built_in_entries();

}  // namespace saccade::envs
