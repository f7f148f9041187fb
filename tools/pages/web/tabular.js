// The page of a grid world: the slider for alpha, the two boards, the chosen cell, the ways, what changes over alpha.
"use strict";

const {optima} = data, hard = optima[0], mostEntropy = Math.log(data.actions);
let chosenAlpha = 0, chosenCell = data.start.indexOf(Math.max(...data.start));
const soft = () => optima[chosenAlpha];
const alphaText = alpha => String(Number(alpha.toPrecision(3)));

$("about").textContent = joined(data.env, `\u03b3 ${data.gamma}`, `${data.cells.join("").length} states, ${data.actions} actions`,
  `solved at ${optima.length} temperatures by rl/tabular`, `Version ${data.build.saccade}`, data.date);

const tiles = Object.fromEntries(Object.entries({value: "V where episodes begin, hard and soft",
  reward: "reward of the two policies, discounted", entropy: `nats a step, of at most ${mostEntropy.toFixed(2)}`,
  way: data.walks ? "the soft board's likeliest way" : ""}).filter(([, label]) => label)
  .map(([name, label]) => [name, makeTile($("tiles"), label)]));

// ---- ways: a row for each run of temperatures with one route ----

function wayText({route}) {
  return data.terminal[route.at(-1)] ? `${route.length - 1} steps` : "in circles";
}

const runs = [];
optima.forEach((optimum, i) => {
  const key = String(optimum.route);
  runs.at(-1)?.key === key ? runs.at(-1).last = i : runs.push({key, first: i, last: i});
});

const stories = {
  "CliffWalking-v1": "A step costs 1, a step off the cliff 100. The hard policy takes the shortest way, along the very edge: it never "
    + "stumbles, so the edge is no danger to it. The soft policy stumbles on purpose, for the entropy. At the edge a stumble costs 100, so there it "
    + "can afford hardly any; a row away it may fan out, and from some \u03b1 on that is worth the two steps more. It has found the safe "
    + "way without being told of any danger. The last column shows that it is one: there each policy's likeliest action is taken, but one step in "
    + "ten goes in a random direction. Beyond \u03b1 = 1 / log 4 = 0.72 a step of pure chance is worth more than it costs, and "
    + "the goal is not worth reaching any more.",
};

function showWays() {
  $("ways-section").hidden = !data.walks;
  $("note").textContent = data.walks ? "" : "An action may lead to more than one cell here, as on slippery ice, so there is no one way to "
    + "draw, and a good action may well point away from where it hopes to come to.";
  if (!data.walks) return;
  $("story").textContent = stories[data.env] ?? "Following the likeliest action from the start, for each range of \u03b1.";
  $("ways").tHead.append(element("tr", {}, ...["\u03b1", "likeliest way", "reward of the policy", "likeliest actions, 1 step in 10 astray"]
    .map(name => element("th", {}, name))));
  for (const run of runs) {
    const {alpha} = optima[run.first], last = optima[run.last];
    const button = element("button", {type: "button", onclick: () => putAlpha(run.last)},
      run.first === run.last ? alphaText(alpha) : `${alphaText(alpha)} to ${alphaText(last.alpha)}`);
    run.row = element("tr", {}, element("td", {}, button), element("td", {}, wayText(last)), element("td", {}, number(last.reward)),
      element("td", {}, number(last.astray)));
    $("ways").tBodies[0].append(run.row);
  }
}

// ---- the chosen cell ----

const probability = p => p === 0 || p >= 0.0005 ? p.toFixed(3) : "< 0.001";

function showCell() {
  const s = chosenCell, name = element("h3", {}, nameOfCell(s));
  if (!acts(s)) {
    $("cell").replaceChildren(name, element("p", {}, data.terminal[s] ? "An episode ends here: nothing follows, so V = 0 on both boards."
      : "No episode is ever in this cell."));
    return;
  }
  const [hardQ, hardPi, softQ, softPi] = [qOf(hard, s), policyOf(hard, s), qOf(soft(), s), policyOf(soft(), s)];
  const row = (className, ...texts) => element("tr", {className}, ...texts.map(text => element("td", {}, text)));
  const {alpha} = soft(), best = Math.max(...softQ);
  $("cell").replaceChildren(name, element("table", {},
    element("thead", {}, element("tr", {}, ...["", "hard Q", "\u03c0", "soft Q", "\u03c0"].map(text => element("th", {}, text)))),
    element("tbody", {}, ...[...data.arrows].map((letter, a) => row("", actionNames[letter], number(hardQ[a]), probability(hardPi[a]),
      number(softQ[a]), probability(softPi[a]))),
      row("sum", "V", number(hard.v[s]), "", number(soft().v[s]), ""),
      row("", "entropy, nats", number(hard.entropies[s]), "", number(soft().entropies[s]), ""))),
    element("p", {}, alpha === 0 ? "At \u03b1 = 0 both are V = max Q." : `Soft V = max Q + \u03b1 log \u03a3 exp((Q \u2212 max Q) / \u03b1) = ${
      number(best)} + ${number(Math.max(0, soft().v[s] - best))}: the second part is what having a choice is worth here.`));
}

// ---- over alpha ----

const alphas = optima.slice(1).map(optimum => optimum.alpha), softOnes = optima.slice(1);
// Policies that are nearly all chance earn so little that the others would be one line.
const lowest = Math.min(0, ...softOnes.filter(({entropy}) => entropy < 0.9 * mostEntropy).flatMap(x => [x.reward, x.astray])) * 1.2;
const x = {name: "\u03b1 =", title: "\u03b1", values: alphas, log: true, low: alphas[0], high: alphas.at(-1), format: alphaText};
const moved = i => putAlpha(i + 1);
const overAlpha = [
  lineChart($("reward-chart"), {label: "Reward against alpha", x: {...x}, y: {low: lowest < 0 ? Number(lowest.toPrecision(2)) : 0}, moved, format: number, curves: [
    {name: "the soft policy", values: softOnes.map(optimum => optimum.reward), series: 1},
    {name: "likeliest actions, 1 step in 10 astray", values: softOnes.map(optimum => optimum.astray), series: 2, dashed: true}]}),
  lineChart($("entropy-chart"), {label: "Entropy against alpha", x: {...x}, y: {title: "nats", low: 0}, moved, format: number, curves: [
    {name: "the soft policy", values: softOnes.map(optimum => optimum.entropy), series: 1},
    {name: `log ${data.actions}, all actions alike`, values: softOnes.map(() => mostEntropy), series: 7, dashed: true}]}),
];
$("over-text").textContent = "Entropy is bought with reward: the soft policy itself never earns more than the hard one. Whether it buys "
  + "anything shows where the world is not as told: the dashed line takes the likeliest actions only, but one step in ten goes in a random direction.";

// ---- all of it ----

const measures = [{name: "V", of: optimum => optimum.v}, {name: "entropy", of: optimum => optimum.entropies}];
let measure = 0;
function choose(s) {
  chosenCell = s;
  boards.forEach(board => board.point(s));
  $("cell").setAttribute("aria-live", "polite");
  showCell();
}
const boards = [["hard", "The hard optimum"], ["soft", "The soft optimum"]].map(([id, label]) => makeBoard($(id), label, choose));

function showBoards() {
  boards[0].show(hard, measures[measure]);
  boards[1].show(soft(), measures[measure]);
  $("soft-title").textContent = `Soft: V = \u03b1 log \u03a3 exp(Q / \u03b1), \u03b1 = ${alphaText(soft().alpha)}`;
}

function showAlpha(i) {
  chosenAlpha = i;
  tiles.value(number(hard.value), `and ${number(soft().value)}`);
  tiles.reward(number(hard.reward), `and ${number(soft().reward)}`);
  tiles.entropy(number(soft().entropy));
  tiles.way?.(wayText(soft()));
  showBoards();
  $("cell").setAttribute("aria-live", "off");  // the slider speaks for itself
  showCell();
  overAlpha.forEach(chart => chart.moveTo(Math.max(0, i - 1)));
  for (const {row, first, last} of runs) row?.setAttribute("class", first <= i && i <= last ? "on" : "");
}

const showMeasure = makeChoice($("measure"), ["Colour: V", "Colour: entropy"], n => {
  measure = n;
  showMeasure(n);
  showBoards();
});
showMeasure(0);
showWays();
choose(chosenCell);
// It begins where half of the entropy that it comes to is there.
const half = optima.findIndex(({entropy}) => entropy > Math.max(...optima.map(optimum => optimum.entropy)) / 2);
const putAlpha = makeSlider($("sliders"), {label: "\u03b1", low: 0, high: optima.length - 1, step: 1, value: half,
  text: i => i === 0 ? "0, hard" : alphaText(optima[i].alpha), move: showAlpha});
