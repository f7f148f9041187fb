// A grid world: a cell for each state, in the colour of its value, with an arrow for each action.
"use strict";

const letters = data.cells.join(""), across = data.cells[0].length, down = data.cells.length;
const steps = {"^": [0, -1], ">": [1, 0], "v": [0, 1], "<": [-1, 0]};
const actionNames = {"^": "up", ">": "right", "v": "down", "<": "left"};
const acts = s => data.reachable[s] && !data.terminal[s];
const cellNames = {S: "start", G: "goal", H: "hole", "#": "cliff"};
const isStart = s => data.start[s] > 0;

// Row and column from 1, and what the cell is.
function nameOfCell(s) {
  const kind = isStart(s) ? "start" : acts(s) ? "" : cellNames[letters[s]] ?? "never reached";
  return `Row ${Math.floor(s / across) + 1}, column ${s % across + 1}${kind && `, ${kind}`}`;
}

// A triangle from the middle of the cell; since both its sides grow with the root, its area is in proportion to p.
function arrowPath([x, y], p) {
  const length = 4.4 * Math.sqrt(p), half = 1.6 * Math.sqrt(p);
  return `M${-y * half} ${x * half}L${x * length} ${y * length}L${y * half} ${-x * half}Z`;
}

// From 0 to 1 between the least and the largest of the values where there is a policy.
function levelsOf(values) {
  const shown = values.filter((_, s) => acts(s)), low = Math.min(...shown), high = Math.max(...shown);
  return {low, high, levels: values.map(x => high > low ? (x - low) / (high - low) : 0)};
}

function drawCell(s, level) {
  const x = s % across * 10, y = Math.floor(s / across) * 10;
  if (!acts(s)) {
    const blocked = letters[s] === "#" || letters[s] === "H";
    return svg("g", {}, svg("rect", {x: x + 0.2, y: y + 0.2, width: 9.6, height: 9.6, rx: 0.8, class: blocked ? "wall" : "outside"}),
      svg("text", {x: x + 5, y: y + 5}, cellNames[letters[s]] ?? ""));
  }
  const cell = svg("g", {class: level > 0.55 ? "dark" : ""},
    svg("rect", {x: x + 0.2, y: y + 0.2, width: 9.6, height: 9.6, rx: 0.8, style: `fill: ${rampColour(level)}`}));
  if (isStart(s)) cell.append(svg("text", {x: x + 0.7, y: y + 1.6, class: "corner"}, "start"));
  return cell;
}

function drawArrows(s, level, policy) {
  const middle = `translate(${s % across * 10 + 5} ${Math.floor(s / across) * 10 + 5})`;
  return svg("g", {class: level > 0.55 ? "dark" : ""}, ...[...data.arrows].flatMap((letter, a) => acts(s) && policy[a] > 0.0005
    ? [svg("path", {class: "arrow", transform: middle, d: arrowPath(steps[letter], policy[a])})] : []));
}

const centre = s => `${s % across * 10 + 5} ${Math.floor(s / across) * 10 + 5}`;
const policyOf = (optimum, s) => optimum.policy.slice(s * data.actions, (s + 1) * data.actions);
const qOf = (optimum, s) => optimum.q.slice(s * data.actions, (s + 1) * data.actions);

// Calls `choose` with a state where a mouse, a finger or a key goes. Returns {show(optimum, measure), point(state)}.
function makeBoard(place, label, choose) {
  const picture = svg("svg", {class: "board", viewBox: `0 0 ${across * 10} ${down * 10}`, tabindex: 0, role: "group",
    "aria-label": `${label}: arrow keys move from cell to cell`, "aria-describedby": "cell", style: `max-width: ${across * 90}px`});
  const cursor = svg("rect", {class: "cursor", width: 9.4, height: 9.4, rx: 0.8}), edges = element("div", {className: "board-edges"});
  let at = 0;
  place.append(picture, edges);
  picture.onpointermove = picture.onpointerdown = event => {
    const box = picture.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * across), row = Math.floor((event.clientY - box.top) / box.height * down);
    if (column >= 0 && column < across && row >= 0 && row < down) choose(row * across + column);
  };
  picture.onkeydown = event => {
    const [x, y] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key] ?? [0, 0];
    if ((x || y) === 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const column = Math.min(across - 1, Math.max(0, at % across + x)), row = Math.min(down - 1, Math.max(0, Math.floor(at / across) + y));
    choose(row * across + column);
  };
  return {
    show(optimum, {name, of}) {
      const {low, high, levels} = levelsOf(of(optimum));
      picture.replaceChildren(...levels.map((level, s) => drawCell(s, level)));
      if (optimum.route) picture.append(svg("path", {class: "way", d: "M" + optimum.route.map(centre).join("L")}));
      picture.append(...levels.map((level, s) => drawArrows(s, level, policyOf(optimum, s))), cursor);
      edges.replaceChildren(`${name} ${number(low)}`, element("i", {style: `background: ${ramp}`}), number(high));
    },
    point(s) {
      at = s;
      cursor.setAttribute("x", s % across * 10 + 0.3);
      cursor.setAttribute("y", Math.floor(s / across) * 10 + 0.3);
    },
  };
}
