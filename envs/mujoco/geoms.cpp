#include "envs/mujoco/geoms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"

namespace saccade::envs {

namespace {

constexpr int kShownGroups = 3;  // MuJoCo's own viewer shows the first three as well

constexpr std::array<std::pair<int, GeomKind>, 6> kKinds = {{{mjGEOM_PLANE, GeomKind::plane},
                                                             {mjGEOM_SPHERE, GeomKind::sphere},
                                                             {mjGEOM_CAPSULE, GeomKind::capsule},
                                                             {mjGEOM_CYLINDER, GeomKind::cylinder},
                                                             {mjGEOM_ELLIPSOID, GeomKind::ellipsoid},
                                                             {mjGEOM_BOX, GeomKind::box}}};

// A colour for each limb: a body that is its parent's only one goes on with its colour.
std::vector<int> body_colours(const mjModel& model) {
  std::vector<int> children(static_cast<std::size_t>(model.nbody)), colours = children;
  for (int body = 1; body < model.nbody; ++body)
    ++children[static_cast<std::size_t>(model.body_parentid[body])];
  int last = 0;
  for (int body = 1; body < model.nbody; ++body) {
    const auto parent = static_cast<std::size_t>(model.body_parentid[body]);
    const bool goes_on = parent > 0 && children[parent] == 1;
    colours[static_cast<std::size_t>(body)] = goes_on ? colours[parent] : ++last;
  }
  return colours;
}

// Whether the first body may leave the place that it starts from.
bool travels(const mjModel& model) {
  if (model.nbody < 2 || model.body_jntnum[1] == 0) return false;
  const int joint = model.body_jntadr[1];
  return model.jnt_type[joint] == mjJNT_FREE ||
         (model.jnt_type[joint] == mjJNT_SLIDE && model.jnt_limited[joint] == 0);
}

}  // namespace

Geoms::Geoms(const mjModel& model) : model_(model), data_(mj_makeData(&model)) {
  if (!data_) throw Error("MuJoCo could not make room for a picture of its simulation");
  const std::vector<int> colours = body_colours(model);
  for (int geom = 0; geom < model.ngeom; ++geom) {
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                   [&](const auto& known) { return known.first == model.geom_type[geom]; });
    const bool is_shown = model.geom_group[geom] < kShownGroups && model.geom_rgba[4 * geom + 3] > 0;
    if (kind == kKinds.end() || !is_shown) continue;
    Geom drawn = {.kind = kind->second, .colour = colours[static_cast<std::size_t>(model.geom_bodyid[geom])]};
    if (drawn.kind != GeomKind::plane) std::copy_n(model.geom_size + 3 * geom, 3, drawn.size.begin());
    framed_.geoms.push_back(drawn);
    shown_.push_back(geom);
  }
  mj_kinematics(&model, data_.get());  // of the model's initial position
  frame();
}

// All but planes is to be seen. MuJoCo's own extent counts planes.
void Geoms::frame() {
  Point low, high;
  low.fill(std::numeric_limits<double>::infinity());
  high.fill(-std::numeric_limits<double>::infinity());
  for (const int geom : shown_) {
    if (model_.geom_type[geom] == mjGEOM_PLANE) continue;
    const double* size = model_.geom_size + 3 * geom;
    const bool is_long =
        model_.geom_type[geom] == mjGEOM_CAPSULE || model_.geom_type[geom] == mjGEOM_CYLINDER;
    for (int i = 0; i < 3; ++i) {
      const double along = std::abs(data_->geom_xmat[9 * geom + 3 * i + 2]);  // of its axis
      const double reach = is_long ? size[0] + along * size[1] : model_.geom_rbound[geom];
      const double centre = data_->geom_xpos[3 * geom + i];
      const auto coordinate = static_cast<std::size_t>(i);
      low[coordinate] = std::min(low[coordinate], centre - reach);
      high[coordinate] = std::max(high[coordinate], centre + reach);
    }
  }
  if (low[0] > high[0]) return;  // nothing but planes
  for (std::size_t i = 0; i < 3; ++i) framed_.target[i] = (low[i] + high[i]) / 2;
  framed_.radius = std::hypot(high[0] - low[0], high[1] - low[1], high[2] - low[2]) / 2;
  if (!travels(model_)) return;
  framed_.radius *= 1.3;  // room to jump
  std::copy_n(data_->xpos + 3, 3, start_.begin());
}

Scene Geoms::scene(const double* qpos) {
  std::copy_n(qpos, model_.nq, data_->qpos);
  mj_kinematics(&model_, data_.get());
  Scene scene = framed_;
  for (std::size_t i = 0; i < shown_.size(); ++i) {
    std::copy_n(data_->geom_xpos + 3 * shown_[i], 3, scene.geoms[i].position.begin());
    mju_mat2Quat(scene.geoms[i].rotation.data(), data_->geom_xmat + 9 * shown_[i]);
  }
  if (travels(model_)) {  // over the ground; up and down is for the picture to show
    for (std::size_t i = 0; i < 2; ++i) scene.target[i] += data_->xpos[3 + i] - start_[i];
  }
  return scene;
}

}  // namespace saccade::envs
