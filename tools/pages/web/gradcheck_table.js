// The gradient checks' table: a row for each op, which opens to its variants.
"use strict";

const columns = [
  {name: "Group", key: row => row.group.toLowerCase(), wide: true},
  {name: "Op", key: row => row.name.toLowerCase()},
  {name: "Checks", key: row => row.variants.length, right: true, wide: true},
  {name: "Elements", key: row => row.elements, right: true, wide: true},
  ...shownKinds.map(k => ({name: kinds[k].name, key: row => row.errors[k], right: true, kind: k})),
  {name: "Verdict", key: row => row.failed},
  {name: "Formula", key: row => row.formula, wide: true},
];
const sorting = {column: null, down: false};
const opened = new Set();
let marked = null;

// Forward; then the gradients.
const formula = row => element("div", {className: "formula"}, ...row.formula.split(/;  +/).map(part => element("div", {}, part)));

function errorCell(e, k) {
  const style = e > 0 ? `background: ${rampColour(level(e, k))}; color: ${level(e, k) > 0.6 ? "var(--on-ramp)" : "inherit"}`
    : e === 0 ? "background: var(--ramp-none)" : "";
  return element("td", {className: `right number${e === Infinity ? " not-finite" : ""}`, style}, errorText(e, k));
}

function verdict(failed, errors) {
  const gradient = errors[0] >= 0 || !measured(0);
  return element("td", {className: failed ? "failed" : "good"}, failed ? "FAILED" : gradient ? "ok" : "value ok");
}

function variantLines(v) {
  const line = element("tr", {},
    element("td", {className: "number"}, v.name), element("td", {className: "right"}, String(v.elements)),
    ...shownKinds.map(k => errorCell(v.errors[k], k)), verdict(v.failed, v.errors));
  return [line, ...v.failures.map(failure =>
    element("tr", {}, element("td", {className: "failure", colSpan: shownKinds.length + 3}, failure)))];
}

// On a narrow screen with what its columns have no room for.
function detail(row) {
  const heads = ["Variant", "Elements", ...shownKinds.map(k => kinds[k].name), "Verdict"];
  const head = heads.map((name, i) =>
    element("th", {scope: "col", className: i && i < heads.length - 1 ? "right" : ""}, name));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...row.variants.flatMap(variantLines)));
  const counts = joined(row.group, `${grouped(row.variants.length)} checks`, `${grouped(row.elements)} elements`);
  const about = element("div", {className: "about only-narrow"}, element("p", {}, counts), formula(row));
  return element("tr", {className: "detail"},
    element("td", {colSpan: columns.length}, about, element("div", {className: "scroll"}, table)));
}

function opCell(row) {
  const button = element("button",
    {type: "button", className: "plain open", "aria-expanded": String(opened.has(row)), onclick: () => toggle(row)}, row.name);
  return element("td", {}, button);
}

function cellOf(column, row) {
  if (column.kind !== undefined) return errorCell(row.errors[column.kind], column.kind);
  if (column.name === "Op") return opCell(row);
  if (column.name === "Verdict") return verdict(row.failed, row.errors);
  if (column.name === "Formula") return element("td", {}, formula(row));
  if (column.name === "Group") return element("td", {className: "group"}, row.group);
  return element("td", {className: "right"}, grouped(column.key(row)));
}

function opLine(row) {
  row.line = element("tr", {className: row === marked ? "target" : ""}, ...columns.map(column => {
    const cell = cellOf(column, row);
    if (column.wide) cell.classList.add("only-wide");
    return cell;
  }));
  return row.line;
}

function visible(row) {
  if ($("failing").checked && !row.failed) return false;
  const all = [row.group, row.name, row.formula, ...row.variants.map(v => v.name)].join("\n").toLowerCase();
  return $("filter").value.toLowerCase().split(/\s+/).every(word => all.includes(word));
}

function sorted(rows) {
  const {column, down} = sorting;
  if (!column) return rows;
  return rows.sort((a, b) => {
    const [p, q] = [column.key(a), column.key(b)];
    return (p < q ? -1 : p > q ? 1 : 0) * (down ? -1 : 1);
  });
}

function drawTable() {
  const rows = sorted(data.rows.filter(visible));
  $("count").textContent = `${rows.length} of ${data.rows.length}`;
  $("ops").tBodies[0].replaceChildren(...rows.flatMap(row => opened.has(row) ? [opLine(row), detail(row)] : [opLine(row)]));
  [...$("ops").tHead.rows[0].cells].forEach((th, n) => {
    if (sorting.column === columns[n]) th.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  });
}

function toggle(row) {
  opened.has(row) ? opened.delete(row) : opened.add(row);
  drawTable();
  row.line.querySelector(".open").focus();
}

// Numbers from the largest, then from the smallest; then the suite's order again.
function sortBy(column) {
  const first = Boolean(column.right) || column.name === "Verdict";
  if (sorting.column !== column) Object.assign(sorting, {column, down: first});
  else if (sorting.down === first) sorting.down = !first;
  else sorting.column = null;
  drawTable();
}

// From the map to the row.
function openRow(row) {
  $("filter").value = "";
  $("failing").checked = false;
  opened.add(marked = row);
  drawTable();
  row.line.scrollIntoView({block: "center"});
  row.line.querySelector(".open").focus({preventScroll: true});
}

for (const column of columns) {
  const classes = [column.right && "right", column.wide && "only-wide"].filter(Boolean).join(" ");
  $("ops").tHead.rows[0].append(element("th", {className: classes, scope: "col"},
    element("button", {type: "button", className: "plain", onclick: () => sortBy(column)}, column.name)));
}
$("filter").oninput = $("failing").onchange = drawTable;
drawTable();
