#include "rl/algorithms/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "rl/algorithms/crossq.h"
#include "rl/algorithms/discrete_sac.h"
#include "rl/algorithms/dqn.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/sac_v1.h"
#include "rl/algorithms/soft_q.h"
#include "rl/algorithms/td3.h"
#include "rl/algorithms/tqc.h"

namespace saccade::rl {

namespace {

std::deque<AlgorithmInfo>& list() {
  static std::deque<AlgorithmInfo> all = {
      sac_info(), redq_info(), droq_info(),         tqc_info(), crossq_info(), sac_v1_info(),
      td3_info(), ddpg_info(), discrete_sac_info(), dqn_info(), soft_q_info(),
  };
  return all;
}

}  // namespace

const std::deque<AlgorithmInfo>& algorithms() { return list(); }

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const AlgorithmInfo& info : list()) names.push_back(info.name);
  return names;
}

const AlgorithmInfo& default_algorithm() { return list().front(); }

const AlgorithmInfo& find_algorithm(std::string_view name) {
  for (const AlgorithmInfo& info : list()) {
    if (info.name == name) return info;
  }
  const std::vector<std::string> names = algorithm_names();
  const std::string near = nearest(name, names);
  throw ConfigError(fmt::format("there is no algorithm \"{}\"{} Available: {}", name,
                                near.empty() ? "." : fmt::format("; did you mean {}?", near), join(names)));
}

void add_algorithm(AlgorithmInfo info) {
  const auto taken = [&](const AlgorithmInfo& other) { return other.name == info.name; };
  if (std::any_of(list().begin(), list().end(), taken)) {
    throw ConfigError(fmt::format("cannot add an algorithm called \"{}\": there is one already", info.name));
  }
  list().push_back(std::move(info));
}

}  // namespace saccade::rl
