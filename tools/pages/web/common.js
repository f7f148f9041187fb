// Written once for the scripts of all pages: elements, numbers, colours.
"use strict";

const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);

// ---- elements: children are elements and text ----

function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    key in e && key !== "style" ? e[key] = value : e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

function svg(tag, attributes = {}, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

// One button for each of `names`, of which one is chosen. Returns a function that shows which.
function makeChoice(place, names, choose) {
  const buttons = names.map((name, n) => element("button", {type: "button", onclick: () => choose(n)}, name));
  place.replaceChildren(...buttons);
  return chosen => buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(n === chosen)));
}

// One of the tiles at the head: what it shows comes later, and again, by the function that this returns.
function makeTile(place, label, bad = false) {
  const shown = element("b"), small = element("small");
  place.append(element("div", {className: bad ? "tile bad" : "tile"}, shown, small, element("span", {}, label)));
  return (text, beside = "") => {
    shown.textContent = text;
    small.textContent = beside && "\u00a0" + beside;
  };
}

// A slider: its name, the browser's own control, and its value in words. `move` gets each value, the first one too. Returns a
// function that puts it elsewhere.
function makeSlider(place, {label, low, high, step, value, text = number, move}) {
  const input = element("input", {type: "range", min: low, max: high, step}), shown = element("output");
  const take = () => {
    shown.textContent = text(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
    move(Number(input.value));
  };
  input.oninput = take;
  place.append(element("label", {className: "slider"}, element("span", {}, label), input, shown));
  const put = to => { input.value = to; take(); };
  put(value);
  return put;
}

// ---- numbers ----

const minusSigns = text => text.replace(/(^|[\s[])-(?=\d)/g, "$1\u2212");  // of the numbers in a text
const withMinus = text => text.replaceAll("-", "\u2212");

// Fewer decimals the larger the number, and a true minus sign.
function number(x) {
  const size = Math.abs(x);
  return withMinus(size === 0 ? "0" : size < 1e-3 || size >= 1e6 ? x.toExponential(1)
    : x.toFixed(size < 10 ? 3 : size < 1000 ? 2 : 1));
}

const orNone = (x, text = number) => x === null || x === undefined ? "\u2013" : text(x);

// "0.4 s", "3:07", "1:02:03"
function clock(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const [h, m, s] = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(Math.floor);
  return `${h ? `${h}:${String(m).padStart(2, "0")}` : m}:${String(s).padStart(2, "0")}`;
}

const grouped = x => x.toLocaleString("en");

// The parts that there are, in one line.
const joined = (...parts) => parts.filter(Boolean).join("  \u00b7  ");

// ---- colours ----

// For all that cannot follow light and dark by itself: canvases.
function onThemeChange(action) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", action);
}

// A colour of common.css by its name. Charts ask for the same one again and again.
const tokens = new Map();
function token(name) {
  if (!tokens.has(name)) tokens.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
  return tokens.get(name);
}
onThemeChange(() => tokens.clear());

// A CSS colour for `t` between 0, little, and 1, much. It follows light and dark by itself.
function rampColour(t) {
  const at = Math.min(1, Math.max(0, t)) * 4, i = Math.min(3, Math.floor(at));
  return `color-mix(in oklab, var(--ramp-${i + 1}) ${Math.round((at - i) * 100)}%, var(--ramp-${i}))`;
}
const ramp = `linear-gradient(90deg, ${[0, 1, 2, 3, 4].map(i => `var(--ramp-${i})`).join()})`;
