// The page of a comparison: every task's curves, final scores and table.
"use strict";

const colourOf = n => `var(--series-${n + 1})`;
const meanOf = values => values.reduce((sum, x) => sum + x, 0) / values.length;

// A row for each {name, estimate, scores}, all on one scale.
function intervals(place, rows) {
  const all = rows.flatMap(({estimate, scores = []}) => [...estimate, ...scores]);
  const low = Math.min(...all), high = Math.max(...all), size = high - low || 1;
  const x = value => 2 + (value - low) / size * 96;
  rows.forEach(({name, n, estimate: [value, from = value, to = value], scores = []}) => {
    const at = percent => `${percent}%`, colour = colourOf(n);
    const picture = svg("svg", {role: "img", "aria-label": `${name}: ${number(value)}, from ${number(from)} to ${number(to)}`},
      svg("line", {x1: "0%", x2: "100%", y1: 13, y2: 13, class: "axis"}),
      svg("line", {x1: at(x(from)), x2: at(x(to)), y1: 13, y2: 13, class: "range", stroke: colour}),
      ...scores.map(score => svg("circle", {cx: at(x(score)), cy: 13, r: 3.5, class: "run"})),
      svg("line", {x1: at(x(value)), x2: at(x(value)), y1: 3, y2: 23, class: "middle", stroke: colour}));
    place.append(element("div", {className: "interval-row"}, element("span", {className: "name"}, name), picture,
      element("span", {className: "numbers"}, from < to ? `${number(value)} [${number(from)}, ${number(to)}]` : number(value))));
  });
}

// Curves of different lengths and steps on the union of their steps.
function curvesOf(configurations) {
  const steps = [...new Set(configurations.flatMap(({steps}) => steps))].sort((a, b) => a - b);
  const curves = configurations.map((c, n) => {
    const at = new Map(c.steps.map((step, i) => [step, c.curve[i]]));
    const pick = part => steps.map(step => at.get(step)?.[part] ?? at.get(step)?.[0] ?? null);
    return {name: c.name, values: pick(0), low: pick(1), high: pick(2), series: n + 1};
  }).filter(({values}) => values.some(value => value !== null));
  return {steps, curves};
}

function tableOf({threshold, configurations}) {
  const [first] = configurations;
  const spread = ({runs}) => runs.length < 2 ? null
    : Math.sqrt(runs.reduce((sum, {score}) => sum + (score - meanOf(runs.map(run => run.score))) ** 2, 0) / (runs.length - 1));
  const mean = (runs, key) => {
    const there = runs.map(run => run[key]).filter(x => x !== null);
    return there.length === 0 ? null : meanOf(there);
  };
  const reached = ({runs}) => {
    const there = runs.filter(run => run.steps_to_threshold !== null);
    return there.length === 0 ? runs.length ? "never" : "\u2013"
      : `${grouped(Math.round(meanOf(there.map(run => run.steps_to_threshold))))} (${there.length} of ${runs.length})`;
  };
  const columns = [
    ["Configuration", (c, n) => [element("i", {style: `background: ${colourOf(n)}`}), c.name]],
    ["Runs", c => [String(c.runs.length)]],
    ["Mean \u00b1 std", c => c.runs.length === 0 ? ["\u2013"] : [number(meanOf(c.runs.map(({score}) => score))), " ",
      element("small", {}, spread(c) === null ? "" : `\u00b1 ${number(spread(c))}`)]],
    ["Improvement", c => c === first ? [element("small", {}, "the first")] : c.improvement === null ? ["\u2013"]
      : [c.improvement[0].toFixed(2), ...(c.improvement.length > 1
        ? [" ", element("small", {}, `[${c.improvement.slice(1).map(x => x.toFixed(2)).join(", ")}]`)] : [])]],
    ["Last ten", c => [c.runs.length === 0 ? "\u2013" : number(mean(c.runs, "last_ten"))]],
    [threshold === null ? "" : `Steps to ${withMinus(grouped(threshold))}`, c => [reached(c)]],
    ["Worst drop", c => [orNone(mean(c.runs, "worst_drop"))]],
    ["Overestimation", c => mean(c.runs, "overestimation") === null ? ["\u2013"]
      : [number(mean(c.runs, "overestimation")), " ", element("small", {}, `of ${number(mean(c.runs, "soft_return"))}`)]],
    ["Entropy", c => [orNone(mean(c.runs, "entropy"))]],
    ["Temperature", c => [orNone(mean(c.runs, "alpha"))]],
    ["Time a run", c => [orNone(mean(c.runs, "seconds"), clock)]],
  ].filter(([name]) => name && (name !== "Improvement" || configurations.length > 1));
  const row = (tag, cells) => element("tr", {}, ...cells.map((cell, n) => element(tag, n ? {className: "right"} : {}, ...cell)));
  // A row of its own, over all columns, unless the name says it all.
  const rowsOf = (c, n) => {
    const numbers = row("td", columns.map(([, cell]) => cell(c, n)));
    if (c.settings === c.name.toLowerCase().replaceAll(/[ -]/g, "_")) return [numbers];
    numbers.className = "above";
    return [numbers, element("tr", {}, element("td", {colSpan: columns.length, className: "settings"},
      element("div", {}, minusSigns(c.settings))))];
  };
  return element("div", {className: "scroll"}, element("table", {className: "comparison"},
    element("thead", {}, row("th", columns.map(([name]) => [name]))),
    element("tbody", {}, ...configurations.flatMap(rowsOf))));
}

function showTask(task) {
  const done = task.configurations.some(({runs}) => runs.length > 0);
  const section = element("section", {}, element("h2", {}, task.name));
  if (task.settings) section.append(element("p", {}, minusSigns(task.settings)));
  $("tasks").append(section);
  if (!done) {
    section.append(element("p", {}, "No run is done yet."));
    return;
  }
  const {steps, curves} = curvesOf(task.configurations);
  if (curves.length > 0) {
    const chart = element("div", {className: "chart"}, element("h3", {}, "Evaluations as training went on"),
      element("p", {}, "interquartile mean over runs; bands are 95 % intervals, point by point"));
    section.append(chart);
    const last = Math.min(...curves.map(({values}) => values.findLastIndex(y => y !== null)));
    lineChart(chart, {label: `${task.name}: evaluations`, x: {name: "step", values: steps, low: 0, high: steps.at(-1), format: grouped},
      y: {}, curves, at: steps[last]});
  }
  section.append(element("h3", {}, "Final scores"), element("p", {}, "a circle is a run, the bar the interquartile mean with its 95 % interval"));
  intervals(section, task.configurations.map((c, n) => ({name: c.name, n, estimate: c.iqm, scores: c.runs.map(({score}) => score)}))
    .filter(({estimate}) => estimate));
  section.append(tableOf(task));
}

const counts = data.tasks.flatMap(({configurations}) => configurations.map(({runs}) => runs.length)).filter(Boolean);
document.title = `Saccade: ${data.title}`;
$("title").textContent = data.title;
const runsText = data.runs === 1 ? "1 run" : `${data.runs} runs`;
$("about").textContent = joined(data.done < data.runs ? `${data.done} of ${runsText} done` : runsText, `Saccade ${data.build.saccade}`, data.date);
if (data.done < data.runs) {
  $("verdict").hidden = false;
  $("verdict").textContent = "Not complete";
  $("verdict").className = "badge bad";
}
if (counts.length > 0 && Math.min(...counts) <= 3) $("few").textContent = "; of three runs or fewer it is their mean";
$("improvement").hidden = data.tasks[0].configurations.length < 2;
if (data.over_tasks.length > 0) {
  $("over").hidden = false;
  intervals($("over-intervals"), data.over_tasks.map((estimate, n) => ({name: data.tasks[0].configurations[n].name, n, estimate})));
}
data.tasks.forEach(showTask);
