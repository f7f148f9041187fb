// Checks that hold for every page that `saccade` writes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace saccade::test {

/// Checks that it is one valid file below 2 MB that loads nothing, and that it has each file that
/// web/NAME.html names, once.
void check_page(const std::string& page, const std::string& name);

/// Whether there is node. With CI=true it is a failure if there is none.
bool has_node();

/// What an expression comes to in web/SCRIPT, run by node with nothing but the `data` of the page.
nlohmann::ordered_json page_script(const std::string& script, const std::string& page,
                                   const std::string& expression);

}  // namespace saccade::test
