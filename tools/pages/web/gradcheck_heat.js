// The gradient checks' map: a cell for each check.
"use strict";

const cells = [];  // in the suite's order: {row, v, nth in its row, at: the element}
let chosen = -1;

function makeCells() {
  let group = "";
  for (const row of data.rows) {
    if (row.group !== group) $("heat").append(element("div", {className: "group"}, group = row.group));
    const line = element("span", {className: "cells"});
    row.variants.forEach((v, nth) => {
      const at = element("i");
      at.dataset.cell = cells.length;
      cells.push({row, v, nth, at});
      line.append(at);
    });
    const name = element("a", {href: "#ops", title: row.name, tabIndex: -1}, row.name);
    name.onclick = event => { event.preventDefault(); openRow(row); };
    $("heat").append(element("div", {className: "op"}, name, line));
  }
}

function colourCells(k) {
  for (const {v, at} of cells) {
    const e = v.errors[k];
    at.className = v.failed ? "bad" : e < 0 ? "none" : e === 0 ? "zero" : "";
    at.style.background = at.className ? "" : rampColour(level(e, k));
  }
  const [low, high] = kinds[k].ends, key = (...parts) => element("span", {}, ...parts);
  const swatch = className => element("i", {className});
  $("scale").replaceChildren(key(swatch("zero"), "0"),
    key(low, element("i", {className: "ramp", style: `background: ${ramp}`}), high),
    key(swatch("none"), "not measured"), key(swatch("bad"), "failed"));
  if (chosen >= 0) cells[chosen].at.classList.add("chosen");
}

function chooseCell(i) {
  if (chosen >= 0) cells[chosen].at.classList.remove("chosen");
  chosen = Math.min(cells.length - 1, Math.max(0, i));
  const {row, v, at} = cells[chosen];
  at.classList.add("chosen");
  const errors = kinds.map((kind, k) => v.errors[k] < 0 ? "" : `${kind.name}: ${errorText(v.errors[k], k)}`);
  $("cell-text").replaceChildren(
    element("b", {}, row.name), " ", element("span", {className: "number"}, v.name),
    element("div", {className: "errors"}, joined(...errors, `${grouped(v.elements)} elements`, v.failed ? "" : "passed")),
    ...v.failures.map(failure => element("div", {className: "failure"}, failure)));
}

// The op `by` further, at the same place in it or its last.
function besideRow(by) {
  const {row, nth} = cells[chosen], to = data.rows[data.rows.indexOf(row) + by];
  return to ? cells.findIndex(cell => cell.row === to && cell.nth === Math.min(nth, to.variants.length - 1)) : chosen;
}

const moves = {
  ArrowLeft: () => chosen - 1, ArrowRight: () => chosen + 1, ArrowUp: () => besideRow(-1), ArrowDown: () => besideRow(1),
  Home: () => 0, End: () => cells.length - 1,
};
$("heat").onkeydown = event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter") return openRow(cells[chosen].row);
  if (!moves[event.key]) return;
  event.preventDefault();
  chooseCell(moves[event.key]());
  cells[chosen].at.scrollIntoView({block: "nearest"});
};
$("heat").onpointermove = $("heat").onpointerdown = event => {
  const under = document.elementFromPoint(event.clientX, event.clientY)?.dataset.cell;
  if (under !== undefined) chooseCell(Number(under));
};
$("cell-open").onclick = () => openRow(cells[chosen].row);

makeCells();
const showMeasure = makeChoice($("measure"), shownKinds.map(k => kinds[k].name), n => {
  showMeasure(n);
  colourCells(shownKinds[n]);
});
showMeasure(0);
colourCells(shownKinds[0]);
chooseCell(Math.max(0, cells.findIndex(cell => cell.v.failed)));
