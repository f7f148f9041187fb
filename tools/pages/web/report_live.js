// Keeps the page of a report up to date that training serves.
"use strict";

function showProgress(p) {
  $("live-text").textContent = joined(`step ${grouped(p.step)} of ${grouped(p.steps)}`, `episode ${grouped(p.episodes)}`,
    p.return !== null && `last return ${number(p.return)}`, p.steps_per_second !== null && `${grouped(Math.round(p.steps_per_second))} steps/s`,
    p.seconds_left !== null && `${clock(p.seconds_left)} left`);
}

// One at a time, and at most one in five seconds. An episode that is being watched stays until it is over.
let isTaking = false;
async function takeReport() {
  if (isTaking) return false;
  isTaking = true;
  const fresh = await fetch(`report.json${location.search}`)
    .then(answer => answer.ok ? answer.json() : null)
    .catch(() => null);  // the training may have ended meanwhile
  if (fresh) {
    const isOver = data.episodes && player.time > 0 && player.time >= episode().steps;
    if (data.episodes && !isOver && player.time > 0) {
      for (const key of ["episodes", "captions", "about_episodes"]) fresh[key] = data[key];
    }
    const isNew = fresh.episodes !== data.episodes;
    Object.assign(data, fresh);
    ({runs, steps} = data);
    [first] = runs;
    addOverestimation();
    showTiles(first);
    showWarnings();
    showCharts();
    showHistograms();
    if (isNew) showEpisodes();
    if (isNew && isOver) setPlaying(true);
  }
  setTimeout(() => { isTaking = false; }, 5000);
  return fresh !== null;
}

function follow() {
  const events = new EventSource(`events${location.search}`);
  $("live").hidden = false;
  $("live-text").textContent = "Waiting for the training";
  events.onopen = () => { $("live").className = "live"; };
  events.addEventListener("progress", event => showProgress(JSON.parse(event.data)));
  events.addEventListener("report", takeReport);
  const showEnd = text => {
    $("live").className = "live ended";
    $("live-text").textContent = text;
  };
  events.addEventListener("end", async () => {
    events.close();
    isTaking = false;
    const shown = await takeReport() ? "came to" : "last said";
    showEnd(`The training has ended; the page shows what it ${shown}`);
  });
  events.onerror = () => showEnd("The training cannot be reached; the page shows what it last said");
}
follow();
