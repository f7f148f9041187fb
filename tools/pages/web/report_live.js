// Keeps the page of a report up to date that training serves.
"use strict";

function showProgress(p) {
  $("live-text").textContent = joined(`step ${grouped(p.step)} of ${grouped(p.steps)}`, `episode ${grouped(p.episodes)}`,
    p.return !== null && `last return ${number(p.return)}`, p.steps_per_second !== null && `${grouped(Math.round(p.steps_per_second))} steps/s`,
    p.seconds_left !== null && `${clock(p.seconds_left)} left`);
}

async function takeReport() {
  const answer = await fetch(`report.json${location.search}`).catch(() => null);  // it may have ended meanwhile
  if (!answer?.ok) return;
  const fresh = await answer.json(), playing = player.playing;
  Object.assign(data, fresh);
  ({runs, steps} = data);
  [first] = runs;
  showAll();
  if (playing) setPlaying(true);
}

function follow() {
  const events = new EventSource(`events${location.search}`);
  $("live").hidden = false;
  $("live-text").textContent = "Waiting for the training";
  events.onopen = () => { $("live").className = "live"; };
  events.addEventListener("progress", event => showProgress(JSON.parse(event.data)));
  events.addEventListener("report", takeReport);
  events.onerror = () => {
    $("live").className = "live ended";
    $("live-text").textContent = "The training has ended, or cannot be reached; the page shows what it last said";
  };
}
follow();
