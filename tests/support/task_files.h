// A model with all that a task file can name, and a task of it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace saccade::tests {

using Json = nlohmann::ordered_json;

// A trunk on a slide, with a hinged arm: all that a task file can name.
inline constexpr const char* kModel = R"(<mujoco><option timestep="0.01"/><worldbody>
  <geom type="plane" size="5 5 1"/>
  <body name="trunk" pos="0 0 0.3"><joint name="x" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/>
    <body name="arm" pos="0.1 0 0"><joint name="hinge" axis="0 1 0" damping="0.1"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0.2 0 0" mass="0.1"/><site name="hand" pos="0.2 0 0"/></body>
  </body>
  <body name="ball" pos="1 0 0.5"><freejoint name="free"/><geom size="0.05" mass="0.1"/></body>
</worldbody>
<actuator><motor name="push" joint="x" ctrllimited="true" ctrlrange="-2 2"/>
  <motor name="turn" joint="hinge" ctrllimited="true" ctrlrange="-1 1"/></actuator>
<sensor><jointpos name="angle" joint="hinge"/><accelerometer name="felt" site="hand"/></sensor>
<keyframe><key name="up" qpos="0.5 -1.5 1 0 0.5 1 0 0 0" qvel="0 2 0 0 0 0 0 0"/></keyframe>
</mujoco>)";

inline const Json kTask = Json::parse(R"({
  "model": "robot.xml",
  "frame_skip": 2,
  "observation": [{"qpos": ["x", "hinge"]}],
  "reward": {"forward": {"xpos": "trunk", "axes": "x", "rate": true}}
})");

/// The task with another value at a place: "/reward/forward".
inline Json with(const std::string& pointer, const std::string& value) {
  Json json = kTask;
  json[Json::json_pointer(pointer)] = Json::parse(value);
  return json;
}

}  // namespace saccade::tests
