#!/usr/bin/env bash
# browser.sh SACCADE: its pages, in a headless Chromium; see browser.mjs. Exits with 77, which means skipped, where there is
# no Chromium or no node; with CI=true that is a failure.
set -euo pipefail

for tool in chromium node; do
  if ! command -v "$tool" >/dev/null; then
    echo "browser.sh: there is no $tool here; tools/setup.sh --ci installs it" >&2
    [[ ${CI-} != true ]] || exit 1
    exit 77
  fi
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT

"$1" train pendulum --run "$pages/run" --quiet --steps 1000 --set learning_starts=900 --set eval_every=0 >/dev/null
"$1" eval "$pages/run" --record "$pages/policy.html" >/dev/null
"$1" eval --random cartpole --episodes 1 --record "$pages/discrete.html" >/dev/null
"$1" eval --random pusher --episodes 1 --record "$pages/3d.html" >/dev/null 2>&1 || echo "browser.sh: no MuJoCo task to show"
"$1" report "$pages/run" -o "$pages/report.html" >/dev/null
"$1" train cartpole --algo dqn --run "$pages/dqn" --quiet --steps 3000 >/dev/null
"$1" report "$pages/run" "$pages/dqn" -o "$pages/reports.html" >/dev/null
"$1" gradcheck --html "$pages/gradcheck.html" >/dev/null
"$1" gradcheck --order 1 --filter tanh --html "$pages/few.html" >/dev/null
"$1" entropy --html "$pages/squash.html" >/dev/null
"$1" tabular CliffWalking-v1 --html "$pages/cliff.html" >/dev/null
"$1" tabular FrozenLake8x8-v1 --html "$pages/lake.html" >/dev/null
"$1" explain 'tanh(x*w)+x' x=[0.5,1] w=-1.2 --html "$pages/expression.html" >/dev/null
"$1" explain second-derivative --html "$pages/second.html" >/dev/null
"$1" explain sac-actor --html "$pages/actor.html" >/dev/null
"$1" explain sac-critic --hidden 256 --batch 256 --html "$pages/critic.html" >/dev/null
# Names as long as they may be, and without a place to break, are no wider than a phone.
long=sac_with_a_fixed_temperature_of_0.2_and_networks_of_64_by_64_units_each_and_a_rate_of_0.001_
cp -r "$pages/run" "$pages/${long}1" && cp -r "$pages/run" "$pages/${long}2"
"$1" report "$pages/${long}1" "$pages/${long}2" --episodes 0 -o "$pages/long.html" >/dev/null
cat >"$pages/several.json" <<END
{"tasks": {"pendulum": {"hidden": [16]}, "CartPole-v1": {"algorithm": "discrete_sac", "learning_starts": 100}}, "seeds": "1..3",
 "set": {"steps": 400, "eval_every": 100, "eval_episodes": 1, "final_eval_episodes": 2},
 "configurations": {"usual": {}, "$long": {"gamma": 0.9}}}
END
"$1" compare "$pages/several.json" --quiet >/dev/null
mv "$pages/several/comparison.html" "$pages/comparison.html"
node "$here/browser.mjs" "$pages"/*.html

# A training that is watched.
port=$(node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })')
"$1" train pendulum --run "$pages/watched" --quiet --steps 1000000000 --set diagnose_every=1000 --dashboard "$port" >/dev/null &
training=$!
trap 'kill $training 2>/dev/null || true; wait; rm -rf "$pages"' EXIT
for _ in {1..100}; do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
node "$here/browser.mjs" --training $training "http://127.0.0.1:$port/"
wait $training || (($? == 143))
