// FrozenLake on the larger of Gymnasium's maps.
#include "envs/registry.h"
#include "envs/table_env.h"
#include "envs/toy_text/frozen_lake.h"

namespace saccade::envs {

Entry frozen_lake_8x8_entry() {
  return {"FrozenLake8x8-v1", [] {
            return std::make_unique<TableEnv>("FrozenLake8x8-v1",
                                              frozen_lake_table(frozen_lake_map_8x8(), true), 200, 0.85);
          }};
}

}  // namespace saccade::envs
