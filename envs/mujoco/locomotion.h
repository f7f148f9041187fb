// The MuJoCo tasks in which a body is paid for moving forward: HalfCheetah, Hopper, Walker2d, Swimmer, Ant
// and Humanoid.
#pragma once

#include <limits>
#include <memory>
#include <string>

#include "envs/mujoco/env.h"

namespace saccade::envs {

/// The numbers that make one such task out of the equations that they share:
///
///     reward = forward_weight dx/dt + healthy_reward - control_weight |action|^2 - contact cost
///     contact cost = clip(contact_weight sum clip(cfrc_ext, contact_force)^2, contact_cost)
///     terminated = unhealthy: the height or pitch of the root, or the rest of the state, out of its range
///     observation = qpos without its first coordinates, qvel, and what is chosen below
struct LocomotionTask {
  MujocoTask task;
  double forward_weight = 1;
  double control_weight = 0;

  /// Whose x pays: the root joint's, the body called torso's, or that of the centre of mass.
  enum class Forward { kRoot, kTorso, kCentreOfMass } forward = Forward::kRoot;

  double healthy_reward = 0;
  bool paid_when_unhealthy = true;  // v4 pays the healthy reward in the terminating step too
  bool terminates = false;
  bool ends_are_healthy = false;  // whether a range includes its ends
  std::size_t height = 0;         // where in qpos
  Range healthy_height = {};
  Range healthy_pitch = {};  // of qpos[2]
  Range healthy_state = {};  // of qpos from its third coordinate on, and of qvel

  double contact_weight = 0;
  Range contact_force = {};
  Range contact_cost = {};

  double reset_noise = 0;
  bool normal_velocities = false;  // normal noise in qvel at the reset, where qpos has uniform

  std::size_t skipped_qpos = 1;  // coordinates of qpos that are not observed
  double velocity_bound = std::numeric_limits<double>::infinity();  // observed velocities are clipped to it
  bool observes_inertia = false;                                    // cinert, cvel and qfrc_actuator
  bool observes_contact_forces = false;                             // cfrc_ext, clipped to contact_force
  bool observes_constants = true;  // v4 also observes the world's row of these, and the root's qfrc_actuator
};

/// The task of this id, or null if there is none among these.
std::unique_ptr<Env> make_locomotion(const std::string& id);

}  // namespace saccade::envs
