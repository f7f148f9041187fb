#include "tools/pages/log_prob_json.h"

#include <nlohmann/json.hpp>

#include "tools/gradcheck/log_prob_errors.h"

namespace saccade::pages {

nlohmann::ordered_json log_prob_json() {
  using Json = nlohmann::ordered_json;
  const suite::LogProbErrors errors = suite::log_prob_errors();
  Json curves = Json::array();
  for (const suite::LogProbErrors::Curve& curve : errors.curves) {
    curves.push_back(
        {{"form", curve.form}, {"dtype", curve.dtype}, {"value", curve.value}, {"gradient", curve.gradient}});
  }
  return {{"u", errors.u}, {"curves", std::move(curves)}};
}

}  // namespace saccade::pages
