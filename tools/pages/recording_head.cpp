// The page of `saccade eval --record`: what stands still. Data and script come after.

#include "tools/pages/recording.h"

namespace saccade::tools {

const char* const kRecordingHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Saccade: a recording</title>
<style>
:root {
  color-scheme: light dark;
  --ink: #17212b; --soft: #5b6b7a; --line: #dde4ea; --paper: #fff; --ground: #f5f7f9; --accent: #1f5fa8;
  --track: #e3e9ef; --on-accent: #fff;
  --sky: #eef3f8; --tile: #d3dde7; --fixed: #8896a4; --edge: #17212b; --shadow: #17212b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e3e9ef; --soft: #98a6b4; --line: #2b3641; --paper: #182028; --ground: #0f151b;
    --accent: #6aa9ec; --track: #2b3641; --on-accent: #0f151b;
    --sky: #131a21; --tile: #232e39; --fixed: #7d8b99; --edge: #05080b; --shadow: #000;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 15px; margin: 0 0 6px; }
p { margin: 0; color: var(--soft); }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px;
  margin-top: 14px; }
#stage { padding: 0; overflow: hidden; }
#stage canvas { display: block; width: 100%; aspect-ratio: 16 / 9; background: var(--sky); cursor: grab;
  touch-action: pan-y; }
#stage canvas.flat { cursor: default; }
#controls { display: flex; flex-wrap: wrap; gap: 10px 12px; align-items: center; padding: 12px 16px; }
#scrubber { flex: 1 1 100%; margin: 0; accent-color: var(--accent); }
button, select { font: inherit; font-size: 13px; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; cursor: pointer; }
#play { min-width: 74px; background: var(--accent); border-color: var(--accent); color: var(--on-accent);
  font-weight: 600; }
.choice { display: inline-flex; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.choice button { border: 0; border-radius: 0; padding: 4px 8px; color: var(--soft); }
.choice button + button { border-left: 1px solid var(--line); }
.choice button[aria-pressed=true] { background: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
label { font-size: 13px; color: var(--soft); }
#episode { max-width: 100%; }
#numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(110px, 1fr)); gap: 4px 12px;
  margin: 0; padding: 12px 16px; border-top: 1px solid var(--line); }
#numbers div { display: flex; flex-direction: column-reverse; }
#numbers dt { font-size: 12px; color: var(--soft); }
#numbers dd { margin: 0; font-size: 18px; font-weight: 600; font-variant-numeric: tabular-nums; }
#actions { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 4px 20px; }
.action { display: flex; align-items: center; gap: 8px; font-size: 12px; color: var(--soft);
  font-variant-numeric: tabular-nums; }
.action .name { flex: 0 0 18px; text-align: right; }
.action .value { flex: 0 0 46px; text-align: right; color: var(--ink); }
.action .track { flex: 1; height: 8px; background: var(--track); border-radius: 2px; position: relative;
  overflow: hidden; }
.action .track i { position: absolute; top: 0; bottom: 0; background: var(--accent); }
.action .track b { position: absolute; top: 0; bottom: 0; left: 50%; width: 1px; background: var(--soft); }
.choices { display: flex; gap: 6px; }
.choices span { padding: 2px 12px; border-radius: 4px; background: var(--track); font-size: 13px; }
.choices span.on { background: var(--accent); color: var(--on-accent); font-weight: 600; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 14px 20px; }
.curves figure { margin: 0; }
.curves figcaption { display: flex; justify-content: space-between; font-size: 12px; color: var(--soft);
  font-variant-numeric: tabular-nums; }
.curves figcaption b { color: var(--ink); font-weight: 600; }
.curves svg { display: block; width: 100%; height: 64px; background: var(--ground); border-radius: 4px;
  cursor: crosshair; }
.curves path { fill: none; stroke: var(--accent); stroke-width: 1.4; vector-effect: non-scaling-stroke; }
.curves .zero { stroke: var(--line); vector-effect: non-scaling-stroke; }
.curves .now { stroke: var(--ink); stroke-width: 1; vector-effect: non-scaling-stroke; opacity: 0.6; }
#help { margin-top: 12px; font-size: 12px; }
@media (max-width: 600px) { #stage canvas { aspect-ratio: 4 / 3; } main { padding: 14px 8px 32px; } }
kbd { font: inherit; border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; background: var(--paper); }
</style>
</head>
<body>
<main>
<h1 id="title"></h1>
<p id="about"></p>
<noscript><p>The episodes are in this page as JSON; showing them needs JavaScript.</p></noscript>

<section id="stage">
<canvas id="canvas" role="img"></canvas>
<div id="controls" role="group" aria-label="Playback">
<input type="range" id="scrubber" min="0" step="1" aria-label="Step">
<button type="button" id="play" aria-keyshortcuts="Space">Play</button>
<span class="choice" id="speeds" role="group" aria-label="Speed"></span>
<label>Episode <select id="episode"></select></label>
</div>
<dl id="numbers"></dl>
</section>

<section aria-label="Action"><h2>Action</h2><div id="actions"></div></section>
<section aria-label="Curves"><h2 id="curves-title">Over the episode</h2><div class="curves" id="curves"></div></section>
<p id="help"><kbd>Space</kbd> play or pause &ensp; <kbd>&larr;</kbd> <kbd>&rarr;</kbd> one step, with
<kbd>Shift</kbd> ten &ensp; <kbd>&uarr;</kbd> <kbd>&darr;</kbd> speed &ensp; <kbd>Home</kbd> <kbd>End</kbd>
start and end &ensp; <kbd>N</kbd> <kbd>P</kbd> next and previous episode<span id="help-view"> &ensp; drag the
picture to look from elsewhere, double-click to look from where it began</span></p>
</main>
<script type="application/json" id="data">)html";

}  // namespace saccade::tools
