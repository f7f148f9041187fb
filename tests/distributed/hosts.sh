#!/usr/bin/env bash
# Training on several hosts: network namespaces of this machine, each with an address and a host name of its own, that a bridge
# joins. What comes of it, on a slow network, on one with a delay, when a host disappears and when the network parts.
#
# Usage: hosts.sh SACCADE. Takes root; exit status 77 where there are no namespaces.
set -euo pipefail

saccade=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in ip tc python3 mpirun unshare; do command -v "$tool" >/dev/null || { echo "hosts.sh: there is no $tool"; exit 77; }; done
prefix=sac$$
folder=$(mktemp -d)
names() { echo "$prefix"-switch "$prefix"-{1..4}; }
relay=
clean_up() {
  [[ -z $relay ]] || kill "$relay" 2>/dev/null || true
  for name in $(names); do
    for process in $(ip netns pids "$name" 2>/dev/null); do kill -9 "$process" 2>/dev/null || true; done
    ip netns del "$name" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap clean_up EXIT
ip netns add "$prefix-switch" 2>/dev/null || { echo "hosts.sh: no network namespaces here"; exit 77; }
cd "$folder"

# Host 4 stands at the far end of the cable that relay.py is; the others are at the near one.
for name in near far; do
  ip -n "$prefix-switch" link add "$name" type bridge
  ip -n "$prefix-switch" link set "$name" up
done
cable() {  # milliseconds
  [[ -z $relay ]] || { kill "$relay"; wait "$relay" 2>/dev/null || true; }
  for tap in near-tap far-tap; do ip -n "$prefix-switch" tuntap add "$tap" mode tap 2>/dev/null || true; done
  ip netns exec "$prefix-switch" python3 "$here/relay.py" near-tap far-tap "$1" >"$folder/relay" &
  relay=$!
  until grep -q ready "$folder/relay"; do sleep 0.05; done
  for end in near far; do
    ip -n "$prefix-switch" link set "$end-tap" master "$end"
    ip -n "$prefix-switch" link set "$end-tap" up
  done
}
for i in 1 2 3 4; do
  ip netns add "$prefix-$i"
  ip -n "$prefix-switch" link add "port$i" type veth peer name eth0 netns "$prefix-$i"
  ip -n "$prefix-switch" link set "port$i" master "$([[ $i == 4 ]] && echo far || echo near)"
  ip -n "$prefix-switch" link set "port$i" up
  ip -n "$prefix-$i" addr add "10.77.0.$i/24" dev eth0
  ip -n "$prefix-$i" link set eth0 up
  ip -n "$prefix-$i" link set lo up
  # mpirun tells its daemons to end, and TCP repeats that for 15 minutes where nobody answers.
  ip netns exec "$prefix-$i" sysctl -qw net.ipv4.tcp_retries2=4
done
cable 0

# In place of ssh: agent HOST COMMAND...
cat >agent <<AGENT
#!/bin/sh
while case \$1 in -*) true ;; *) false ;; esac; do shift; done
host=\${1##*.}; shift
exec ip netns exec $prefix-\$host unshare --uts sh -c "hostname host\$host; cd $folder; \$*"
AGENT
chmod +x agent

run() {  # HOSTS ARGUMENTS...: on host 1
  local hosts=$1
  shift
  timeout 120 ip netns exec "$prefix-1" unshare --uts sh -c "hostname host1; exec \"\$@\"" sh \
    mpirun --allow-run-as-root --bind-to none --mca plm_rsh_agent "$folder/agent" --mca btl self,tcp \
    --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 --mca oob_tcp_keepalive_time 4 --mca oob_tcp_keepalive_intvl 2 \
    --mca oob_tcp_keepalive_probes 2 -x SACCADE_PATIENCE="${patience:-30}" \
    --host "$hosts" --map-by node "$saccade" "$@"
}
two=10.77.0.1:1,10.77.0.2:1
four=10.77.0.1:1,10.77.0.2:1,10.77.0.3:1,10.77.0.4:1
small=(--quiet --set 'hidden=[64,64]' --set batch_size=64 --set learning_starts=60 --set buffer_size=3000
       --set checkpoint_every=60 --set final_eval_episodes=1)

same() { cmp "$1/checkpoint/weights.safetensors" "$2/checkpoint/weights.safetensors" && cmp "$1/checkpoint/optimizer.safetensors" "$2/checkpoint/optimizer.safetensors"; }
timed() { local start; start=$(date +%s%N); "$@"; echo "$((($(date +%s%N) - start) / 1000000)) ms"; }

echo "-- two and four hosts, and as many processes on one"
for ranks in 2 4; do
  [[ $ranks == 2 ]] && hosts=$two || hosts=$four
  timed run "$hosts" train pendulum "${small[@]}" --steps 360 --run "hosts-$ranks" >"out-$ranks"
  tail -1 "out-$ranks"
  mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$ranks" "$saccade" train pendulum "${small[@]}" --steps 360 --run "local-$ranks" >/dev/null
  same "hosts-$ranks" "local-$ranks"
done

echo "-- a slow network: 20 Mbit/s"
for i in 1 2 3 4; do ip netns exec "$prefix-$i" tc qdisc add dev eth0 root tbf rate 20mbit burst 16k latency 100ms; done
timed run "$four" train pendulum "${small[@]}" --steps 360 --run slow | tail -1
same slow local-4
for i in 1 2 3 4; do ip netns exec "$prefix-$i" tc qdisc del dev eth0 root; done

echo "-- a far host: 2 ms each way"
cable 2
timed run "$four" train pendulum "${small[@]}" --steps 360 --run far | tail -1
same far local-4
cable 0

wait_for_checkpoint() { until grep -q '"step": [1-9]' "$1/checkpoint/state.json" 2>/dev/null; do sleep 0.1; done; }
goes_on() {
  local step
  step=$(grep -o '"step": [0-9]*' "$1/checkpoint/state.json" | head -1 | grep -o '[0-9]*')
  "$saccade" train --quiet --resume "$1" --steps "$((step + 60))" >/dev/null 2>&1
  echo "goes on from step $step"
}

echo "-- a host whose processes are all killed"
run "$four" train pendulum "${small[@]}" --steps 900000 --run killed >out 2>&1 & job=$!
wait_for_checkpoint killed
start=$(date +%s%N)
for process in $(ip netns pids "$prefix-3"); do kill -9 "$process"; done
wait "$job" && { echo "hosts.sh: the run did not end with an error"; exit 1; }
echo "ended after $((($(date +%s%N) - start) / 1000000)) ms"
grep -m2 'saccade: error\|rank\|daemon' out || true
goes_on killed

echo "-- a network that parts: host 3's link goes down"
patience=4 run "$four" train pendulum "${small[@]}" --steps 900000 --run parted >out 2>&1 & job=$!
wait_for_checkpoint parted
start=$(date +%s%N)
ip -n "$prefix-3" link set eth0 down
until grep -q 'saccade: error' out; do sleep 0.1; done
echo "said after $((($(date +%s%N) - start) / 1000000)) ms"
wait "$job" && { echo "hosts.sh: the run did not end with an error"; exit 1; }
echo "ended after $((($(date +%s%N) - start) / 1000000)) ms"
grep 'saccade: error: rank 2 on host3 has not answered for 4 s' out || { cat out; exit 1; }
[[ $(grep -c 'saccade: error' out) == 1 ]] || { cat out; exit 1; }
sleep 8  # those on the other side have had their time too
! ip netns pids "$prefix-3" | xargs -r ps -o args= -p | grep "train pendulum" || { echo "hosts.sh: host 3 still trains"; exit 1; }
goes_on parted
echo "all as it should be"
