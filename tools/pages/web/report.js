// The page of a report: one run in full, or several over each other.
"use strict";

// Set anew when a page that is served gets new data.
let {runs, steps} = data, [first] = runs;
const single = runs.length === 1, sameEnv = runs.every(({env}) => env === first.env);

// ---- the head ----

const score = ({facts}) => facts.summary?.final_evaluation ?? null;
document.title = single ? `Saccade: ${first.name}` : `Saccade: ${runs.length} runs`;
$("title").textContent = single ? `${first.env}, ${first.algorithm}` : sameEnv ? first.env : `${runs.length} runs`;
$("about").textContent = joined(single && first.title, single ? first.name : `${runs.length} runs`, `Saccade ${data.build.saccade}`,
  data.date);

function tile(value, name, small = "") {
  return element("div", {className: "tile"}, element("b", {}, value), " ", element("small", {}, small), element("span", {}, name));
}

function showTiles({facts, threshold}) {
  const final = score(first), done = facts.steps ?? 0;
  const last = final?.mean ?? facts.last_evaluation;
  if (threshold !== null && last !== null) {
    const solved = last >= threshold;
    $("verdict").hidden = false;
    $("verdict").textContent = solved ? "Solved" : "Not solved";
    $("verdict").className = solved ? "badge" : "badge bad";
    $("verdict").title = `That takes a mean return of ${number(threshold)}`;
  }
  $("tiles").replaceChildren(
    tile(orNone(last), final ? `final evaluation, ${final.episodes} episodes` : "last evaluation",
      final ? `\u00b1 ${number(final.std)}` : ""),
    tile(orNone(facts.best_evaluation), facts.best_step === null ? "best evaluation"
      : `best evaluation, at step ${grouped(facts.best_step)}`),
    tile(grouped(done), done < facts.planned_steps ? `of ${grouped(facts.planned_steps)} steps` : "steps"),
    tile(grouped(facts.episodes), "episodes"),
    tile(orNone(facts.seconds, clock), "of training", facts.steps_per_second ? `${grouped(Math.round(facts.steps_per_second))} steps/s` : ""));
}

function showRuns() {
  $("runs").hidden = false;
  const lastOf = ({curves}, name) => curves[name]?.findLast(x => x !== null) ?? null;
  const columns = [
    ["Run", (run, n) => [element("i", {style: `background: var(--series-${n + 1})`}), run.name]],
    ["Algorithm", run => [sameEnv ? run.algorithm : `${run.env}, ${run.algorithm}`]],
    ["Seed", ({seed}) => [grouped(seed)], true],
    ["Steps", ({facts}) => [grouped(facts.steps ?? 0)], true],
    ["Final", run => [score(run) ? `${number(score(run).mean)} \u00b1 ${number(score(run).std)}` : orNone(run.facts.last_evaluation)], true],
    ["Best", ({facts}) => [orNone(facts.best_evaluation)], true],
    ["Entropy", run => [orNone(lastOf(run, "policy_entropy"))], true],
    ["Q \u2212 return", run => [orNone(lastOf(run, "expected") === null ? null
      : lastOf(run, "expected") - lastOf(run, "soft_return"))], true],
    ["Time", ({facts}) => [orNone(facts.seconds, clock)], true],
  ];
  const row = (tag, cells) => element("tr", {}, ...cells.map((cell, n) =>
    element(tag, columns[n][2] ? {className: "right"} : {}, ...cell)));
  $("run-table").replaceChildren(element("thead", {}, row("th", columns.map(([name]) => [name]))),
    element("tbody", {}, ...runs.map((run, n) => row("td", columns.map(([, cell]) => cell(run, n))))));
}

function showWarnings() {
  const items = runs.flatMap(run => run.warnings.map(text =>
    element("li", {}, ...(single ? [] : [element("b", {}, `${run.name}: `)]), minusSigns(text))));
  $("warnings").hidden = items.length === 0;
  $("warning-list").replaceChildren(...items);
}

// ---- curves ----

// Of one run a chart has all of `curves`; of several one a run: the first of `several.keys`, or of `curves`, that it has.
const charts = [
  {title: "Return", about: "of evaluations, with the best action, and of episodes while learning, with noise, where there are any",
    curves: [["evaluation_mean", "evaluations, mean"], ["evaluation_min", "evaluations, least", true],
      ["evaluation_max", "evaluations, most", true], ["return", "episodes"]],
    several: {about: "of evaluations, with the best action; of a run without any, of episodes while learning", keys: ["evaluation_mean", "return"]}},
  {title: "Episode length", curves: [["length", "steps"]]},
  {title: "Entropy of the policy", about: "in nats, and what the temperature steers it to",
    curves: [["policy_entropy", "entropy"], ["target_entropy", "target", true]], several: {about: "in nats", keys: ["policy_entropy"]}},
  {title: "Temperature", log: true, curves: [["alpha", "alpha"]]},
  {title: "What the critics say, and what comes", about: "Q and the soft return from the same states",
    curves: [["expected", "Q"], ["soft_return", "soft return"]], several: {about: "Q less the soft return", keys: ["overestimation"]}},
  {title: "Error of Q", about: "root of the mean square of Q less the soft return", log: true, curves: [["q_error", "error"]]},
  {title: "Critics' loss", log: true, curves: [["critic_loss", "loss"]]},
  {title: "Norms of gradients", about: "before any clipping", log: true,
    curves: [["gradient_critic", "critics"], ["gradient_actor", "policy"], ["gradient_value", "value"], ["gradient_alpha", "temperature", true]],
    several: {about: "the critics', before any clipping", keys: ["gradient_critic"]}},
  {title: "Speed", about: "steps and updates a second", log: true, curves: [["steps_per_second", "steps/s"], ["updates_per_second", "updates/s"]],
    several: {about: "steps a second", keys: ["steps_per_second"]}},
];

function addOverestimation() {
  for (const {curves} of runs) {
    if (!curves.expected) continue;
    curves.overestimation = curves.expected.map((q, i) => q === null ? null : q - curves.soft_return[i]);
  }
}

// Whatever else an algorithm reports has a chart of its own.
function otherCharts() {
  const known = new Set(charts.flatMap(({curves}) => curves.map(([key]) => key)));
  const names = new Set(runs.flatMap(({curves}) => Object.keys(curves)));
  const title = name => (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");
  return [...names].filter(name => !known.has(name) && !["entropy", "overestimation"].includes(name))
    .map(name => ({title: title(name), curves: [[name, name.replaceAll("_", " ")]]}));
}

function curvesOf({curves, several}) {
  if (single) {
    return curves.filter(([key]) => first.curves[key])
      .map(([key, name, dashed], n) => ({name, values: first.curves[key], series: n + 1, dashed}));
  }
  const keys = several ? several.keys : curves.map(([key]) => key).filter(key => runs.some(run => run.curves[key])).slice(0, 1);
  return runs.map((run, n) => ({name: run.name, values: run.curves[keys.find(key => run.curves[key])], series: n + 1}))
    .filter(({values}) => values);
}

// The last point of the grid at which every curve is still there.
const lastCommon = curves => Math.min(...curves.map(({values}) => values.findLastIndex(y => y !== null)));

// What lineChart() takes, and a name that stays the same as long as the same curves are drawn alike.
function drawingOf(chart) {
  const curves = curvesOf(chart), log = chart.log && curves.some(({values}) => values.some(y => y > 0));
  const of = {label: chart.title, x: {name: "step", values: steps, low: 0, high: steps.at(-1), format: stepText},
    y: {log}, curves, at: steps[lastCommon(curves)]};
  return {chart, of, key: `${chart.title}, ${log}: ${curves.map(({name}) => name)}`};
}

// New numbers of the same curves take the place of the old ones, and all else stays as it is.
let drawnCharts = new Map();

function showCharts() {
  const drawn = [...charts, ...otherCharts()].map(drawingOf).filter(({of}) => of.curves.length > 0);
  if (drawn.length === drawnCharts.size && drawn.every(({key}) => drawnCharts.has(key))) {
    for (const {key, of} of drawn) {
      const chart = drawnCharts.get(key), wasLast = chart.cursor === chart.lastCommon;
      chart.show(steps, of.curves.map(({values}) => values));
      chart.lastCommon = lastCommon(of.curves);
      if (wasLast) chart.moveTo(chart.lastCommon);
    }
    return;
  }
  removeCharts();
  $("charts").replaceChildren();
  // Each has its width only once all are there.
  const places = drawn.map(({chart}) => {
    const about = !single && chart.several ? chart.several.about : chart.about;
    const place = element("div", {className: "chart"}, element("h3", {}, chart.title), ...(about ? [element("p", {}, about)] : []));
    $("charts").append(place);
    return place;
  });
  drawnCharts = new Map(drawn.map(({key, of}, n) => {
    const chart = lineChart(places[n], of);
    chart.lastCommon = lastCommon(of.curves);
    return [key, chart];
  }));
}

const stepText = x => x >= 1e4 && x % 1000 === 0 ? `${grouped(x / 1000)}k` : grouped(x);

// ---- histograms, episodes, settings ----

function showHistograms() {
  if ($("histograms").contains(document.activeElement)) return;  // somebody is reading them
  $("histograms").replaceChildren();
  for (const run of runs) {
    const {steps: at, actions, pre_squash: before, limit} = run.histograms;
    if (at.length === 0) continue;
    $("distributions").hidden = false;
    const x = {name: "step", values: at, format: grouped}, of = single ? "" : `${run.name}: `;
    const add = (title, about, chart) => {
      const place = element("div", {className: "chart"}, element("h3", {}, of + title), element("p", {}, about));
      $("histograms").append(place);
      heatChart(place, {label: of + title, x, ...chart});
    };
    if (before.length === 0) {
      add("Choices", "how often each was taken", {columns: actions, names: actions[0].map((_, n) => `choice ${n}`)});
      continue;
    }
    add("Before the squash", "u, where the action is tanh u", {columns: before, low: -limit, high: limit});
    add("Actions", "in [\u22121, 1], before they are stretched to the environment's box", {columns: actions, low: -1, high: 1});
  }
}

function showEpisodes() {
  if (!data.episodes) return;
  $("about-episodes").textContent = `Of ${data.about_episodes}.`;
  if (!$("player").hidden) return loadEpisodes();
  $("player").hidden = false;
  startPlayer($("player"), false);
}

function showSettings() {
  const text = value => Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
  const keys = [...new Set(runs.flatMap(({settings}) => settings.map(({key}) => key)))];
  const of = (run, key) => run.settings.find(setting => setting.key === key);
  $("settings").replaceChildren(
    element("thead", {}, element("tr", {}, element("th", {}, "Key"), ...runs.map(({name}) => element("th", {}, single ? "Value" : name)),
      element("th", {}, "Meaning"))),
    element("tbody", {}, ...keys.map(key => {
      const all = runs.map(run => of(run, key));
      const own = all.some(s => s && text(s.value) !== text(s.default)) && key !== "env";
      return element("tr", {className: own ? "own" : ""}, element("td", {}, key),
        ...all.map(s => element("td", {}, s ? text(s.value) : "\u2013")), element("td", {}, all.find(Boolean).meaning));
    })));
}

function showAll() {
  addOverestimation();
  if (single) showTiles(first);
  else showRuns();
  showWarnings();
  showCharts();
  showHistograms();
  showEpisodes();
  showSettings();
}
showAll();
