// A picture of an environment: solid geoms in the world, and where to look at them from.
#pragma once

#include <array>
#include <vector>

namespace saccade::envs {

using Point = std::array<double, 3>;  // x, y, z; z is up

/// A geom's size holds: the half sizes along its own x, y and z (ellipsoid, box); the radius (sphere);
/// the radius and half the length along its own z (capsule, whose round ends come on top, and cylinder).
/// A plane has no end; its own z is its normal.
enum class GeomKind { plane, sphere, capsule, cylinder, ellipsoid, box };

struct Geom {
  GeomKind kind = GeomKind::sphere;
  Point size{};
  int colour = 0;  // 0 for what belongs to the ground; a number from 1 for each part to be told from others
  Point position{};
  std::array<double, 4> rotation = {1, 0, 0, 0};  // a unit quaternion, from the geom's axes to the world's
};

/// In metres and seconds, or units of about that size: pages keep positions to 1e-4. An episode's scenes have
/// the same geoms in the same order, of which only position and rotation change.
struct Scene {
  std::vector<Geom> geoms{};  // a flat scene's are drawn in this order, the last in front
  Point target{};             // what the camera looks at, and follows
  double radius = 1;          // how much around the target is to be seen
  double elevation = 12;      // of the camera above the horizon, in degrees
  bool flat = false;          // drawn without depth: x to the right, z up
  double step_seconds = 0.05;
};

/// A sphere, which in a flat scene is a disc.
Geom sphere(const Point& centre, double radius, int colour);

/// A line with round ends.
Geom capsule(const Point& from, const Point& to, double radius, int colour);

/// A box turned about the y axis by `tilt` radians, counterclockwise in a flat scene.
Geom box(const Point& centre, const Point& half_sizes, double tilt, int colour);

}  // namespace saccade::envs
