// Plays the episodes of a recording, once startPlayer() is called; loadEpisodes() takes those that came since into `data`.
"use strict";

// ---- episodes: frame 0 is the start, frame k what step k led to ----

let hasScene = false;
function prepareEpisodes() {
  hasScene = data.shapes.length > 0;
  for (const episode of data.episodes) {
    episode.rewards = episode.rewards.map(Number);
    episode.steps = episode.rewards.length;
    episode.returns = [0];
    for (const reward of episode.rewards) episode.returns.push(episode.returns.at(-1) + reward);
  }
}
const speeds = [0.25, 0.5, 1, 2, 4];
const player = {episode: 0, time: 0, speed: 1, playing: false, before: 0};  // time is in steps
const episode = () => data.episodes[player.episode];
const frame = () => Math.min(episode().steps, Math.floor(player.time + 1e-9));

// ---- the picture ----

// Between two frames too: positions on a line, rotations along the shorter way.
function poseAt(a, b, i, t) {
  const pose = [0, 1, 2].map(n => a[i + n] + (b[i + n] - a[i + n]) * t);
  const turn = [3, 4, 5, 6].map(n => [a[i + n], b[i + n]]);
  const sign = turn.reduce((sum, [p, q]) => sum + p * q, 0) < 0 ? -1 : 1;
  const rotation = turn.map(([p, q]) => p + (sign * q - p) * t), norm = Math.hypot(...rotation) || 1;
  return [pose, rotation.map(x => x / norm)];
}

const toShape = ({kind, size, colour}, [position, rotation]) => ({kind, size, colour, position, axes: axesOf(rotation)});

function draw() {
  const canvas = $("canvas"), ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const c = canvas.getContext("2d"), {poses, targets} = episode();
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const k = frame(), next = Math.min(k + 1, episode().steps), t = player.time - k;
  let i = 0;
  const shapes = data.shapes.map(shape => {
    if (shape.pose) return toShape(shape, poseAt(shape.pose, shape.pose, 0, 0));
    i += 7;
    return toShape(shape, poseAt(poses[k], poses[next], i - 7, t));
  });
  drawScene(c, width, height, shapes, targets[k].map((x, n) => x + (targets[next][n] - x) * t));
}

// ---- numbers and the action ----

const numbers = {};
for (const name of ["Step", "Time", "Reward", "Return so far"]) {
  numbers[name] = element("dd");
  $("numbers").append(element("div", {}, element("dt", {}, name), numbers[name]));
}

const actionParts = [];
function makeActions() {
  const {low, choices} = data.action;
  actionParts.length = 0;
  $("actions").replaceChildren();
  if (choices > 0) {
    const row = element("div", {className: "choices"});
    for (let n = 0; n < choices; ++n) {
      actionParts.push(element("span", {}, String(n)));
      row.append(actionParts[n]);
    }
    $("actions").append(row);
    return;
  }
  low.forEach((_, n) => {
    const bar = element("i"), value = element("span", {className: "value"});
    actionParts.push({bar, value});
    $("actions").append(element("div", {className: "action"}, element("span", {className: "name"}, String(n + 1)),
      element("span", {className: "track"}, bar, element("b")), value));
  });
}

function showAction(action) {
  const {low, high, choices} = data.action;
  actionParts.forEach((part, n) => {
    if (choices > 0) {
      part.className = action && action[0] === n ? "on" : "";
      return;
    }
    const middle = (low[n] + high[n]) / 2, share = action ? (action[n] - middle) / (high[n] - low[n]) : 0;
    const width = Math.min(0.5, Math.abs(share)) * 100;
    part.bar.style.cssText = `left: ${share < 0 ? 50 - width : 50}%; width: ${width}%`;
    part.value.textContent = action ? number(action[n]) : "";
  });
}

// ---- curves: each has values at frames from `first` on ----

let cursors = [];
function addCurve(name, values, first) {
  const low = Math.min(...values), high = Math.max(...values), room = (high - low || 1) * 0.08;
  const y = x => 60 - (x - low + room) / (high - low + 2 * room || 1) * 56;
  const picture = svg("svg", {viewBox: `0 0 ${episode().steps} 64`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${name}, from ${number(low)} to ${number(high)}`});
  if (low <= 0 && high >= 0) picture.append(svg("line", {x1: 0, x2: episode().steps, y1: y(0), y2: y(0), class: "zero"}));
  picture.append(svg("path", {d: "M" + values.map((x, i) => `${i + first} ${y(x).toFixed(2)}`).join("L")}));
  const line = svg("line", {y1: 0, y2: 64, class: "now"}), value = element("b");
  picture.append(line);
  picture.onpointerdown = picture.onpointermove = event => {
    if (event.type === "pointermove" && event.buttons === 0) return;
    const box = picture.getBoundingClientRect();
    seek(Math.round((event.clientX - box.left) / box.width * episode().steps));
  };
  cursors.push(k => {
    line.setAttribute("x1", k);
    line.setAttribute("x2", k);
    value.textContent = k < first ? "" : number(values[k - first]);
  });
  $("curves").append(element("figure", {}, element("figcaption", {}, element("span", {}, name), value), picture));
}

function makeCurves() {
  cursors = [];
  $("curves").replaceChildren();
  if (episode().steps > 0) addCurve("Reward", episode().rewards, 1);
  addCurve("Return so far", episode().returns, 0);
  const {observations, terms, q, entropy} = episode();
  // A reward of one part is drawn already.
  if (Object.keys(terms).length > 1) {
    for (const [name, values] of Object.entries(terms)) addCurve(`Reward: ${name}`, values.map(Number), 1);
  }
  if (q) addCurve("Q: what the critics expect", q.map(Number), 0);
  if (entropy) addCurve("Entropy of the policy, nats", entropy.map(Number), 0);
  if (!observations) return;
  observations[0].forEach((_, i) => addCurve(`Observation ${i + 1}`, observations.map(row => Number(row[i])), 0));
  const shown = observations[0].length;
  $("curves-title").textContent = `Over the episode${shown < data.observation_size
    ? `: the first ${shown} of ${data.observation_size} observations` : ""}`;
}

// ---- playing ----

let shown = -1;
function show() {
  if (hasScene) draw();
  const k = frame(), {steps, rewards, returns, actions, ends} = episode();
  if (shown === k) return;
  shown = k;
  $("scrubber").value = k;
  $("scrubber").setAttribute("aria-valuetext", `step ${k} of ${steps}`);
  numbers["Step"].textContent = `${k} / ${steps}${k === steps ? ", " + ends : ""}`;
  numbers["Time"].textContent = `${(k * data.step_seconds).toFixed(2)} s`;
  numbers["Reward"].textContent = k ? number(rewards[k - 1]) : "\u2013";
  numbers["Return so far"].textContent = number(returns[k]);
  showAction(k ? actions[k - 1] : null);
  for (const cursor of cursors) cursor(k);
}

function setPlaying(playing) {
  if (playing && player.time >= episode().steps) player.time = 0;
  const starts = playing && !player.playing;
  player.playing = playing;
  $("play").textContent = playing ? "Pause" : "Play";
  if (!starts) return;
  player.before = 0;
  requestAnimationFrame(tick);
}

function tick(now) {
  if (!player.playing) return;
  if (player.before) player.time += Math.min(now - player.before, 250) / 1000 * player.speed / data.step_seconds;
  player.before = now;
  if (player.time >= episode().steps) {
    player.time = episode().steps;
    setPlaying(false);
  }
  show();
  if (player.playing) requestAnimationFrame(tick);
}

function seek(k) {
  setPlaying(false);
  player.time = Math.max(0, Math.min(episode().steps, k));
  show();
}

const showSpeed = makeChoice($("speeds"), speeds.map(speed => `${speed}\u00d7`), n => setSpeed(n));
function setSpeed(n) {
  const at = Math.max(0, Math.min(speeds.length - 1, n));
  player.speed = speeds[at];
  showSpeed(at);
}

function setEpisode(n) {
  player.episode = Math.max(0, Math.min(data.episodes.length - 1, n));
  player.time = 0;
  shown = -1;
  $("episode").value = player.episode;
  $("scrubber").max = episode().steps;
  makeCurves();
  show();
}

// The picture from elsewhere, by degrees.
function turnView(across, up) {
  if (!hasScene || data.flat) return;
  view.azimuth += across;
  view.elevation = Math.max(2, Math.min(89, view.elevation + up));
  draw();
}

function resetAndDraw() {
  resetView();
  turnView(0, 0);
}

const keys = {
  " ": () => setPlaying(!player.playing),
  ArrowLeft: event => seek(Math.ceil(player.time) - (event.shiftKey ? 10 : 1)),
  ArrowRight: event => seek(frame() + (event.shiftKey ? 10 : 1)),
  ArrowUp: () => setSpeed(speeds.indexOf(player.speed) + 1),
  ArrowDown: () => setSpeed(speeds.indexOf(player.speed) - 1),
  Home: () => seek(0),
  End: () => seek(episode().steps),
  n: () => setEpisode(player.episode + 1),
  p: () => setEpisode(player.episode - 1),
  a: () => turnView(-10, 0),
  d: () => turnView(10, 0),
  w: () => turnView(0, 5),
  s: () => turnView(0, -5),
  0: resetAndDraw,
};
function followKeys(event) {
  const at = event.target.tagName;
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.ctrlKey || event.altKey || event.metaKey || at === "SELECT") return;
  if (at === "BUTTON" && event.key === " ") return;
  event.preventDefault();
  action(event);
}

function loadEpisodes() {
  prepareEpisodes();
  $("episode").replaceChildren(...data.episodes.map(({steps, returns}, n) =>
    element("option", {value: n}, `${data.captions?.[n] ?? n + 1}: return ${number(returns[steps])}, ${steps} steps`)));
  makeActions();
  setEpisode(0);
}

// The keys are those pressed in `target`. It plays at once if it is to, and the address names no step: one that ends
// with #2/150 opens episode 2 at step 150.
function startPlayer(target, plays) {
  prepareEpisodes();
  target.addEventListener("keydown", followKeys);
  $("play").onclick = () => setPlaying(!player.playing);
  $("scrubber").oninput = () => seek(Number($("scrubber").value));
  $("episode").onchange = () => setEpisode(Number($("episode").value));

  const canvas = $("canvas");
  canvas.setAttribute("aria-label", `${data.env}, replayed`);
  if (!hasScene) canvas.remove();
  if (!hasScene || data.flat) $("help-view").remove();
  if (data.flat) canvas.className = "flat";
  if (hasScene) {
    new ResizeObserver(draw).observe(canvas);
    onThemeChange(() => { readTheme(); draw(); });
  }
  if (hasScene && !data.flat) {
    canvas.onpointerdown = event => canvas.setPointerCapture(event.pointerId);
    canvas.onpointermove = event => {
      if (event.buttons !== 0) turnView(-0.4 * event.movementX, 0.4 * event.movementY);
    };
    canvas.ondblclick = resetAndDraw;
  }

  resetView();
  loadEpisodes();
  setSpeed(speeds.indexOf(1));
  const [, first, step] = location.hash.match(/^#(\d+)\/(\d+)$/) || [];
  if (first) setEpisode(Number(first) - 1);
  if (step) seek(Number(step));
  else if (plays) setPlaying(!matchMedia("(prefers-reduced-motion: reduce)").matches);
}
