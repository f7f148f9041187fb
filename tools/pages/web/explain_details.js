// Tensors, and the panel that says all there is to know about a node.
"use strict";

const {nodes, steps} = data;

// ---- tensors: {type, shape, values} or, where they are large, {type, shape, heat, low, high, mean} ----

// Five digits. Numbers that are not finite come as text.
const digits = x => withMinus(typeof x === "string" ? x
  : x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential(3) : String(Number(x.toPrecision(5))));

const sizeOf = tensor => tensor.shape.reduce((a, b) => a * b, 1);

// In a few characters.
function brief(tensor) {
  if (!tensor) return "";
  if (!tensor.values) return `${number(tensor.low)} \u2026 ${number(tensor.high)}`;
  const short = tensor.values.map(x => withMinus(typeof x === "string" ? x : String(Number(x.toPrecision(4)))));
  if (short.length === 1) return short[0];
  const all = short.join(", ");
  if (all.length <= 22) return `[${all}]`;
  const finite = tensor.values.filter(Number.isFinite);
  return finite.length < short.length ? "not all finite" : `${number(Math.min(...finite))} \u2026 ${number(Math.max(...finite))}`;
}

// From one colour through the paper's to another, by sign.
function signColour(x, most) {
  const share = most > 0 ? Math.round(100 * Math.min(1, Math.abs(x) / most)) : 0;
  return `color-mix(in oklab, var(--series-${x < 0 ? 2 : 1}) ${share}%, var(--paper))`;
}

function heatMap(rows, most, label) {
  const picture = svg("svg", {viewBox: `0 0 ${rows[0].length} ${rows.length}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
    style: `height: ${Math.min(180, Math.max(24, 14 * rows.length))}px`});
  rows.forEach((row, i) => row.forEach((x, j) => picture.append(svg("rect",
    {x: j, y: i, width: 1.02, height: 1.02, style: `fill: ${signColour(x, most)}`}))));
  return picture;
}

// Rows are all dimensions but the last. A table of numbers, or a picture.
function tensorView(tensor) {
  if (!tensor) return element("div", {}, "\u2013");
  if (!tensor.values) {
    const text = `${tensor.type}: ${digits(tensor.low)} to ${digits(tensor.high)}, mean ${digits(tensor.mean)}`;
    return element("div", {className: "tensor"}, heatMap(tensor.heat, Math.max(-tensor.low, tensor.high), text),
      element("small", {}, `${text}; means of blocks, blue above 0, orange below`));
  }
  const across = tensor.shape.at(-1) ?? 1, most = Math.max(...tensor.values.filter(Number.isFinite).map(Math.abs), 0);
  const rows = [];
  for (let i = 0; i < tensor.values.length; i += across) rows.push(tensor.values.slice(i, i + across));
  return element("div", {className: "tensor"}, element("table", {}, element("tbody", {}, ...rows.map(row =>
    element("tr", {}, ...row.map(x => element("td",
      {style: Number.isFinite(x) ? `background: color-mix(in oklab, ${signColour(x, most)} 45%, var(--paper))` : ""}, digits(x))))))));
}

// The largest difference, over the larger of both numbers.
function difference(a, b) {
  let worst = 0;
  a.values.forEach((x, i) => { worst = Math.max(worst, Math.abs(x - b.values[i]) / Math.max(Math.abs(x), Math.abs(b.values[i]), 1e-3)); });
  return worst;
}

function besideNumeric(analytic, numeric, what) {
  const parts = [element("div", {}, element("small", {}, what), tensorView(analytic))];
  if (numeric?.values && analytic?.values) {
    const apart = difference(analytic, numeric);
    parts.push(element("div", {}, element("small", {}, "by differences"), tensorView(numeric)));
    parts.push(element("small", {className: apart > 1e-5 ? "apart" : ""},
      apart === 0 ? "equal" : `apart by ${withMinus(apart.toExponential(0))} of their size`));
  }
  return element("div", {className: "pair"}, ...parts);
}

// ---- a node ----

const nameOf = node => node.label ? `${node.name} (${node.label})` : node.name;
const equationOf = node => node.kind === "op" ? `${node.name} = ${node.op} ${node.inputs.map(input => nodes[input.node].name).join(" ")}`
  : `${node.name}: ${node.label || node.op}`;
const duration = seconds => seconds < 1e-3 ? `${(1e6 * seconds).toFixed(1)} \u00b5s` : `${(1e3 * seconds).toFixed(2)} ms`;

const product = (a, b) => {  // of two small matrices
  const [m, k] = a.shape, n = b.shape[1], values = [];
  for (let i = 0; i < m; ++i) {
    for (let j = 0; j < n; ++j) {
      let sum = 0;
      for (let l = 0; l < k; ++l) sum += a.values[i * k + l] * b.values[l * n + j];
      values.push(sum);
    }
  }
  return {...b, shape: [m, n], values};
};

// What compares with the numeric Jacobian: both edges' of an input that stands twice; through the next op where
// one kernel does both.
function comparable(node, input) {
  const same = node.inputs.filter(other => other.node === input.node && other.jacobian);
  let sum = same[0].jacobian;
  for (const other of same.slice(1)) sum = {...sum, values: sum.values.map((x, i) => x + other.jacobian.values[i])};
  if (node.fused_with === null) return sum;
  const then = nodes[node.fused_with].inputs[0].jacobian;
  return then ? product(then, sum) : null;
}

function jacobianViews(node) {
  return node.inputs.filter(input => input.jacobian).flatMap(input => {
    const from = nodes[input.node], twice = node.inputs.filter(other => other.node === input.node).length > 1;
    const through = node.fused_with === null ? node.name : nodes[node.fused_with].name;
    const views = [element("h4", {}, `d ${node.name} / d ${nameOf(from)}`)];
    if (!input.numeric || !comparable(node, input)) return [...views, besideNumeric(input.jacobian, null, "by the op's gradient")];
    if (node.fused_with === null && !twice) return [...views, besideNumeric(input.jacobian, input.numeric, "by the op's gradient")];
    return [...views, besideNumeric(input.jacobian, null, "by the op's gradient"),
      besideNumeric(comparable(node, input), input.numeric, twice && node.fused_with === null ? "both edges together" : `d ${through} / d ${from.name}`)];
  });
}

const facts = (...pairs) => element("dl", {}, ...pairs.filter(([, text]) => text)
  .flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));

function timeOf(n) {
  const node = nodes[n], parts = [];
  if (node.seconds > 0) parts.push(`forward ${duration(node.seconds)}`);
  const passes = steps.find(step => step.node === n)?.passes ?? [];
  if (passes.length > 0) parts.push(`backward ${duration(passes.reduce((sum, pass) => sum + pass.seconds, 0))}`);
  return parts.join(", ");
}

function savedText(node) {
  return node.saved.map(saved => saved.is_output ? `its own output, ${saved.type}`
    : saved.node === null ? `a constant or view, ${saved.type}` : `${nameOf(nodes[saved.node])}, ${saved.type}`).join("; ");
}

function freedText(n) {
  const step = steps.find(candidate => candidate.freed.includes(n));
  return step ? `once ${nameOf(nodes[step.node])} has had its turn` : "";
}

function showDetails(n, choose) {
  const node = nodes[n];
  const button = m => element("button", {type: "button", onclick: () => choose(m)}, `${nodes[m].name} ${nodes[m].kind === "op" ? nodes[m].op : nodes[m].label}`);
  const users = nodes.map((_, m) => m).filter(m => nodes[m].inputs.some(input => input.node === n));
  const [forward, ...gradients] = node.formula.split(/;  +/);
  const drawnInputs = [...new Set(node.inputs.map(input => input.node))].filter(m => nodes[m].is_drawn);
  $("details").replaceChildren(
    element("h3", {}, equationOf(node)),
    ...(forward ? [element("div", {className: "formula"}, forward), ...gradients.map(g => element("div", {className: "formula"}, g))] : []),
    ...(node.where ? [element("div", {className: "where"}, node.where)] : []),
    facts(["type", node.type], ["scope", node.kind === "op" ? node.scope : ""],
      ["made by", node.gradient_of === null ? "" : `the gradient of ${equationOf(nodes[node.gradient_of])}`],
      ["needs a gradient", node.kind === "constant" ? "no: it is not on the tape" : node.wanted ? "yes, it is asked for"
        : node.gradient ? "yes, to pass it on" : "none comes: nothing that is asked for lies below"],
      ["saves", savedText(node)], ["value freed", freedText(n)], ["time", timeOf(n)]),
    ...(drawnInputs.length ? [element("h4", {}, "made from"), element("div", {className: "inputs"}, ...drawnInputs.map(button))] : []),
    ...(users.length ? [element("h4", {}, "goes into"), element("div", {className: "inputs"}, ...users.map(button))] : []),
    element("h4", {}, "value"),
    node.fused_with === null ? node.value ? tensorView(node.value) : element("div", {}, "not retained")
      : element("div", {}, `nowhere in memory: one kernel makes ${nodes[node.fused_with].name} at once`),
    ...(node.gradient ? [element("h4", {}, `gradient, d ${nodes.at(-1).name} / d ${node.name}`),
      besideNumeric(node.gradient, node.numeric_gradient, "by the backward pass")] : []),
    ...jacobianViews(node));
}
