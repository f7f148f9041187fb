// The page of a recording, around its player.
"use strict";

// Of all evaluated episodes; those to watch are the first of them.
function returnsText({episodes, mean, std, min, max}, recorded) {
  if (episodes === 1) return `Return ${number(mean)} in one episode`;
  const which = recorded === episodes ? "" : `; here ${recorded === 1 ? "is the first" : `are the first ${recorded}`}`;
  return `Mean return ${number(mean)} \u00b1 ${number(std)} over ${grouped(episodes)} episodes, ${
    number(min)} to ${number(max)}${which}`;
}

document.title = `Saccade: ${data.env}`;
$("title").textContent = data.env;
$("about").textContent = joined(data.title, `Saccade ${data.build.saccade}`, data.date);
$("policy").textContent = data.policy;
$("returns").textContent = returnsText(data.evaluation, data.episodes.length);
startPlayer(document, true);
