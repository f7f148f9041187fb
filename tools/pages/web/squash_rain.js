// The picture of draws: u under its bell, along the lines that tanh presses together, into a histogram of a.
"use strict";

const reach = 5, binCount = 50, mostDraws = 20000;
const rain = {mean: 0, logStd: 0, bins: [], drawn: 0, sumLogPi: 0, flying: [], playing: false, before: 0, due: 0,
  curves: [], top: 1, moved: () => {}};
const rainCanvas = $("rain").firstChild;
const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
let nextNormal = makeNormals(1);

function startOver() {
  rain.bins = new Array(binCount).fill(0);
  rain.drawn = rain.sumLogPi = rain.due = 0;
  rain.flying = [];
  nextNormal = makeNormals(1);
}

function land(u) {
  ++rain.bins[partOf(Math.tanh(u), binCount)];
  ++rain.drawn;
  rain.sumLogPi += logPi(u, rain.mean, rain.logStd);
}

const drawU = () => rain.mean + Math.exp(rain.logStd) * nextNormal();
function drawMany(count) {
  for (let i = 0; i < count && rain.drawn < mostDraws; ++i) land(drawU());
}

// ---- the drawing: u's axis a quarter down, a's at the middle, the histogram below ----

function rainPlaces() {
  const width = rainCanvas.clientWidth, height = rainCanvas.clientHeight, half = width / 2 - 12;
  return {
    width, height, uAxis: height * 0.25, aAxis: height * 0.47, base: height - 20, room: height * 0.46 - 20,
    ofU: u => width / 2 + Math.min(reach, Math.max(-reach, u)) / reach * half, ofA: a => width / 2 + a * half,
  };
}

const barHeight = (share, room) => Math.min(1, share * binCount / 2 / rain.top) * room;

function traced(c, points, colour, {dash = [], fill = null, base = 0} = {}) {
  c.beginPath();
  points.forEach(([x, y], i) => i === 0 ? c.moveTo(x, y) : c.lineTo(x, y));
  c.setLineDash(dash);
  c.strokeStyle = colour;
  c.lineWidth = 1.8;
  c.stroke();
  c.setLineDash([]);
  if (!fill) return;
  c.lineTo(points.at(-1)[0], base);
  c.lineTo(points[0][0], base);
  c.fillStyle = fill;
  c.fill();
}

function drawBell(c, {uAxis, ofU}) {
  const points = [];
  for (let u = -reach; u <= reach + 1e-9; u += 0.02) {
    const z = (u - rain.mean) * Math.exp(-rain.logStd);
    points.push([ofU(u), uAxis - Math.exp(-z * z / 2) * (uAxis - 22)]);
  }
  traced(c, points, token("series-3"), {fill: token("series-3") + "28", base: uAxis});
}

function drawBands(c, {uAxis, aAxis, ofU, ofA, width}) {
  c.lineWidth = 1;
  c.strokeStyle = token("line");
  for (let u = -reach; u <= reach; u += 0.25) {
    c.beginPath();
    c.moveTo(ofU(u), uAxis);
    c.lineTo(ofA(Math.tanh(u)), aAxis);
    c.stroke();
  }
  c.strokeStyle = token("strong-line");
  for (const y of [uAxis, aAxis]) {
    c.beginPath();
    c.moveTo(0, y);
    c.lineTo(width, y);
    c.stroke();
  }
}

function drawBars(c, {base, room, ofA}) {
  c.fillStyle = token("series-1") + "40";
  rain.bins.forEach((count, i) => {
    const left = ofA(-1 + 2 * i / binCount), right = ofA(-1 + 2 * (i + 1) / binCount);
    const height = barHeight(count / Math.max(1, rain.drawn), room);
    c.fillRect(left, base - height, right - left - 0.5, height);
  });
}

function drawDensities(c, {base, room, ofA, aAxis, width}) {
  c.save();
  c.beginPath();
  c.rect(0, aAxis + 2, width, base - aAxis);
  c.clip();
  for (const {xs, ys, colour, dash} of rain.curves) {
    traced(c, xs.map((a, i) => [ofA(a), base - Math.min(ys[i] / rain.top, 2) * room]), token(colour), {dash});
  }
  c.restore();
}

function drawLabels(c, {width, height, uAxis, aAxis, ofU, ofA}) {
  c.fillStyle = token("soft");
  c.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  c.textAlign = "center";
  for (const u of [-4, -2, 0, 2, 4]) c.fillText(withMinus(String(u)), ofU(u), uAxis + 12);
  for (const a of [-1, -0.5, 0, 0.5, 1]) c.fillText(withMinus(String(a)), Math.min(width - 8, Math.max(8, ofA(a))), height - 6);
  c.textAlign = "left";
  c.fillText("u", 2, uAxis - 5);
  c.fillText("a = tanh u", 2, aAxis + 14);
}

// A draw's way takes a second: along its line, then down onto the bar.
function drawFlying(c, {uAxis, aAxis, base, room, ofU, ofA}) {
  c.fillStyle = token("accent");
  for (const {u, time} of rain.flying) {
    const a = Math.tanh(u), across = Math.min(1, time / 0.55), down = Math.max(0, (time - 0.55) / 0.45);
    const end = base - barHeight(rain.bins[partOf(a, binCount)] / Math.max(1, rain.drawn), room);
    c.beginPath();
    c.arc(ofU(u) + (ofA(a) - ofU(u)) * across, down > 0 ? aAxis + (end - aAxis) * down * down : uAxis + (aAxis - uAxis) * across,
      3, 0, 2 * Math.PI);
    c.fill();
  }
}

function drawRain() {
  const places = rainPlaces(), ratio = window.devicePixelRatio || 1, c = rainCanvas.getContext("2d");
  const [wide, high] = [places.width, places.height].map(x => Math.round(x * ratio));
  if (rainCanvas.width !== wide || rainCanvas.height !== high) Object.assign(rainCanvas, {width: wide, height: high});
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, places.width, places.height);
  for (const part of [drawBars, drawBands, drawBell, drawDensities, drawLabels, drawFlying]) part(c, places);
  rain.moved();
}

// ---- playing: one at a time at first, so that each can be followed, then ever more ----

function rainStep(now) {
  if (!rain.playing) return;
  const seconds = Math.min(0.1, (now - rain.before) / 1000);
  rain.before = now;
  rain.due += seconds * Math.min(2000, 8 + rain.drawn / 2);
  const fresh = Math.floor(rain.due), seen = lessMotion.matches ? 0 : Math.min(fresh, 60 - rain.flying.length);
  rain.due -= fresh;
  for (let i = 0; i < seen; ++i) rain.flying.push({u: drawU(), time: -i / Math.max(1, seen) * seconds});
  drawMany(fresh - seen);
  for (const one of rain.flying) one.time += seconds;
  for (const {u, time} of rain.flying) if (time >= 1) land(u);
  rain.flying = rain.flying.filter(({time}) => time < 1);
  if (rain.drawn >= mostDraws) playRain(false);
  drawRain();
  requestAnimationFrame(rainStep);
}

function playRain(on) {
  if (on && rain.drawn >= mostDraws) startOver();
  if (on && !rain.playing) requestAnimationFrame(now => { rain.before = now; rainStep(now); });
  rain.playing = on;
  $("play").textContent = on ? "Pause" : "Play";
}

$("play").onclick = () => playRain(!rain.playing);
$("more").onclick = () => { drawMany(1000); drawRain(); };
$("again").onclick = () => { startOver(); drawRain(); };
onThemeChange(drawRain);
new ResizeObserver(drawRain).observe(rainCanvas);
