#include "tools/bench/physics.h"

#include <mujoco/mujoco.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "envs/mujoco/env.h"
#include "envs/mujoco/tasks.h"
#include "tools/bench/random_walk.h"

namespace saccade::bench {

namespace {

struct BareLoop {
  struct Step {
    std::vector<double> control;
    std::vector<double> start;  // the time, qpos and qvel of an episode that begins here; else empty
  };

  explicit BareLoop(const std::string& id)
      : env(envs::make_mujoco(id)),
        mujoco(dynamic_cast<const envs::MujocoEnv&>(*env)),
        model(&mujoco.simulation().model()),
        data(mj_makeData(model), mj_deleteData) {
    const auto start_size = 1 + static_cast<std::size_t>(model->nq) + static_cast<std::size_t>(model->nv);
    RandomWalk walk(id);
    for (Step& step : steps) {
      if (walk.at_start()) {
        walk.reset();
        step.start = walk.env().state();
        step.start.resize(start_size);
      }
      step.control.assign(walk.action().begin(), walk.action().end());
      walk.step();
    }
  }

  void take_step() {
    const Step& step = steps[next];
    if (!step.start.empty()) {
      mj_resetData(model, data.get());
      std::copy_n(step.start.data() + 1, model->nq, data->qpos);
      std::copy_n(step.start.data() + 1 + model->nq, model->nv, data->qvel);
      mj_forward(model, data.get());
    }
    std::copy(step.control.begin(), step.control.end(), data->ctrl);
    for (int i = 0; i < mujoco.task().frame_skip; ++i) mj_step(model, data.get());
    if (mujoco.task().contact_forces) mj_rnePostConstraint(model, data.get());
    next = (next + 1) % steps.size();
  }

  std::unique_ptr<envs::Env> env;  // whose model it is
  const envs::MujocoEnv& mujoco;
  const mjModel* model;
  std::unique_ptr<mjData, decltype(&mj_deleteData)> data;
  std::vector<Step> steps{RandomWalk::kSteps};
  std::size_t next = 0;
};

}  // namespace

Work physics_step(const std::string& id) {
  return repeat([loop = std::make_shared<BareLoop>(id)] { loop->take_step(); });
}

}  // namespace saccade::bench
