// Draws a scene of a recording: solids, their shadows and the ground, on a canvas.
"use strict";

// ---- vectors and colours ----

const plus = (a, b, s = 1) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const minus = (a, b) => plus(a, b, -1);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = a => { const n = Math.hypot(...a) || 1; return a.map(x => x / n); };

// The shape's own axes in the world, from its quaternion.
function axesOf([w, x, y, z]) {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
    [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
    [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
  ];
}

const parse = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);
const css = (rgb, alpha = 1) => `rgba(${rgb.map(Math.round).join()},${alpha})`;

const series = [1, 2, 3, 4, 5, 6, 7, 8].map(n => `series-${n}`);
let theme;
function readTheme() {
  theme = Object.fromEntries(["sky", "tile", "fixed", "edge", "shadow", ...series].map(name => [name, parse(token(name))]));
}
readTheme();

const baseColour = n => n > 0 ? theme[series[(n - 1) % series.length]] : theme.fixed;
// From -1, black, to 1, white.
const shade = (rgb, light) => css(mix(rgb, light < 0 ? [0, 0, 0] : [255, 255, 255], Math.abs(light)));

// ---- the camera: maps a point to [x on the canvas, y on the canvas, pixels per metre there, depth] ----

const view = {azimuth: 0, elevation: 0};
function resetView() {
  view.azimuth = -18;
  view.elevation = data.elevation;
}
resetView();

function makeCamera(target, width, height) {
  const middle = [width / 2, height / 2], fit = Math.min(width * 0.62, height) / 2 / data.radius;
  if (data.flat) {
    const flatFit = Math.min(width * 9 / 16, height) / 2 / data.radius * 0.94;
    return {flat: true, at: p => [middle[0] + (p[0] - target[0]) * flatFit,
      middle[1] - (p[2] - target[2]) * flatFit, flatFit, 0]};
  }
  const a = view.azimuth * Math.PI / 180, e = view.elevation * Math.PI / 180, far = 4.5 * data.radius;
  const forward = [-Math.sin(a) * Math.cos(e), Math.cos(a) * Math.cos(e), -Math.sin(e)];
  const right = [Math.cos(a), Math.sin(a), 0], up = cross(right, forward);
  const eye = plus(target, forward, -far);
  return {eye, forward, right, up, target, near: far * 0.08, at: p => {
    const d = minus(p, eye), depth = dot(d, forward), scale = fit * far / depth;
    return [middle[0] + dot(d, right) * scale, middle[1] - dot(d, up) * scale, scale, depth];
  }};
}

// ---- outlines ----

function hull(points) {
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = list => {
    const line = [];
    for (const p of list) {
      while (line.length > 1) {
        const [a, b] = line.slice(-2);
        if ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0) break;
        line.pop();
      }
      line.push(p);
    }
    line.pop();
    return line;
  };
  return [...half(points), ...half([...points].reverse())];
}

function tracePolygon(c, points) {
  points.forEach((p, i) => i ? c.lineTo(p[0], p[1]) : c.moveTo(p[0], p[1]));
  c.closePath();
}

// Two discs and what lies between them.
function traceCapsule(c, p, r, q, s) {
  const distance = Math.hypot(q[0] - p[0], q[1] - p[1]);
  if (distance <= Math.abs(r - s) + 1e-6) {
    const [centre, radius] = r > s ? [p, r] : [q, s];
    c.moveTo(centre[0] + radius, centre[1]);
    c.arc(centre[0], centre[1], radius, 0, 2 * Math.PI);
    return;
  }
  const along = Math.atan2(q[1] - p[1], q[0] - p[0]), open = Math.acos((r - s) / distance);
  c.moveTo(p[0] + r * Math.cos(along + open), p[1] + r * Math.sin(along + open));
  c.arc(p[0], p[1], r, along + open, along - open + 2 * Math.PI);
  c.arc(q[0], q[1], s, along - open, along + open);
  c.closePath();
}

const circle = [...Array(24).keys()].map(i => [Math.cos(i * Math.PI / 12), Math.sin(i * Math.PI / 12)]);
const disc = (centre, u, v, radius) => circle.map(([x, y]) => plus(plus(centre, u, radius * x), v, radius * y));
function surface(shape) {
  const [u, v, w] = shape.axes, [a, b, h] = shape.size, p = shape.position;
  if (shape.kind === "cylinder") return [...disc(plus(p, w, b), u, v, a), ...disc(plus(p, w, -b), u, v, a)];
  const points = [];
  if (shape.kind === "box") {
    for (const i of [-a, a]) for (const j of [-b, b]) for (const k of [-h, h]) {
      points.push(plus(plus(plus(p, u, i), v, j), w, k));
    }
    return points;
  }
  for (let latitude = -80; latitude <= 80; latitude += 20) {
    const t = latitude * Math.PI / 180;
    for (const [x, y] of circle) {
      points.push(plus(plus(plus(p, u, a * x * Math.cos(t)), v, b * y * Math.cos(t)), w, h * Math.sin(t)));
    }
  }
  return points;
}

// Adds the shape's outline, as `at` maps points to the canvas, to the path.
function trace(c, shape, at) {
  if (shape.kind === "capsule" || shape.kind === "sphere") {
    const half = shape.kind === "capsule" ? shape.size[1] : 0;
    const p = at(plus(shape.position, shape.axes[2], half)), q = at(plus(shape.position, shape.axes[2], -half));
    traceCapsule(c, p, shape.size[0] * p[2], q, shape.size[0] * q[2]);
  } else {
    tracePolygon(c, hull(surface(shape).map(at)));
  }
}

// ---- solids ----

// Light from the upper left of the picture: a gradient across the outline.
function sheen(c, shape, camera) {
  const base = baseColour(shape.colour), p = camera.at(shape.position);
  const radius = (shape.kind === "capsule" || shape.kind === "cylinder" ? shape.size[0] : Math.max(...shape.size)) * p[2];
  let across = [-0.55, -0.84];
  if (shape.kind === "capsule" || shape.kind === "cylinder") {
    const q = camera.at(plus(shape.position, shape.axes[2], shape.size[1]));
    const length = Math.hypot(q[0] - p[0], q[1] - p[1]);
    if (length > radius / 2) {
      across = [-(q[1] - p[1]) / length, (q[0] - p[0]) / length];
      if (across[0] * -0.55 + across[1] * -0.84 < 0) across = [-across[0], -across[1]];
    }
  }
  const gradient = c.createLinearGradient(p[0] + across[0] * radius, p[1] + across[1] * radius,
    p[0] - across[0] * radius, p[1] - across[1] * radius);
  [[0, 0.12], [0.25, 0.3], [0.6, 0], [1, -0.4]].forEach(([at, light]) => gradient.addColorStop(at, shade(base, light)));
  return gradient;
}

const faces = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];
function drawBox(c, shape, camera) {
  const base = baseColour(shape.colour);
  for (const [n, i, j] of faces) {
    for (const side of [-1, 1]) {
      const normal = shape.axes[n].map(x => side * x);
      const centre = plus(shape.position, normal, shape.size[n]);
      if (dot(normal, minus(centre, camera.eye)) >= 0) continue;
      const corners = [[-1, -1], [-1, 1], [1, 1], [1, -1]].map(([s, t]) =>
        camera.at(plus(plus(centre, shape.axes[i], s * shape.size[i]), shape.axes[j], t * shape.size[j])));
      c.beginPath();
      tracePolygon(c, corners);
      c.fillStyle = shade(base, 0.28 * normal[2] - 0.12 + 0.1 * dot(normal, camera.right) * -1);
      c.fill();
      c.stroke();
    }
  }
}

function drawCap(c, shape, camera) {
  const axis = shape.axes[2], [radius, half] = shape.size;
  const side = dot(axis, minus(shape.position, camera.eye)) < 0 ? 1 : -1;
  c.beginPath();
  tracePolygon(c, disc(plus(shape.position, axis, side * half), shape.axes[0], shape.axes[1], radius).map(camera.at));
  c.fillStyle = shade(baseColour(shape.colour), 0.2);
  c.fill();
  c.stroke();
}

function drawSolid(c, shape, camera) {
  c.lineWidth = 1;
  c.strokeStyle = css(theme.edge, 0.55);
  if (shape.kind === "box" && !camera.flat) return drawBox(c, shape, camera);
  c.beginPath();
  trace(c, shape, camera.at);
  c.fillStyle = camera.flat ? css(baseColour(shape.colour)) : sheen(c, shape, camera);
  c.fill();
  if (!camera.flat || shape.colour > 0) c.stroke();
  if (shape.kind === "cylinder" && !camera.flat) drawCap(c, shape, camera);
}

// ---- the ground: a checker around the camera's target that fades with distance ----

function niceTile(radius) {
  const power = 10 ** Math.floor(Math.log10(radius));
  return [5, 2, 1].map(n => n * power).find(n => n <= radius * 0.8) || power / 2;
}

function drawGround(c, plane, camera) {
  const [u, v] = plane.axes, tile = niceTile(data.radius), reach = 14;
  const from = minus(camera.target, plane.position);
  const middle = [dot(from, u), dot(from, v)].map(x => Math.round(x / tile));
  for (let i = middle[0] - reach; i < middle[0] + reach; ++i) {
    for (let j = middle[1] - reach; j < middle[1] + reach; ++j) {
      if ((i + j) % 2) continue;
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]].map(([x, y]) =>
        camera.at(plus(plus(plane.position, u, x * tile), v, y * tile)));
      if (corners.some(p => p[3] < camera.near)) continue;
      const away = Math.hypot((i + 0.5) * tile - dot(from, u), (j + 0.5) * tile - dot(from, v)) / (reach * tile);
      if (away >= 1) continue;
      c.beginPath();
      tracePolygon(c, corners);
      c.fillStyle = css(theme.tile, ((1 - away) ** 1.5).toFixed(3));
      c.fill();
    }
  }
}

// Straight down onto the highest level plane that is below.
function drawShadows(c, solids, planes, camera) {
  const ground = planes.find(plane => plane.axes[2][2] > 0.999);
  if (!ground) return;
  const height = ground.position[2];
  const down = p => camera.at([p[0], p[1], height]);
  c.fillStyle = css(theme.shadow, 0.22);
  c.beginPath();
  for (const shape of solids) {
    if (shape.position[2] < height) continue;
    // The shadow of a slanted capsule is a flat one: its outline, from points around both ends.
    if (shape.kind === "capsule" || shape.kind === "sphere") {
      const half = shape.kind === "capsule" ? shape.size[1] : 0, x = [1, 0, 0], y = [0, 1, 0];
      tracePolygon(c, hull([half, -half].flatMap(h =>
        disc(plus(shape.position, shape.axes[2], h), x, y, shape.size[0])).map(down)));
    } else {
      tracePolygon(c, hull(surface(shape).map(down)));
    }
  }
  c.fill();
}

// Shapes have kind, size, colour, position and axes; far ones are drawn first.
function drawScene(c, width, height, shapes, target) {
  c.fillStyle = css(theme.sky);
  c.fillRect(0, 0, width, height);
  const camera = makeCamera(target, width, height);
  c.lineJoin = "round";
  if (data.flat) {
    for (const shape of shapes) drawSolid(c, shape, camera);
    return;
  }
  const planes = shapes.filter(shape => shape.kind === "plane");
  const depth = shape => camera.at(shape.position)[3];
  const solids = shapes.filter(shape => shape.kind !== "plane" && depth(shape) > camera.near);
  for (const plane of planes) drawGround(c, plane, camera);
  drawShadows(c, solids, planes, camera);
  solids.sort((a, b) => depth(b) - depth(a));
  for (const shape of solids) drawSolid(c, shape, camera);
}
