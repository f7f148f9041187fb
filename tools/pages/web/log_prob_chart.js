// The chart of log pi(a)'s error against u, from data.log_prob, in the element plot-PART: of its value or its gradient.
"use strict";

// A colour for each curve, f32 dashed where f64 is beside it.
const logProbLooks = {"stable f64": 1, "stable f32": 7, "1e-6 f64": 2, "1e-6 f32": 8};

function drawLogProb(part, label, {low, dtypes}) {
  const {u, curves} = data.log_prob, first = u.indexOf(low);
  lineChart($("plot-" + part), {
    label, at: 8,
    x: {name: "u", title: "u, before tanh", values: u.slice(first), low, high: 20},
    y: {title: "|error|", log: true, low: 1e-18, high: 100},
    curves: curves.filter(curve => dtypes.includes(curve.dtype)).map(({form, dtype, [part]: values}) => ({
      name: `${form} form, ${dtype}`, values: values.slice(first), series: logProbLooks[`${form} ${dtype}`],
      dashed: dtype === "f32" && dtypes.length > 1})),
    format: e => e >= 0.01 || e === 0 ? e.toPrecision(2) : e.toExponential(1),
  });
}
