// The page of `saccade gradcheck --html`: what stands still. Data and script come after.

#include "tools/pages/gradcheck_page.h"

namespace saccade::tools {

const char* const kPageHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Saccade: gradient checks</title>
<style>
:root {
  color-scheme: light;
  --ink: #17212b; --soft: #5b6b7a; --line: #dde4ea; --paper: #fff; --ground: #f5f7f9;
  --good: #1a7f4b; --bad: #c0232c; --accent: #1f5fa8;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 24px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 0 0 2px; }
p { margin: 0; color: var(--soft); }
code, .formula, .number { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono",
  monospace; font-size: 12px; }
section, .tile { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; }
section { padding: 18px 20px; margin-top: 16px; }
header { display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap; }
.badge { font-weight: 600; font-size: 13px; border-radius: 99px; padding: 2px 12px; color: #fff;
  background: var(--good); }
.badge.bad { background: var(--bad); }
#about { margin-top: 4px; }
#tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px;
  margin-top: 18px; }
.tile { padding: 10px 14px; }
.tile b { display: block; font-size: 22px; font-weight: 600; letter-spacing: -0.01em; line-height: 1.3; }
.tile span { color: var(--soft); font-size: 12px; }
.tile.bad b { color: var(--bad); }
.bar { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; margin: 12px 0; }
.choice { display: inline-flex; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.choice button { border: 0; background: none; padding: 4px 12px; font: inherit; font-size: 13px;
  cursor: pointer; color: var(--soft); }
.choice button + button { border-left: 1px solid var(--line); }
.choice button[aria-pressed=true] { background: var(--accent); color: #fff; }
.legend { display: inline-flex; align-items: center; gap: 8px; font-size: 12px; color: var(--soft);
  margin-left: auto; }
.legend .ramp { width: 160px; height: 10px; border-radius: 2px; }
.legend i { width: 10px; height: 10px; border-radius: 2px; display: inline-block; }
#heat { columns: 3 340px; column-gap: 28px; }
#heat .op { display: flex; gap: 8px; break-inside: avoid; margin-bottom: 2px; }
#heat .op > a { flex: 0 0 142px; text-align: right; font-size: 11px; line-height: 13px; color: inherit;
  text-decoration: none; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#heat .op > a:hover { color: var(--accent); text-decoration: underline; }
#heat .cells { display: flex; flex-wrap: wrap; gap: 1px; align-content: flex-start; padding-top: 1px; }
#heat .cells i { width: 9px; height: 11px; border-radius: 1px; }
#heat .group { font-size: 11px; font-weight: 600; color: var(--soft); margin: 8px 0 3px 150px;
  break-after: avoid; }
#heat .group:first-child { margin-top: 0; }
i.bad { background: var(--bad) !important; }
i.none { background: repeating-linear-gradient(135deg, #e4e9ee 0 2px, #fff 2px 4px); }
#plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 20px;
  margin-top: 10px; }
#plots h3 { font-size: 13px; margin: 0; font-weight: 600; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--soft); }
svg .grid { stroke: #e9eef2; } svg .axis { stroke: #9aa7b3; } svg .cursor { stroke: #9aa7b3; }
svg .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.keys { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 12px; margin-top: 10px; }
.keys svg { width: 30px; height: 10px; display: inline-block; vertical-align: middle; margin-right: 6px; }
.readout { font-size: 12px; color: var(--soft); min-height: 18px; font-variant-numeric: tabular-nums; }
input[type=search] { font: inherit; padding: 5px 10px; border: 1px solid #c4ced7; border-radius: 6px;
  width: 280px; }
label { font-size: 13px; color: var(--soft); }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { position: sticky; top: 0; background: var(--paper); z-index: 1; padding: 0; white-space: nowrap;
  font-size: 12px; border-bottom: 1px solid #9aa7b3; }
thead th button { all: unset; cursor: pointer; padding: 6px 8px; display: block; font-weight: 600;
  width: 100%; box-sizing: border-box; }
thead th button:focus-visible { outline: 2px solid var(--accent); }
thead th[aria-sort] button { color: var(--accent); }
thead th[aria-sort=ascending] button::after { content: " \2191"; }
thead th[aria-sort=descending] button::after { content: " \2193"; }
td.right, th.right button, tr.detail th.right { text-align: right; }
td.right { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.heat { border-radius: 0; }
td.ok, td.failed { white-space: nowrap; }
td.group { color: var(--soft); white-space: nowrap; }
td .open { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap; }
td .open::before { content: "\25b8"; display: inline-block; width: 14px; color: var(--soft); }
td .open[aria-expanded=true]::before { content: "\25be"; }
td .open:focus-visible { outline: 2px solid var(--accent); }
.formula div + div { color: var(--soft); }
.ok { color: var(--good); } .failed { color: var(--bad); font-weight: 600; }
tr.detail > td { background: var(--ground); padding: 6px 8px 12px 30px; }
tr.detail table { width: auto; background: none; }
tr.detail th { position: static; background: none; font-size: 12px; font-weight: 600; padding: 3px 12px;
  color: var(--soft); }
tr.detail td { padding: 2px 12px; font-size: 12px; }
tr.detail .failure { color: var(--bad); max-width: 820px; }
tr.target > td { background: #fff8dc; }
</style>
</head>
<body>
<main>
<header><h1>Saccade: gradient checks</h1><span id="verdict" class="badge"></span></header>
<p id="about"></p>
<noscript><p>The results are in this page as JSON; showing them needs JavaScript.</p></noscript>
<div id="tiles"></div>

<section>
<h2>Every check</h2>
<p>One cell for each check of an op: which arguments, shapes and memory layout. The darker, the larger the
error; point at a cell for its numbers.</p>
<div class="bar"><span class="choice" id="measure"></span><span class="legend" id="scale"></span></div>
<div id="heat"></div>
</section>

<section>
<h2>log &pi;(a) of the squashed Gaussian</h2>
<p>Absolute error of log &pi;(a), a = tanh u, with mean = u and &sigma; = 1, against a reference in long double.
Stable: 2 (log 2 &minus; u &minus; softplus(&minus;2u)). The other: log(1 &minus; a&sup2; + 1e-6). Each point is
the worst of the 16 or so values of u nearest to it. A curve is broken where the error is exactly 0.</p>
<div class="keys" id="keys"></div>
<div id="plots">
<div><h3>The value, log &pi;(a)</h3><svg id="plot-value" viewBox="0 0 580 330" role="img"
  aria-label="Error of log pi(a) against u"></svg><div class="readout" id="read-value"></div></div>
<div><h3>The gradient, d log &pi;(a) / du</h3><svg id="plot-gradient" viewBox="0 0 580 330" role="img"
  aria-label="Error of the gradient of log pi(a) against u"></svg>
  <div class="readout" id="read-gradient"></div></div>
</div>
</section>

<section>
<h2>By op</h2>
<p>Order 1 and 2: worst relative error of gradients, and of the gradients' own gradients, against finite
differences in f64. f32: values and gradients against f64, in units of f32's rounding; less than 64 passes. For
log &pi;(a) from u alone it is 1024: rounding u moves (u &minus; mean) / &sigma; by up to 20 e&#8308; units. In the formulas g is the
gradient of the result, dx that of x. Click a name for its variants, a heading to sort.</p>
<div class="bar"><input type="search" id="filter" placeholder="Filter: matmul, log pi, softplus ..."
  aria-label="Filter"><label><input type="checkbox" id="failing"> failing only</label>
  <p id="count"></p></div>
<div class="table"><table id="ops"><thead><tr></tr></thead><tbody></tbody></table></div>
</section>
</main>
<script type="application/json" id="data">)html";

}  // namespace saccade::tools
