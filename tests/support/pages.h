// Checks that hold for every page that `saccade` writes.
#pragma once

#include <string>

namespace saccade::test {

/// Checks that it is one valid file below 2 MB that loads nothing, and that it has each file that
/// web/NAME.html names, once.
void check_page(const std::string& page, const std::string& name);

}  // namespace saccade::test
