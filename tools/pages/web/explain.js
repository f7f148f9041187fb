// A graph and its backward pass, one step at a time.
"use strict";

// ---- what happens, in order ----

// {phase, ...}: "start"; "forward", a node is computed; "seed", the result's own gradient; "pass", an edge's gradient
// arrives; "done", a node's turn is over.
const frames = [{phase: "start"}];
nodes.forEach((node, n) => { if (node.kind === "op") frames.push({phase: "forward", node: n}); });
const forwardEnd = frames.length;
frames.push({phase: "seed", node: steps[0].node});
steps.forEach((step, s) => {
  step.passes.forEach((pass, p) => frames.push({phase: "pass", node: step.node, step: s, pass: p}));
  if (step.passes.length > 0) frames.push({phase: "done", node: step.node, step: s});
});

// After each pass, what its input has: what the next one finds there, or the whole gradient.
const latest = new Map();
for (const step of [...steps].reverse()) {
  for (const pass of [...step.passes].reverse()) {
    pass.after = latest.get(pass.to) ?? nodes[pass.to].gradient;
    latest.set(pass.to, pass.so_far);
  }
}

// What is there once frame `at` has happened.
function stateAt(at) {
  const state = {values: new Set(), gradients: new Map(), freed: new Set(), passed: new Set()};
  nodes.forEach((node, n) => { if (node.kind !== "op") state.values.add(n); });
  for (const frame of frames.slice(0, at + 1)) {
    if (frame.phase === "forward") state.values.add(frame.node);
    if (frame.phase === "seed") state.gradients.set(frame.node, nodes[frame.node].gradient);
    const step = steps[frame.step], pass = step?.passes[frame.pass];
    if (frame.phase === "pass") state.gradients.set(pass.to, pass.after);
    if (frame.phase === "done") {
      step.freed.forEach(n => state.freed.add(n));
      if (step.gradient_freed) state.passed.add(frame.node);
    }
  }
  return state;
}

function describe(frame) {
  const node = nodes[frame.node];
  if (frame.phase === "start") return "Leaves and constants are there. Nothing is computed yet, and no gradient exists.";
  if (frame.phase === "forward") {
    return `${equationOf(node)}: ${node.value ? brief(node.value) : node.fused_with !== null ? `with ${nodes[node.fused_with].name}, at once` : "not retained"}`;
  }
  if (frame.phase === "seed") return `The result's own gradient: d ${node.name} / d ${node.name} = ${brief(node.gradient)}`;
  const step = steps[frame.step];
  if (frame.phase === "done") {
    const gone = [step.gradient_freed && `its gradient, which is passed on`, step.edges_freed && "its edges",
      step.freed.length > 0 && `the value${step.freed.length > 1 ? "s" : ""} of ${step.freed.map(n => nodes[n].name).join(", ")}`].filter(Boolean);
    return `${nameOf(node)} has had its turn. Freed: ${gone.join(", ") || "nothing"}.`;
  }
  const pass = step.passes[frame.pass], to = nameOf(nodes[pass.to]);
  return pass.so_far ? `${equationOf(node)} sends ${brief(pass.gradient)} to ${to}, where ${brief(pass.so_far)} came first: together ${brief(pass.after)}`
    : `${equationOf(node)} sends ${brief(pass.gradient)} to ${to}`;
}

// ---- the drawing ----

const state = {frame: 0, chosen: nodes.length - 1, open: [], zoom: 0, timer: 0};
const few = Object.keys(data.drawings).length === 2 ** data.scopes.length;
const drawnCount = nodes.filter(node => node.is_drawn).length;
state.open = data.scopes.map(() => drawnCount <= 24);

const drawing = () => data.drawings[state.open.map(Number).join("")];
let boxes = [], lines = [];

function pathOf(points) {
  const at = i => `${points[2 * i]} ${points[2 * i + 1]}`;
  let path = `M${at(0)}`;
  for (let i = 1; i + 2 < points.length / 2; i += 3) path += ` C${at(i)}, ${at(i + 1)}, ${at(i + 2)}`;
  return path;
}

function arrowHead(points) {
  const [x0, y0, x1, y1] = points.slice(-4), length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const dx = (x1 - x0) / length, dy = (y1 - y0) / length;
  return `M${x1 + 4 * dx} ${y1 + 4 * dy} L${x1 - 5 * dx + 4 * dy} ${y1 - 5 * dy - 4 * dx} L${x1 - 5 * dx - 4 * dy} ${y1 - 5 * dy + 4 * dx} Z`;
}

function drawRegions(into, {boxes: all}) {
  data.scopes.forEach((name, s) => {
    const inside = all.filter(box => box.scope === s);
    if (!state.open[s] || inside.length === 0) return;
    const left = Math.min(...inside.map(({at: [x, , w]}) => x - w / 2)) - 8, right = Math.max(...inside.map(({at: [x, , w]}) => x + w / 2)) + 8;
    const top = Math.min(...inside.map(({at: [, y, , h]}) => y - h / 2)) - 13, bottom = Math.max(...inside.map(({at: [, y, , h]}) => y + h / 2)) + 8;
    const label = svg("text", {x: left + 6, y: top + 10, class: "region-name"});
    label.textContent = name;
    into.append(svg("rect", {x: left, y: top, width: right - left, height: bottom - top, rx: 8, class: "region"}), label);
  });
}

function makeBox(box) {
  const [x, y, w, h] = box.at, isScope = box.nodes.length > 1, first = nodes[box.nodes[0]];
  const g = svg("g", {class: `node ${isScope ? "scope" : first.kind}`, tabindex: 0, role: "button",
    transform: `translate(${x - w / 2} ${y - h / 2})`});
  const text = (className, at) => svg("text", {x: w / 2, y: at, "text-anchor": "middle", class: className});
  const made = {box, g, value: text("value", 49), gradient: text("gradient", 65)};
  const title = text("title", 17), detail = text("detail", 32);
  const room = Math.floor((w - 8) / 7.3);
  title.textContent = box.title.length > room ? `${box.title.slice(0, room - 1)}\u2026` : box.title;
  detail.textContent = box.detail;
  g.append(svg("rect", {width: w, height: h, rx: 6, class: "box"}), title, detail, made.value, made.gradient);
  const act = () => isScope ? toggleScope(box.scope) : choose(box.nodes[0]);
  g.onclick = act;
  g.onkeydown = event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    act();
  };
  return made;
}

function draw() {
  const picture = drawing(), graph = $("graph");
  graph.replaceChildren();
  graph.setAttribute("viewBox", `-12 -16 ${picture.width + 24} ${picture.height + 32}`);
  drawRegions(graph, picture);
  lines = picture.lines.map(line => {
    const at = svg("path", {d: pathOf(line.points), class: "line"});
    graph.append(at, svg("path", {d: arrowHead(line.points), class: "head"}));
    return {...line, at};
  });
  boxes = picture.boxes.map(makeBox);
  graph.append(...boxes.map(box => box.g));
  resize();
}

function resize() {
  const width = drawing().width + 24, height = drawing().height + 32, room = Math.max(100, $("stage").clientWidth - 2);
  const scale = state.zoom === 1 ? Math.min(1, room / width) : 1;
  $("graph").setAttribute("width", width * scale);
  $("graph").setAttribute("height", height * scale);
}

// Texts are cut to what a box has room for.
function fit(text, box) {
  const room = Math.floor((box.at[2] - 8) / 6.7);
  return text.length > room ? `${text.slice(0, room - 1)}\u2026` : text;
}

function showBox({box, g, value, gradient}, now, frame) {
  const has = n => now.values.has(n);
  const targets = frame.phase === "pass" ? [steps[frame.step].passes[frame.pass].to] : [];
  const isNow = frame.node !== undefined && box.nodes.includes(frame.node), isTarget = targets.some(n => box.nodes.includes(n));
  const phase = frame.phase === "forward" ? "forward" : "backward";
  for (const name of ["forward", "backward"]) g.classList.toggle(name, (isNow || isTarget) && name === phase);
  g.classList.toggle("chosen", box.nodes.includes(state.chosen));
  g.classList.toggle("unseen", !box.nodes.some(has));
  if (box.nodes.length > 1) {
    const computed = box.nodes.filter(has).length, arrived = box.nodes.filter(n => now.gradients.has(n)).length;
    const freed = box.nodes.filter(n => now.freed.has(n)).length;
    value.textContent = fit(`${computed} values${freed ? `, ${freed} freed` : ""}`, box);
    gradient.textContent = arrived ? fit(`${arrived} gradients`, box) : "";
  } else {
    const n = box.nodes[0], node = nodes[n], g = now.gradients.get(n);
    value.textContent = !has(n) ? "" : fit(node.fused_with !== null ? `with ${nodes[node.fused_with].name}` : node.value ? brief(node.value) : "not retained", box);
    value.classList.toggle("freed", now.freed.has(n));
    gradient.textContent = g ? fit(now.passed.has(n) ? `g freed (${brief(g)})` : `g ${brief(g)}`, box) : "";
    gradient.classList.toggle("freed", now.passed.has(n));
  }
  const name = box.nodes.length > 1 ? `Scope ${box.title}, closed` : equationOf(nodes[box.nodes[0]]);
  g.setAttribute("aria-label", `${name}: ${value.textContent}${gradient.textContent ? `, ${gradient.textContent}` : ""}`);
}

function showLines(frame) {
  const boxOf = n => boxes.findIndex(({box}) => box.nodes.includes(n));
  const lit = new Map();
  if (frame.phase === "forward") nodes[frame.node].inputs.forEach(input => lit.set(`${boxOf(input.node)}-${boxOf(frame.node)}`, "forward"));
  if (frame.phase === "pass") lit.set(`${boxOf(steps[frame.step].passes[frame.pass].to)}-${boxOf(frame.node)}`, "backward");
  for (const line of lines) line.at.setAttribute("class", `line ${lit.get(`${line.from}-${line.to}`) ?? ""}`);
}

// ---- showing a step ----

function show(at, scroll = true) {
  state.frame = Math.min(frames.length - 1, Math.max(0, at));
  const frame = frames[state.frame], now = stateAt(state.frame);
  const phase = frame.phase === "start" ? "start" : frame.phase === "forward" ? "forward" : "backward";
  $("phase").textContent = phase;
  $("phase").className = `badge ${phase}`;
  $("count").textContent = `step ${state.frame} of ${frames.length - 1}`;
  $("now-text").textContent = describe(frame);
  $("scrubber").value = state.frame;
  boxes.forEach(box => showBox(box, now, frame));
  showLines(frame);
  if (scroll && frame.node !== undefined) scrollToBox(frame.phase === "pass" ? [frame.node, steps[frame.step].passes[frame.pass].to] : [frame.node]);
  showTape(now, frame);
}

// The stage moves, the page does not.
function scrollToBox(wanted) {
  const found = boxes.filter(({box}) => box.nodes.some(n => wanted.includes(n)));
  if (found.length === 0) return;
  const scale = Number($("graph").getAttribute("width")) / (drawing().width + 24), stage = $("stage");
  const middle = i => found.reduce((sum, {box}) => sum + box.at[i], 0) / found.length;
  stage.scrollTo({left: (middle(0) + 12) * scale - stage.clientWidth / 2, top: (middle(1) + 16) * scale - stage.clientHeight / 2});
}

const tapeLines = nodes.map((node, n) => {
  if (!node.is_drawn) return null;
  const value = element("td"), gradient = element("td");
  const line = element("tr", {}, element("td", {}, element("button", {type: "button", className: "plain", onclick: () => choose(n)}, equationOf(node))),
    element("td", {}, node.type), value, gradient, element("td", {className: "only-wide"}, node.kind === "op" ? node.scope : ""));
  $("tape").tBodies[0].append(line);
  return {line, value, gradient};
});

function showTape(now, frame) {
  tapeLines.forEach((at, n) => {
    if (!at) return;
    at.line.className = frame.node === n ? "now" : "";
    at.value.textContent = !now.values.has(n) ? "" : nodes[n].value ? brief(nodes[n].value) : nodes[n].fused_with === null ? "not retained" : "";
    at.gradient.textContent = brief(now.gradients.get(n));
  });
}

function choose(n) {
  state.chosen = n;
  showDetails(n, choose);
  boxes.forEach(({box, g}) => g.classList.toggle("chosen", box.nodes.includes(n)));
}

function toggleScope(s) {
  const opens = !state.open[s];
  if (few) state.open[s] = opens;
  else state.open = data.scopes.map((_, other) => other === s && opens);
  redraw();
}

function redraw() {
  showScopes();
  draw();
  show(state.frame);
}

function showScopes() {
  $("scopes").replaceChildren(...(data.scopes.length ? ["Scopes:"] : []), ...data.scopes.map((name, s) =>
    element("button", {type: "button", "aria-pressed": String(state.open[s]), onclick: () => toggleScope(s)}, name)));
}

// ---- controls ----

function play(on) {
  clearInterval(state.timer);
  state.timer = on ? setInterval(() => state.frame + 1 < frames.length ? show(state.frame + 1) : play(false), 900) : 0;
  $("play").textContent = on ? "Pause" : "Play";
}

function step(to) {
  play(false);
  show(to);
}

$("scrubber").max = frames.length - 1;
$("scrubber").oninput = () => step(Number($("scrubber").value));
$("first").onclick = () => step(0);
$("back").onclick = () => step(state.frame - 1);
$("next").onclick = () => step(state.frame + 1);
$("turn").onclick = () => step(forwardEnd);
$("play").onclick = () => {
  if (!state.timer && state.frame === frames.length - 1) show(0);
  play(!state.timer);
};

$("steps").onkeydown = event => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.target.matches("input")) return;
  if (event.key === " ") {
    if (event.target.matches("button")) return;
    event.preventDefault();
    return $("play").click();
  }
  const to = {ArrowRight: state.frame + 1, ArrowDown: state.frame + 1, ArrowLeft: state.frame - 1, ArrowUp: state.frame - 1,
    Home: 0, End: frames.length - 1}[event.key];
  if (to === undefined) return;
  event.preventDefault();
  step(to);
};

const showZoom = makeChoice($("zoom"), ["100 %", "Fit"], n => {
  state.zoom = n;
  showZoom(n);
  resize();
  show(state.frame);
});
addEventListener("resize", resize);

// ---- the head ----

$("title").textContent = data.title;
$("about").textContent = data.formula;
document.title = `Saccade: ${data.title}`;
$("drawn-by").textContent = data.by_graphviz ? "Laid out by graphviz."
  : "Laid out in plain layers: graphviz was not installed where this page was made, and would have drawn it better.";
for (const [value, label] of [
  [grouped(nodes.filter(node => node.kind === "op").length), `ops on the tape, from ${nodes.filter(node => node.kind === "leaf").length} leaves`],
  [grouped(frames.length - forwardEnd), "backward steps"],
  [data.no_numeric ? "\u2013" : grouped(data.compared), data.no_numeric ? `not compared: ${data.no_numeric}` : "derivatives compared with differences"],
  ...(data.no_numeric ? [] : [[data.worst_difference.toExponential(0).replace("-", "\u2212"), "largest difference, of their size"]]),
  ...(data.forward_seconds ? [[duration(data.forward_seconds), "forward, while it was noted down"]] : []),
]) $("tiles").append(element("div", {className: "tile"}, element("b", {}, value), element("span", {}, label)));

showScopes();
draw();
state.zoom = drawing().width > 1.15 * $("stage").clientWidth && drawing().width < 2 * $("stage").clientWidth ? 1 : 0;
showZoom(state.zoom);
resize();
choose(state.chosen);
show(0, false);
