// The script of the page of `saccade gradcheck --html`.

#include "tools/pages/gradcheck_page.h"

namespace saccade::tools {

const char* const kPageScript = R"js(
// ---- errors: null is not finite, -1 is not measured ----

const kinds = [
  {name: "Order 1", low: -15, high: -6, ends: ["1e-15", "1e-6"], text: e => e.toExponential(1)},
  {name: "Order 2", low: -15, high: -6, ends: ["1e-15", "1e-6"], text: e => e.toExponential(1)},
  {name: "f32", low: -1, high: 2, ends: ["0.1 units", "100"], text: e => e.toFixed(1)},
];
const value = e => e === null ? Infinity : e;
const measured = k => data.rows.some(row => row.errors[k] >= 0);
const text = (e, k) => e < 0 ? "" : e === 0 ? "0" : e === Infinity ? "not finite" : kinds[k].text(e);
const ramp = [[237, 243, 249], [182, 208, 232], [107, 160, 208], [47, 104, 168], [16, 50, 98]];
const bare = "#f3f5f7";

for (const row of data.rows) {
  for (const v of row.variants) {
    v.errors = v.errors.map(value);
    v.failed = (v.failures || []).length > 0;
  }
  row.errors = kinds.map((_, k) => Math.max(...row.variants.map(v => v.errors[k])));
  row.elements = row.variants.reduce((total, v) => total + v.elements, 0);
  row.failed = row.variants.filter(v => v.failed).length;
}

const level = (e, k) => {
  const {low, high} = kinds[k];
  return Math.min(1, Math.max(0, (Math.log10(e) - low) / (high - low)));
};
function colour(e, k) {
  if (!(e > 0)) return bare;
  const at = level(e, k) * (ramp.length - 1), i = Math.min(ramp.length - 2, Math.floor(at));
  return `rgb(${ramp[i].map((c, n) => Math.round(c + (ramp[i + 1][n] - c) * (at - i))).join()})`;
}

// ---- head ----

const variants = data.rows.flatMap(row => row.variants);
const failed = variants.filter(v => v.failed).length;
$("verdict").textContent = failed ? `${failed} of ${variants.length} checks failed` : "All checks passed";
if (failed) $("verdict").className = "badge bad";
$("about").textContent = [
  `Version ${data.build.saccade}`, data.build.instruction_set, data.build.compiler, data.date,
  `${data.seconds.toFixed(1)} s`, ...(data.filter ? [`only those that match "${data.filter}"`] : []),
].join("  \u00b7  ");
const worst = k => Math.max(...data.rows.map(row => row.errors[k]));
const tiles = [
  [variants.length.toLocaleString("en"), `checks of ${data.rows.length} ops and quantities`],
  [data.rows.reduce((total, row) => total + row.elements, 0).toLocaleString("en"), "input elements"],
  ...kinds.map((kind, k) => [text(worst(k), k),
    k < 2 ? `worst error, order ${k + 1}` : "worst f32 error, in roundings"]),
  [failed, "failed"],
];
for (const [number, label] of tiles) {
  if (number === "") continue;
  const bad = label === "failed" && failed;
  $("tiles").append(element("div", {className: bad ? "tile bad" : "tile"},
    element("b", {}, String(number)), element("span", {}, label)));
}

// ---- heat map ----

function describe(row, v) {
  const errors = kinds.flatMap((kind, k) => v.errors[k] < 0 ? [] : [`${kind.name}: ${text(v.errors[k], k)}`]);
  return [`${row.name}  ${v.name}`, ...errors, ...(v.failures || [])].join("\n");
}

function drawHeat(k) {
  for (const button of $("measure").children) {
    button.ariaPressed = String(button.textContent === kinds[k].name);
  }
  $("scale").replaceChildren(
    element("i", {style: `background: ${bare}; border: 1px solid #cbd4dc`}),
    element("span", {}, "0"), element("span", {}, kinds[k].ends[0]),
    element("span", {className: "ramp",
      style: `background: linear-gradient(90deg, ${ramp.map(c => `rgb(${c})`).join()})`}),
    element("span", {}, kinds[k].ends[1]), element("i", {className: "none"}), element("span", {}, "not measured"),
    element("i", {className: "bad"}), element("span", {}, "failed"));
  const ops = [];
  let group = "";
  for (const row of data.rows) {
    if (row.group !== group) ops.push(element("div", {className: "group"}, group = row.group));
    const cells = row.variants.map(v => element("i", {
      title: describe(row, v), className: v.failed ? "bad" : v.errors[k] < 0 ? "none" : "",
      ...(v.errors[k] < 0 ? {} : {style: `background: ${colour(v.errors[k], k)}`})}));
    const link = element("a", {href: "#ops", title: row.name}, row.name);
    link.onclick = event => { event.preventDefault(); show(row); };
    ops.push(element("div", {className: "op"}, link, element("span", {className: "cells"}, ...cells)));
  }
  $("heat").replaceChildren(...ops);
}

kinds.forEach((kind, k) => {
  if (measured(k)) $("measure").append(element("button", {type: "button", onclick: () => drawHeat(k)}, kind.name));
});
drawHeat(kinds.findIndex((_, k) => measured(k)));

// ---- log pi ----

const looks = {
  "stable f64": ["#12467f", ""], "stable f32": ["#3f8fd9", "5 3"],
  "1e-6 f64": ["#b4441a", ""], "1e-6 f32": ["#f0932b", "5 3"],
};
function svg(tag, attributes, content) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (content !== undefined) e.textContent = content;
  return e;
}

function drawPlot(what) {
  const box = {left: 58, right: 568, top: 10, bottom: 284}, u = data.log_prob.u;
  const low = -18, high = 2;
  const x = v => box.left + (v + 20) / 40 * (box.right - box.left);
  const y = e => box.bottom - (Math.log10(e) - low) / (high - low) * (box.bottom - box.top);
  const plot = $("plot-" + what), add = (...args) => plot.appendChild(svg(...args));
  for (let n = low; n <= high; n += 2) {
    const at = y(10 ** n);
    add("line", {x1: box.left, x2: box.right, y1: at, y2: at, class: n === low ? "axis" : "grid"});
    if ((n - low) % 4 === 0) add("text", {x: box.left - 8, y: at + 4, "text-anchor": "end"}, n ? `1e${n}` : "1");
  }
  for (let v = -20; v <= 20; v += 5) {
    add("line", {x1: x(v), x2: x(v), y1: box.top, y2: box.bottom, class: "grid"});
    add("text", {x: x(v), y: box.bottom + 16, "text-anchor": "middle"}, String(v).replace("-", "\u2212"));
  }
  add("text", {x: (box.left + box.right) / 2, y: box.bottom + 36, "text-anchor": "middle"}, "u, before tanh");
  add("text", {transform: `translate(14 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle"},
    "|error|");
  for (const curve of data.log_prob.curves) {
    const [stroke, dash] = looks[`${curve.form} ${curve.dtype}`];
    let path = "", pen = "M";
    curve[what].forEach((e, i) => {
      if (!(e > 0)) { pen = "M"; return; }
      path += `${pen}${x(u[i]).toFixed(1)} ${y(Math.max(e, 1e-18)).toFixed(1)}`;
      pen = "L";
    });
    add("path", {d: path, class: "curve", stroke, "stroke-dasharray": dash});
  }
  const cursor = add("line", {y1: box.top, y2: box.bottom, class: "cursor", visibility: "hidden"});
  const short = e => e >= 0.01 || e === 0 ? e.toPrecision(2) : e.toExponential(1);
  const read = at => {
    const i = u.indexOf(at), parts = data.log_prob.curves.map(curve =>
      `${curve.form} ${curve.dtype} ${short(curve[what][i])}`);
    $("read-" + what).textContent = `At u = ${at}:  ${parts.join(",  ")}`;
  };
  plot.onmousemove = event => {
    const frame = plot.getBoundingClientRect(), across = (event.clientX - frame.left) / frame.width * 580;
    const at = Math.round(((across - box.left) / (box.right - box.left) * 40 - 20) * 4) / 4;
    if (at < -20 || at > 20) return;
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(at));
    cursor.setAttribute("visibility", "visible");
    read(at);
  };
  read(8);
}

for (const [name, [stroke, dash]] of Object.entries(looks)) {
  const key = svg("svg", {viewBox: "0 0 30 10"});
  key.append(svg("line", {x1: 0, x2: 30, y1: 5, y2: 5, stroke, "stroke-width": 2.4, "stroke-dasharray": dash}));
  $("keys").append(element("span", {}, key, name.replace(" ", " form, ")));
}
drawPlot("value");
drawPlot("gradient");
)js"
                                R"js(
// ---- table ----

const columns = [
  {name: "Group", key: row => row.group.toLowerCase()},
  {name: "Op", key: row => row.name.toLowerCase()},
  {name: "Checks", key: row => row.variants.length, right: true},
  {name: "Elements", key: row => row.elements, right: true},
  ...kinds.map((kind, k) => ({name: kind.name, key: row => row.errors[k], right: true, kind: k}))
    .filter(column => measured(column.kind)),
  {name: "Verdict", key: row => row.failed},
  {name: "Formula", key: row => row.formula},
];
const sorting = {column: null, down: false};
const open = new Set();
let marked = null;

// Forward; then the gradients.
const formula = row => element("div", {className: "formula"},
  ...row.formula.split(/;  +/).map(part => element("div", {}, part)));

function errorCell(e, k) {
  const ink = e > 0 && level(e, k) > 0.55 ? "#fff" : "inherit";
  const style = e < 0 ? "" : `background: ${colour(e, k)}; color: ${ink}`;
  return element("td", {className: "right heat number", style}, text(e, k));
}

function verdict(failed, errors) {
  const gradient = errors[0] >= 0 || !measured(0);
  return element("td", {className: failed ? "failed" : "ok"},
    failed ? "FAILED" : gradient ? "ok" : "value ok");
}

function detail(row) {
  const shown = kinds.map((_, k) => k).filter(measured), body = element("tbody");
  for (const v of row.variants) {
    body.append(element("tr", {}, element("td", {className: "number"}, v.name),
      element("td", {className: "right"}, String(v.elements)),
      ...shown.map(k => errorCell(v.errors[k], k)), verdict(v.failed, v.errors)));
    for (const failure of v.failures || []) {
      body.append(element("tr", {}, element("td", {className: "failure", colSpan: shown.length + 3}, failure)));
    }
  }
  const heads = ["Variant", "Elements", ...shown.map(k => kinds[k].name), "Verdict"];
  const table = element("table", {}, element("thead", {},
    element("tr", {}, ...heads.map((name, i) => element("th", {className: i && i < heads.length - 1 ? "right" : ""}, name)))), body);
  return element("tr", {className: "detail"}, element("td", {colSpan: columns.length}, table));
}

function opRow(row) {
  const button = element("button",
    {type: "button", className: "open", ariaExpanded: String(open.has(row))}, row.name);
  button.onclick = () => { open.has(row) ? open.delete(row) : open.add(row); drawTable(); };
  const cells = columns.map(column => {
    if (column.kind !== undefined) return errorCell(row.errors[column.kind], column.kind);
    if (column.name === "Op") return element("td", {}, button);
    if (column.name === "Verdict") return verdict(row.failed, row.errors);
    if (column.name === "Formula") return element("td", {}, formula(row));
    if (column.name === "Group") return element("td", {className: "group"}, row.group);
    return element("td", {className: "right"}, column.key(row).toLocaleString("en"));
  });
  return row.tr = element("tr", {className: row === marked ? "target" : ""}, ...cells);
}

function visible(row) {
  if ($("failing").checked && !row.failed) return false;
  const all = [row.group, row.name, row.formula, ...row.variants.map(v => v.name)].join("\n").toLowerCase();
  return $("filter").value.toLowerCase().split(/\s+/).every(word => all.includes(word));
}

function drawTable() {
  const rows = data.rows.filter(visible), {column, down} = sorting;
  if (column) {
    rows.sort((a, b) => {
      const [p, q] = [column.key(a), column.key(b)];
      return (p < q ? -1 : p > q ? 1 : 0) * (down ? -1 : 1);
    });
  }
  $("count").textContent = `${rows.length} of ${data.rows.length}`;
  const lines = rows.flatMap(row => open.has(row) ? [opRow(row), detail(row)] : [opRow(row)]);
  $("ops").tBodies[0].replaceChildren(...lines);
  for (const th of $("ops").tHead.rows[0].cells) {
    const sorted = column && th.textContent === column.name;
    sorted ? th.setAttribute("aria-sort", down ? "descending" : "ascending") : th.removeAttribute("aria-sort");
  }
}

// Numbers from the largest, then from the smallest; then the suite's order again.
function sortBy(column) {
  const first = Boolean(column.right) || column.name === "Verdict";
  if (sorting.column !== column) Object.assign(sorting, {column, down: first});
  else if (sorting.down === first) sorting.down = !first;
  else sorting.column = null;
  drawTable();
}

// From the heat map to the row.
function show(row) {
  $("filter").value = "";
  $("failing").checked = false;
  open.add(marked = row);
  drawTable();
  row.tr.scrollIntoView({block: "center"});
}

for (const column of columns) {
  $("ops").tHead.rows[0].append(element("th", {className: column.right ? "right" : "", scope: "col"},
    element("button", {type: "button", onclick: () => sortBy(column)}, column.name)));
}
$("filter").oninput = $("failing").onchange = drawTable;
drawTable();
)js";

}  // namespace saccade::tools
