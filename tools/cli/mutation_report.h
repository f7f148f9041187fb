// saccade gradcheck --mutate: every gradient broken on purpose, which some check must notice.
#pragma once

#include <string>

namespace saccade::cli {

/// Breaks each gradient of the ops whose names hold the pattern, with all checks of ops to notice, and prints
/// what came of it. The exit code: 1 if a mutant that changes a number survived. Throws ConfigError if no op
/// matches.
int run_mutation(const std::string& pattern, bool json);

}  // namespace saccade::cli
