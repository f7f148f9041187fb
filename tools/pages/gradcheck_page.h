// saccade gradcheck --html: the results as one page that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "tools/gradcheck/rows.h"

namespace saccade::pages {

struct PageInfo {
  std::string filter;
  int order = 2;
  double seconds = 0;
};

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_gradcheck_page(const std::string& path, const std::vector<suite::Row>& rows, const PageInfo& info);

}  // namespace saccade::pages
