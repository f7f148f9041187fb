// The gradient checks: what errors are, the head of the page, and the charts of log pi(a).
"use strict";

// ---- errors: null is not finite, -1 is not measured ----

const relativeLimit = data.tolerance.relative;
const kinds = [
  {name: "Order 1", low: -15, high: -6, ends: ["1e-15", "1e-6"], text: e => e.toExponential(1)},
  {name: "Order 2", low: -15, high: -6, ends: ["1e-15", "1e-6"], text: e => e.toExponential(1)},
  {name: "f32", low: -1, high: 2, ends: ["0.1 units", "100"], text: e => e < 1e5 ? e.toFixed(1) : e.toExponential(1).replace("+", "")},
  {name: "Value", low: -18, high: -11, ends: ["1e-18", "1e-11"], text: e => e.toExponential(1)},
];
const errorText = (e, k) => e < 0 ? "" : e === 0 ? "0" : e === Infinity ? "not finite" : kinds[k].text(e);
const measured = k => data.rows.some(row => row.errors[k] >= 0);

for (const row of data.rows) {
  for (const v of row.variants) {
    v.errors = v.errors.map(e => e === null ? Infinity : e);
    v.failures ??= [];
    v.failed = v.failures.length > 0;
  }
  row.errors = kinds.map((_, k) => Math.max(...row.variants.map(v => v.errors[k])));
  row.elements = row.variants.reduce((total, v) => total + v.elements, 0);
  row.failed = row.variants.filter(v => v.failed).length;
}
const shownKinds = kinds.map((_, k) => k).filter(measured);

// From 0 to 1 along the scale of its kind.
function level(e, k) {
  const {low, high} = kinds[k];
  return Math.min(1, Math.max(0, (Math.log10(e) - low) / (high - low)));
}

// ---- head ----

const variants = data.rows.flatMap(row => row.variants);
const failed = variants.filter(v => v.failed).length;
$("verdict").textContent = failed ? `${failed} of ${variants.length} checks failed` : "All checks passed";
if (failed) $("verdict").className = "badge bad";
$("about").textContent = joined(`Version ${data.build.saccade}`, data.build.instruction_set, data.build.compiler, data.date,
  `${data.seconds.toFixed(1)} s`, data.filter && `only those that match "${data.filter}"`);
$("tolerance").textContent = `up to ${relativeLimit.toExponential()} of the larger of the two, plus ${
  data.tolerance.absolute.toExponential()}, passes.`;

function addTile(number, beside, label, bad = false) {
  makeTile($("tiles"), label, bad)(String(number), beside);
}

// Beside its limit: without it the largest of many errors looks like a finding.
function addWorst(k) {
  const worst = data.rows.reduce((a, b) => b.errors[k] > a.errors[k] ? b : a);
  const limit = [relativeLimit, relativeLimit, worst.f32_limit, data.tolerance.value][k];
  const what = ["error, order 1", "error, order 2", "f32 error, in roundings", "error of a value"][k];
  addTile(errorText(worst.errors[k], k), `of ${k === 2 ? grouped(limit) : limit.toExponential()} allowed`, `worst ${what}: ${worst.name}`,
    worst.failed > 0 && worst.errors[k] > limit);
}

addTile(grouped(variants.length), "", `checks of ${data.rows.length} ops and quantities`);
addTile(grouped(data.rows.reduce((total, row) => total + row.elements, 0)), "", "input elements");
shownKinds.forEach(addWorst);
addTile(failed, "", "failed", failed > 0);

// ---- log pi ----

drawLogProb("value", "Error of log pi(a) against u", {low: -20, dtypes: ["f64", "f32"]});
drawLogProb("gradient", "Error of the gradient of log pi(a) against u", {low: -20, dtypes: ["f64", "f32"]});
