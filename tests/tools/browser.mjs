// Opens pages in a headless Chromium, on a desktop and on a phone (which asks for less motion), light and dark, and complains
// of errors in scripts, of anything loaded, of a page wider than its screen, and of a click or a key that breaks it:
//
//     node browser.mjs [--shots FOLDER] [--training PID] PAGE.html ...
//
// A page may be an http address, which may load from where it is, and is left open for two seconds. Where a training serves
// it, it must follow its steps; at the end that training is stopped, and the page must say so.
//
// It talks to the browser by DevTools' protocol over a pipe: JSON texts, each with a 0 behind it.
import {spawn} from "node:child_process";
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {basename, join, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const screens = [{name: "desktop", width: 1280, height: 900, mobile: false},
                 {name: "phone", width: 390, height: 844, mobile: true}];
const schemes = ["light", "dark"];
const isServed = page => page.startsWith("http:");
const wait = ms => new Promise(done => setTimeout(done, ms));

function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "saccade-browser-"));
  const child = spawn("chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--disable-background-networking", "--no-first-run", "--remote-debugging-pipe", `--user-data-dir=${profile}`],
    {stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]});
  const [, , , input, output] = child.stdio;
  const waiting = new Map(), listeners = [];
  let last = 0, unread = "";
  output.setEncoding("utf8");
  output.on("data", chunk => {
    const texts = (unread + chunk).split("\0");
    unread = texts.pop();
    for (const message of texts.map(text => JSON.parse(text))) {
      if (!message.id) listeners.forEach(listener => listener(message));
      const {answer, refuse, method} = waiting.get(message.id) ?? {};
      if (message.error) refuse?.(new Error(`${method}: ${message.error.message}`));
      else answer?.(message.result);
    }
  });
  child.on("error", error => { for (const {refuse} of waiting.values()) refuse(error); });
  const gone = new Promise(done => child.on("exit", done));
  return {
    send: (method, params = {}, sessionId) => new Promise((answer, refuse) => {
      waiting.set(++last, {answer, refuse, method});
      input.write(JSON.stringify({id: last, method, params, sessionId}) + "\0");
    }),
    listen: listener => listeners.push(listener),
    close: async () => {
      input.write(JSON.stringify({id: ++last, method: "Browser.close"}) + "\0");
      await gone;
      // Its helpers may still be writing.
      rmSync(profile, {recursive: true, force: true, maxRetries: 20, retryDelay: 100});
    },
  };
}

// Everything the page complains of goes into `complaints`.
async function openTab(browser, complaints, page) {
  const own = isServed(page) ? new URL(page).origin : "file:";
  const {targetId} = await browser.send("Target.createTarget", {url: "about:blank"});
  const {sessionId} = await browser.send("Target.attachToTarget", {targetId, flatten: true});
  const send = (method, params) => browser.send(method, params, sessionId);
  let loaded = () => {};
  browser.listen(({method, params, sessionId: from}) => {
    if (from !== sessionId) return;
    if (method === "Page.loadEventFired") loaded();
    if (method === "Runtime.exceptionThrown") {
      const {text, exception, lineNumber} = params.exceptionDetails;
      complaints.push(`${text} ${exception?.description ?? ""} (line ${lineNumber + 1})`);
    }
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) {
      complaints.push(`console.${params.type}: ${params.args.map(arg => arg.value ?? arg.description).join(" ")}`);
    }
    if (method === "Log.entryAdded" && params.entry.level !== "info") complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !/^(data|blob|about):/.test(params.request.url)
        && !params.request.url.startsWith(own)) {
      complaints.push(`loads ${params.request.url}`);
    }
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  return {
    send,
    go: async url => {
      const done = new Promise(resolved => { loaded = resolved; });
      await send("Page.navigate", {url});
      await done;
      await wait(200);
    },
    evaluate: async expression => {
      const {result, exceptionDetails} = await send("Runtime.evaluate", {expression, returnByValue: true});
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    close: () => browser.send("Target.closeTarget", {targetId}),
  };
}

async function press(tab, key, code = key) {
  const text = key.length === 1 ? {text: key} : {};
  const windowsVirtualKeyCode = {Tab: 9, Enter: 13, " ": 32, End: 35, Home: 36, ArrowLeft: 37, ArrowUp: 38,
    ArrowRight: 39, ArrowDown: 40}[key] ?? key.toUpperCase().charCodeAt(0);
  await tab.send("Input.dispatchKeyEvent", {type: "keyDown", key, code, windowsVirtualKeyCode, ...text});
  await tab.send("Input.dispatchKeyEvent", {type: "keyUp", key, code, windowsVirtualKeyCode});
}

async function showOn(tab, {width, height, mobile}, scheme) {
  await tab.send("Emulation.setDeviceMetricsOverride", {width, height, mobile, deviceScaleFactor: mobile ? 2 : 1});
  await tab.send("Emulation.setTouchEmulationEnabled", {enabled: mobile});
  await tab.send("Emulation.setEmulatedMedia", {features: [{name: "prefers-color-scheme", value: scheme},
    {name: "prefers-reduced-motion", value: mobile ? "reduce" : "no-preference"}]});
}

async function picture(tab, file) {
  await wait(1000);  // the first canvases of a new browser take a moment
  const {cssContentSize} = await tab.send("Page.getLayoutMetrics");
  const clip = {x: 0, y: 0, width: cssContentSize.width, height: Math.min(cssContentSize.height, 4000), scale: 1};
  const {data} = await tab.send("Page.captureScreenshot", {clip, captureBeyondViewport: true});
  writeFileSync(file, Buffer.from(data, "base64"));
}

// Every element that Tab reaches gets every key that pages listen to.
async function walkByKeyboard(tab) {
  await tab.evaluate("document.activeElement.blur()");
  for (let step = 0; step < 200; ++step) {
    await press(tab, "Tab");
    const at = await tab.evaluate("document.activeElement.tagName");
    if (at === "BODY") return;
    for (const key of ["ArrowRight", "ArrowDown", "End", "Home", "ArrowLeft", "Enter"]) await press(tab, key);
  }
}

async function clickAll(tab) {
  await tab.evaluate(`for (const button of [...document.querySelectorAll("button")].slice(0, 400)) button.click()`);
  await wait(100);
}

// Names the first elements that stand out, not only the width.
const tooWide = `(() => {
  const width = document.documentElement.clientWidth, found = document.documentElement.scrollWidth;
  if (found <= width) return "";
  const out = [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > width + 1);
  return found + " px wide on a screen of " + width + ": " +
    out.slice(0, 3).map(e => e.tagName + (e.id && "#" + e.id) + "." + e.className).join(", ");
})()`;

// What is wrong with a page that follows a training until that ends.
async function followToTheEnd(browser, page, training) {
  const complaints = [], tab = await openTab(browser, complaints, page);
  const says = async what => {
    for (let i = 0; i < 100; ++i, await wait(100)) {
      if ((await tab.evaluate(`$("live-text").textContent`)).match(what)) return;
    }
    complaints.push(`does not say "${what.source}", but "${await tab.evaluate(`$("live-text").textContent`)}"`);
  };
  await tab.go(page);
  await says(/^step [0-9,]+ of .* steps\/s/);
  process.kill(training, "SIGTERM");
  await says(/has ended; the page shows what it came to/);
  await tab.close();
  return complaints;
}

const files = process.argv.slice(2);
const option = name => files[0] === name ? files.splice(0, 2)[1] : null;
const shots = option("--shots"), training = option("--training");
if (shots) mkdirSync(shots, {recursive: true});
const browser = startBrowser();
let failed = false;
try {
  for (const file of files) {
    for (const screen of screens) {
      for (const scheme of schemes) {
        const complaints = [], tab = await openTab(browser, complaints, file);
        await showOn(tab, screen, scheme);
        await tab.go(isServed(file) ? file : pathToFileURL(resolve(file)).href);
        if (isServed(file)) await wait(2000);
        const name = `${isServed(file) ? "served" : basename(file, ".html")}-${screen.name}-${scheme}`;
        if (shots) await picture(tab, join(shots, `${name}.png`));
        const wide = await tab.evaluate(tooWide);
        if (wide) complaints.push(wide);
        await walkByKeyboard(tab);
        await showOn(tab, screen, scheme === "dark" ? "light" : "dark");
        await clickAll(tab);
        const wider = await tab.evaluate(tooWide);
        if (wider) complaints.push(`after keys and clicks ${wider}`);
        if (shots) await picture(tab, join(shots, `${name}-after.png`));
        for (const complaint of complaints) console.log(`${name}: ${complaint}`);
        failed ||= complaints.length > 0;
        await tab.close();
      }
    }
  }
  if (training) {
    for (const complaint of await followToTheEnd(browser, files.find(isServed), Number(training))) {
      console.log(`until its end: ${complaint}`);
      failed = true;
    }
  }
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);
