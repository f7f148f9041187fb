// A simulation as geoms to draw.
#pragma once

#include <mujoco/mujoco.h>

#include <memory>
#include <vector>

#include "envs/scene.h"

namespace saccade::envs {

class Geoms {
 public:
  /// The model must outlive this.
  explicit Geoms(const mjModel& model);

  /// The geoms where these coordinates put them, in colours that tell limbs apart; those that MuJoCo's own
  /// viewer shows by default, but for meshes and height fields. The camera follows the first body if that is
  /// free to move away.
  Scene scene(const double* qpos);

 private:
  struct Delete {
    void operator()(mjData* data) const { mj_deleteData(data); }
  };
  void frame();

  const mjModel& model_;
  // Not the simulation's: its positions are those from before its last integration, and part of its state.
  std::unique_ptr<mjData, Delete> data_;
  Point start_{};           // of the first body
  Scene framed_{};          // the geoms with their colours and sizes, and what is to be seen of them
  std::vector<int> shown_;  // the geom of each geom
};

}  // namespace saccade::envs
