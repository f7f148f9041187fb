#include "envs/scene.h"

#include <cmath>

namespace saccade::envs {

Geom sphere(const Point& centre, double radius, int colour) {
  return {GeomKind::sphere, {radius, 0, 0}, colour, centre};
}

Geom capsule(const Point& from, const Point& to, double radius, int colour) {
  const double dx = to[0] - from[0], dy = to[1] - from[1], dz = to[2] - from[2];
  const double length = std::hypot(dx, dy, dz);
  Geom geom = {GeomKind::capsule,
               {radius, length / 2, 0},
               colour,
               {(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2}};
  // The shortest turn that takes the z axis to (dx, dy, dz) / length; half a turn about x where that is down.
  const double norm = std::hypot(length + dz, dx, dy);
  if (norm > 1e-9 * length) {
    geom.rotation = {(length + dz) / norm, -dy / norm, dx / norm, 0};
  } else if (length > 0) {
    geom.rotation = {0, 1, 0, 0};
  }
  return geom;
}

Geom box(const Point& centre, const Point& half_sizes, double tilt, int colour) {
  return {GeomKind::box, half_sizes, colour, centre, {std::cos(tilt / 2), 0, -std::sin(tilt / 2), 0}};
}

}  // namespace saccade::envs
