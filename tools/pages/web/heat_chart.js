// Histograms side by side, one a column: {label, x: {name, values, format}, low, high, columns, names}. Each column has
// shares that add up to 1; `names` are those of the parts where they are not equal ones from `low` to `high`.
"use strict";

function heatChart(place, {label, x, low, high, columns, names}) {
  const parts = columns[0].length, most = Math.max(...columns.flat());
  const picture = svg("svg", {viewBox: `0 0 ${columns.length} ${parts}`, preserveAspectRatio: "none", class: "heat",
    tabindex: 0, role: "slider", "aria-label": label, "aria-valuemin": x.values[0], "aria-valuemax": x.values.at(-1)});
  columns.forEach((column, i) => column.forEach((share, part) => {
    if (share === 0) return;
    picture.append(svg("rect", {x: i, y: parts - 1 - part, width: 1.02, height: 1.02, style: `fill: ${rampColour(share / most)}`}));
  }));
  const cursor = svg("rect", {width: 1, height: 1, class: "cursor"});
  picture.append(cursor);
  const line = element("div", {className: "at"});
  const at = {column: columns.length - 1, part: columns.at(-1).indexOf(Math.max(...columns.at(-1)))};
  const edge = part => number(low + (high - low) * part / parts);
  const nameOf = part => names ? names[part] : `${edge(part)} to ${edge(part + 1)}`;
  const move = (column, part) => {
    at.column = Math.min(columns.length - 1, Math.max(0, column));
    at.part = Math.min(parts - 1, Math.max(0, part));
    cursor.setAttribute("x", at.column);
    cursor.setAttribute("y", parts - 1 - at.part);
    const text = `${nameOf(at.part)}: ${(100 * columns[at.column][at.part]).toFixed(1)} %`;
    line.textContent = `At ${x.name} ${x.format(x.values[at.column])}, ${text}`;
    picture.setAttribute("aria-valuenow", x.values[at.column]);
    picture.setAttribute("aria-valuetext", line.textContent);
  };
  picture.onpointermove = picture.onpointerdown = event => {
    const box = picture.getBoundingClientRect();
    move(Math.floor((event.clientX - box.left) / box.width * columns.length),
      parts - 1 - Math.floor((event.clientY - box.top) / box.height * parts));
  };
  picture.onkeydown = event => {
    const [across, up] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key] ?? [0, 0];
    if ((across || up) === 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(at.column + across, at.part + up);
  };
  move(at.column, at.part);
  place.append(picture, element("div", {className: "heat-edges"},
    element("span", {}, `step ${x.format(x.values[0])}`), element("span", {}, names ? `${names[0]} (below) to ${names.at(-1)}`
      : `${edge(0)} (below) to ${edge(parts)}`), element("span", {}, x.format(x.values.at(-1)))), line);
}
