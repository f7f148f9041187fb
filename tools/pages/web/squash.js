// The page of the squash: sliders, areas, densities, entropy, and the table of tanh's last digits.
"use strict";

// ---- head: what the script computes is held to what C++ computed ----

const held = agreement(data.check), agrees = held.worst < 1e-12 && held.area < 1e-4;
$("verdict").textContent = agrees ? "Script and engine agree" : "Script and engine differ";
if (!agrees) $("verdict").className = "badge bad";
$("about").textContent = joined(`Version ${data.build.saccade}`, data.date,
  `${grouped(held.numbers)} numbers of this page's script within ${held.worst.toExponential(0)} of the engine's`);

const tiles = Object.fromEntries(Object.entries({pi: "area under N(u) / (1 \u2212 a\u00b2)", bare: "area under N(u), not divided",
  entropy: "nats, entropy of a: \u2212E log \u03c0(a)", drawn: "nats, the same over the draws", gaussian: "nats, entropy of u"})
  .map(([name, label]) => [name, makeTile($("tiles"), label)]));

// ---- densities over a ----

// Evenly spread, and closer where the Gaussian is.
function actionsFor(mean, logStd) {
  const us = [];
  for (let a = -0.995; a < 0.9951; a += 0.01) us.push(Math.atanh(a));
  for (let z = -4; z <= 4.001; z += 0.1) us.push(mean + Math.exp(logStd) * z);
  for (let u = 3; u <= 5.01; u += 0.25) us.push(u, -u);
  us.sort((p, q) => p - q);
  return us.filter((u, i) => Math.abs(u) <= 5.01 && (i === 0 || u - us[i - 1] > 1e-6));
}

// The highest bar that the histogram comes to: a bin's share of pi, by the polygon.
function topFor(us, pi) {
  const bins = new Array(binCount).fill(0);
  for (let i = 1; i < us.length; ++i) {
    const [a, b] = [Math.tanh(us[i - 1]), Math.tanh(us[i])];
    bins[partOf((a + b) / 2, binCount)] += (pi[i - 1] + pi[i]) / 2 * (b - a);
  }
  return Math.max(0.6, Math.max(...bins) * binCount / 2 * 1.25);
}

const actionText = a => withMinus(Math.abs(a) > 0.99 ? a.toFixed(5) : a.toFixed(3));
const looks = [{name: "\u03c0(a) = N(u) / (1 \u2212 a\u00b2)", series: 1}, {name: "N(u) at u = atanh a, not divided", series: 2, dashed: true}];
const density = lineChart($("density"), {
  label: "Densities against the action a", at: 0,
  x: {name: "a =", title: "a", values: [0], low: -1, high: 1, format: actionText, tick: plain},
  y: {title: "density", low: 0, high: 1}, curves: looks.map(look => ({...look, values: [0]})),
});

function showDensities() {
  const {mean, logStd} = rain, us = actionsFor(mean, logStd), xs = us.map(Math.tanh);
  const pi = us.map(u => Math.exp(logPi(u, mean, logStd))), bare = us.map(u => Math.exp(logNormal(u, mean, logStd)));
  rain.top = Math.max(topFor(us, pi), Math.min(1.05 * Math.max(...bare), 8));
  rain.curves = [{xs, ys: pi, colour: "series-1", dash: []}, {xs, ys: bare, colour: "series-2", dash: [5, 3]}];
  density.show(xs, [pi, bare], Number(rain.top.toPrecision(2)));
}

// ---- entropy over sigma ----

const sigmas = Array.from({length: 91}, (_, i) => Math.exp(-3 + i / 18));
const entropy = lineChart($("entropy"), {
  label: "Entropy against sigma", at: 1, format: x => withMinus(x.toFixed(4)),
  x: {name: "\u03c3 =", title: "\u03c3 of u", values: sigmas, log: true, low: sigmas[0], high: sigmas.at(-1),
    format: x => String(Number(x.toPrecision(3)))},
  y: {title: "nats", low: -7.5, high: 4},
  curves: [{name: "of a = tanh u", series: 1}, {name: "of u", series: 3}, {name: "log 2, the even density", series: 7, dashed: true},
    {name: "the most", series: 2, mark: true}, {name: "the sliders' \u03c3", series: 4, mark: true}]
    .map(curve => ({...curve, values: sigmas.map(() => 0)})),
});

function showEntropy() {
  const {mean, logStd} = rain, now = Math.exp(logStd), most = mostRandomStd(mean);
  const xs = [...new Set([...sigmas, now, most])].sort((p, q) => p - q), of = xs.map(x => squashedEntropy(mean, x));
  const only = (x, i, at) => x === at ? of[i] : null;
  entropy.show(xs, [of, xs.map(normalEntropy), xs.map(() => Math.LN2), xs.map((x, i) => only(x, i, most)),
    xs.map((x, i) => only(x, i, now))]);
  $("most").textContent = withMinus(`With mean ${mean.toFixed(2)} the most is ${squashedEntropy(mean, most).toFixed(4)} nats, at \u03c3 = ${
    most.toFixed(3)}; at \u03c3 = ${now.toPrecision(3)} it is ${squashedEntropy(mean, now).toFixed(4)}.`);
}

// ---- what the sliders move ----

function showTiles() {
  const {mean, logStd} = rain, std = Math.exp(logStd), {pi, bare} = areas(mean, logStd), nats = squashedEntropy(mean, std);
  tiles.pi(pi.toFixed(4));
  tiles.bare(bare.toFixed(4));
  tiles.entropy(withMinus(nats.toFixed(4)), `${withMinus((nats / Math.LN2).toFixed(3))} bits`);
  tiles.gaussian(withMinus(normalEntropy(std).toFixed(4)));
  $("reading").textContent = `The bars are the draws. They grow into the full line, the area under which is ${pi.toFixed(4)}. The dashed `
    + `one, the Gaussian's density carried over as it is, has an area of ${bare.toFixed(4)}${bare < 0.98
    ? ": what is missing is missing at the edges, where tanh presses much of u into little of a."
    : ": nearly 1, since hardly any draw comes near the edges, and tanh is nearly the identity where they are."}`;
}

rain.moved = () => {
  tiles.drawn(rain.drawn ? withMinus((-rain.sumLogPi / rain.drawn).toFixed(4)) : "\u2013");
  $("drawn").textContent = `${grouped(rain.drawn)} draws`;
  rainCanvas.setAttribute("aria-label", `${grouped(rain.drawn)} draws of u, carried by tanh into a histogram of a`);
};

let ready = false;
function moveTo(change) {
  Object.assign(rain, change);
  if (!ready) return;
  startOver();
  showTiles();
  showDensities();
  showEntropy();
  drawRain();
}
makeSlider($("sliders"), {label: "mean", low: -3, high: 3, step: 0.05, value: data.mean, text: x => withMinus(x.toFixed(2)),
  move: mean => moveTo({mean})});
makeSlider($("sliders"), {label: "log \u03c3", low: -3, high: 2, step: 0.05, value: 0,
  text: x => withMinus(`${x.toFixed(2)}, \u03c3 ${Math.exp(x).toPrecision(3)}`), move: logStd => moveTo({logStd})});
ready = true;
moveTo({});
playRain(!lessMotion.matches);
if (lessMotion.matches) $("more").click();

// ---- tanh 5 beside tanh 6 ----

const scientific = x => withMinus(x === 0 ? "0" : x < 0.001 ? x.toExponential(4) : x.toPrecision(5));
const orInfinite = text => x => x === null ? "\u221e" : text(x);
const fixed = digits => x => withMinus(x.toFixed(digits));
const rowsOfTable = [
  {name: "a = tanh u", of: r => r.exact.a, text: fixed(12)},
  {name: "how far below 1", of: r => r.exact.below_one, text: scientific},
  {name: "1 \u2212 a\u00b2 = da/du", of: r => r.exact.slope, text: scientific, part: true},
  {name: "a in f32", of: r => r.f32.a, text: fixed(9)},
  {name: "numbers of f32 from there to 1", of: r => r.f32.floats_up_to_one, text: grouped},
  {name: "1 \u2212 a\u00b2 from that", of: r => r.f32.slope, text: scientific, like: r => r.exact.slope},
  {name: "u found again from that", of: r => r.f32.u_again, text: orInfinite(fixed(4)), like: r => r.u, part: true},
  {name: "log \u03c0(a), exact", of: r => r.exact.log_pi, text: fixed(5)},
  {name: "in f32, log(1 \u2212 a\u00b2)", of: r => r.f32.naive, text: orInfinite(fixed(5)), like: r => r.exact.log_pi},
  {name: "in f32, log(1 \u2212 a\u00b2 + 1e-6)", of: r => r.f32.eps1e6, text: orInfinite(fixed(5)), like: r => r.exact.log_pi},
  {name: "in f32, from u (the engine)", of: r => r.f32.stable, text: orInfinite(fixed(5)), like: r => r.exact.log_pi},
];
const columns = [5, 6];

// A number that is off by more than one part in a thousand stands out.
function tableCell({of, text, like}, u) {
  const r = data.saturation[2 * u], value = of(r);
  const off = like && (value === null || Math.abs(value - like(r)) > 1e-3 * Math.abs(like(r)));
  return element("td", {className: off ? "failed" : ""}, text(value));
}

function showTable() {
  $("saturation").tHead.replaceChildren(element("tr", {}, element("th", {}, ""), ...columns.map(u => element("th", {}, `u = ${u}`))));
  $("saturation").tBodies[0].replaceChildren(...rowsOfTable.map(row => element("tr", {className: row.part ? "part" : ""},
    element("td", {}, row.name), ...columns.map(u => tableCell(row, u)))));
}
columns.forEach((u, n) => makeSlider($("u-sliders"), {label: n === 0 ? "u" : "beside", low: 0, high: 12, step: 0.5, value: u, text: String,
  move: to => { columns[n] = to; showTable(); }}));

// ---- the form with 1e-6 ----

drawLogProb("value", "Error in f32 of log pi(a) against u", {low: 0, dtypes: ["f32"]});
drawLogProb("gradient", "Error in f32 of the gradient of log pi(a) against u", {low: 0, dtypes: ["f32"]});
