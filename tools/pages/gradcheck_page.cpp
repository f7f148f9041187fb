#include "tools/pages/gradcheck_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "autograd/gradcheck.h"
#include "base/files.h"
#include "base/text.h"
#include "rl/runs/build_info.h"
#include "tools/pages/assemble.h"
#include "tools/pages/log_prob_json.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;

// Errors that are not finite become null.
Json to_json(const suite::Row& row) {
  Json variants = Json::array();
  for (const suite::Variant& v : row.variants) {
    Json errors = Json::array();
    for (const double error : {v.relative[0], v.relative[1], v.f32, v.value}) {
      errors.push_back(error < 0 ? Json(-1) : Json(error));
    }
    variants.push_back({{"name", v.name}, {"elements", v.elements}, {"errors", errors}});
    if (!v.passed()) variants.back()["failures"] = v.failures;
  }
  return {{"group", row.group},
          {"name", row.name},
          {"formula", row.formula},
          {"f32_limit", row.f32_limit},
          {"variants", std::move(variants)}};
}

Json page_data(const std::vector<suite::Row>& rows, const PageInfo& info) {
  Json list = Json::array();
  for (const suite::Row& row : rows) list.push_back(to_json(row));
  const GradcheckOptions defaults;  // which every check of the suite keeps to
  return {
      {"build", rl::build_info()},
      {"date", utc_now()},
      {"filter", info.filter},
      {"order", info.order},
      {"seconds", info.seconds},
      {"tolerance",
       {{"relative", defaults.relative}, {"absolute", defaults.absolute}, {"value", suite::kValueTolerance}}},
      {"rows", std::move(list)},
      {"log_prob", log_prob_json()}};
}

}  // namespace

void write_gradcheck_page(const std::string& path, const std::vector<suite::Row>& rows,
                          const PageInfo& info) {
  write_file(path, assemble("gradcheck", page_data(rows, info)));
}

}  // namespace saccade::pages
