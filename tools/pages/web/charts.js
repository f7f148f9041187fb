// Charts: Chart.js, in the page's colours, and read alike by a mouse, a finger and the arrow keys. A page that plots names
// chart.min.js and this file after common.js.
"use strict";

Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.events = [];  // the cursor below is ours
Chart.defaults.plugins.legend.display = false;
Chart.defaults.plugins.tooltip.enabled = false;
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.font.size = 11;

// Functions, and so asked again when light becomes dark.
const axes = Chart.defaults.scale;
axes.grid.color = axes.grid.borderColor = () => token("line");
axes.ticks.color = axes.title.color = () => token("soft");

const allCharts = [];
onThemeChange(() => allCharts.forEach(chart => chart.update()));

// A line through everything at the cursor's x, and a dot where it meets each curve.
const cursorPlugin = {
  id: "cursor",
  afterDatasetsDraw(chart) {
    const {ctx: c, chartArea: {top, bottom}, cursor} = chart;
    const points = chart.getSortedVisibleDatasetMetas().filter(({index}) => !chart.data.datasets[index].isBand)
      .map(meta => meta.data[cursor])
      .filter(point => point && !point.skip);
    if (points.length === 0) return;
    c.save();
    c.strokeStyle = token("strong-line");
    c.beginPath();
    c.moveTo(points[0].x, top);
    c.lineTo(points[0].x, bottom);
    c.stroke();
    for (const point of points) {
      c.fillStyle = point.options.borderColor;
      c.beginPath();
      c.arc(point.x, point.y, 3.5, 0, 2 * Math.PI);
      c.fill();
    }
    c.restore();
  },
};

// Whole decades, as many as the axis has room for, or 1, 2 and 5 of each where there are few. Chart.js alone would mark
// every digit of every decade.
function decadeTicks(axis) {
  const low = Math.ceil(Math.log10(axis.min)), high = Math.floor(Math.log10(axis.max));
  const room = axis.isHorizontal() ? axis.width / 60 : axis.height / 26;
  const every = Math.max(1, Math.ceil((high - low) / room));
  axis.ticks = [];
  for (let n = low; n <= high; n += every) axis.ticks.push({value: 10 ** n});
  if (axis.ticks.length > 2) return;
  axis.ticks = [];
  for (let n = low - 1; n <= high; ++n) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** n;
      if (value >= axis.min && value <= axis.max) axis.ticks.push({value});
    }
  }
}

// Without the noise of binary fractions: 0.6, 1500, 45k.
const plain = x => withMinus(Math.abs(x) >= 1e4 ? x.toLocaleString("en", {notation: "compact"}).toLowerCase()
  : String(Number(x.toPrecision(6))));

const decade = x => x >= 1e-3 && x < 1e4 ? grouped(x) : x.toExponential(0).replace("+", "");

// {title, log, low, high, format, tick}: how the cursor's value reads, and the axis' own, if not alike.
function makeAxis({title, log = false, low, high, format = log ? decade : plain, tick = format}) {
  return {
    type: log ? "logarithmic" : "linear", min: low, max: high, title: {display: Boolean(title), text: title},
    ticks: {callback: tick, maxRotation: 0}, grid: {drawTicks: false},
    ...(log ? {afterBuildTicks: decadeTicks} : {}),
  };
}

// A point whose neighbours are missing would not be seen as part of a line.
function lonelyRadius({dataset, dataIndex: i}) {
  const there = n => Number.isFinite(dataset.data[n]?.y);
  return there(i) && !there(i - 1) && !there(i + 1) ? 1.5 : 0;
}

const pointsOf = (x, {log}, values) => values.map((y, i) => ({x: x.values[i], y: log && !(y > 0) ? null : y}));

// {name, values, series, dashed, mark}: null is a gap, as is a number that a logarithmic axis has no place for; `series` is a
// number of the palette; a mark has dots and no line. Later curves lie over earlier ones.
function makeCurve({x, y, curve: {name, values, series, dashed = false, mark = false}, nth}) {
  const colour = () => token(`series-${series}`);
  return {
    label: name, data: pointsOf(x, y, values), order: -nth, borderColor: colour, backgroundColor: colour, showLine: !mark,
    borderWidth: 1.8, borderDash: dashed ? [5, 3] : [], borderJoinStyle: "round", pointRadius: mark ? 5 : lonelyRadius,
  };
}

// The band of a curve that has `low` and `high`: its upper edge, filled down to the next dataset, its lower edge.
function makeBand({x, curve: {low, high, series}, nth}) {
  if (!low) return [];
  const colour = () => token(`series-${series}`) + "30";
  const edge = (values, fill) => ({
    data: values.map((y, i) => ({x: x.values[i], y})), fill, order: 100 - nth, isBand: true, curve: nth,
    borderWidth: 0, pointRadius: 0, backgroundColor: colour,
  });
  return [edge(high, "+1"), edge(low, false)];
}

// Names the curves and shows their values at the cursor; a click hides a curve.
function makeKeys(chart, curves) {
  const values = curves.map(() => element("b"));
  const buttons = curves.map(({name, series, dashed, mark}, n) => {
    const line = mark ? svg("circle", {cx: 15, cy: 5, r: 4.5, fill: `var(--series-${series})`})
      : svg("line", {x1: 0, x2: 30, y1: 5, y2: 5, stroke: `var(--series-${series})`, "stroke-dasharray": dashed ? "5 3" : ""});
    const button = element("button", {type: "button", className: "plain", "aria-pressed": "true"},
      svg("svg", {viewBox: "0 0 30 10", "aria-hidden": "true"}, line), name, values[n]);
    button.onclick = () => {
      const shown = !chart.isDatasetVisible(n);
      button.setAttribute("aria-pressed", String(shown));
      chart.data.datasets.forEach((dataset, i) => { if (i === n || dataset.curve === n) chart.setDatasetVisibility(i, shown); });
      chart.update();
    };
    return button;
  });
  return {element: element("div", {className: "keys"}, ...buttons), values};
}

// Calls `move` with an index of x's values where a mouse, a finger or a key puts the cursor.
function followCursor(canvas, chart, x, move) {
  canvas.onpointermove = canvas.onpointerdown = event => {
    const [nearest] = chart.getElementsAtEventForMode(event, "index", {intersect: false}, false);
    if (nearest) move(nearest.index);
  };
  canvas.onkeydown = event => {
    const step = event.shiftKey ? 10 : 1;
    const to = {ArrowLeft: chart.cursor - step, ArrowRight: chart.cursor + step, Home: 0, End: x.values.length - 1}[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(Math.min(x.values.length - 1, Math.max(0, to)));
  };
}

// Takes away all charts that there are.
function removeCharts() {
  allCharts.forEach(chart => chart.destroy());
  allCharts.length = 0;
}

// Curves over the same values of x, in an element of class "chart":
//
//     {label, x: {name, title, log, values, low, high, format, tick}, y: {title, log, low, high}, curves, at, format, moved}
//
// A curve with `low` and `high` has a band between them.
//
// The cursor begins at the value `at` of x; `moved` gets the index of each later one. For assistive technology the chart is a
// slider along x. The chart's `show(values of x, values of each curve, top of y)` draws other numbers in place, up to the last x
// where the axis has an end, and leaves the cursor where it was; `moveTo(i)` puts it elsewhere.
function lineChart(place, {label, x, y, curves, at = x.values[0], format = number, moved = () => {}}) {
  const canvas = element("canvas", {tabIndex: 0, role: "slider", "aria-label": label});
  const line = element("div", {className: "at"});
  place.append(element("div", {className: "canvas"}, canvas), line);
  const chart = new Chart(canvas, {
    type: "line", plugins: [cursorPlugin],
    data: {datasets: [...curves.map((curve, nth) => makeCurve({x, y, curve, nth})),
      ...curves.flatMap((curve, nth) => makeBand({x, curve, nth}))]},
    options: {scales: {x: makeAxis(x), y: makeAxis(y)}},
  });
  allCharts.push(chart);
  const keys = makeKeys(chart, curves);
  place.append(keys.element);
  const move = i => {
    const texts = curves.map(curve => curve.values[i] === null ? "" : format(curve.values[i]));
    const where = x.format ? x.format(x.values[i]) : withMinus(String(x.values[i]));
    chart.cursor = i;
    chart.draw();
    line.textContent = `At ${x.name} ${x.format ? where : `= ${where}`}`;
    texts.forEach((text, n) => { keys.values[n].textContent = text; });
    canvas.setAttribute("aria-valuemin", x.values[0]);
    canvas.setAttribute("aria-valuemax", x.values.at(-1));
    canvas.setAttribute("aria-valuenow", x.values[i]);
    canvas.setAttribute("aria-valuetext",
      `${x.name} ${where}: ${curves.map((curve, n) => `${curve.name} ${texts[n] || "none"}`).join(", ")}`);
  };
  const nearest = value => x.values.reduce((best, v, i) => Math.abs(v - value) < Math.abs(x.values[best] - value) ? i : best, 0);
  chart.moveTo = move;
  chart.show = (values, rows, high = y.high) => {
    const before = x.values[chart.cursor];
    x.values = values;
    curves.forEach((curve, n) => {
      curve.values = rows[n];
      chart.data.datasets[n].data = pointsOf(x, y, rows[n]);
    });
    chart.options.scales.y.max = high;
    if (x.high !== undefined) chart.options.scales.x.max = Math.max(x.high, values.at(-1));
    chart.update("none");
    move(nearest(before));
  };
  followCursor(canvas, chart, x, i => { move(i); moved(i); });
  move(nearest(at));
  return chart;
}
