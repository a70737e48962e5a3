#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What ./demo shows once the program is built. Everything it makes is in build/demo; ports are free ones.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/progress.sh
. tools/progress.sh
pedigree=$PWD/build/release/bin/pedigree
work=build/demo
rm -rf "$work"
mkdir -p "$work"
cd "$work"
# A passphrase for the demo's own keys: the demo's authority is no one's.
PEDIGREE_PASSPHRASE=$(openssl rand -hex 16)
export PEDIGREE_PASSPHRASE

pids=()
cleanup() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done
  wait 2>/dev/null || :
}
trap cleanup EXIT
trap 'exit 130' INT TERM

section() { printf '\n%s%s%s\n' "$c_bold" "$1" "$c_off"; }

# wait_for FILE PID LOG: until a background program has written its ready file; 60 seconds are for a loaded machine.
wait_for() {
  local tries=0
  while [ ! -s "$1" ]; do
    kill -0 "$2" 2>/dev/null || die "a background program ended early: $(tail -n 3 "$3")" "read build/demo/$3"
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || die "nothing is ready after 60 s" "read build/demo/$3"
    sleep 0.1
  done
}

# start NAME READY COMMAND...: in the background, with its output in NAME.log.
start() {
  local name=$1 ready=$2
  shift 2
  "$@" >"$name.log" 2>&1 &
  pids+=($!)
  wait_for "$ready" "$!" "$name.log"
}

# device_of READY: the id of the one device of a ready file.
device_of() { grep -oE '"id":"[0-9a-f]{66}"' "$1" | cut -d'"' -f4; }

section "An authority: a root, a vendor below it, an OEM below the vendor"
"$pedigree" authority init --dir ca --root-name "Example Silicon Root CA" \
  --issuer "vendor=Example Silicon Device CA" --issuer "acme=Acme Devices CA@vendor"
start authority ca.url "$pedigree" authority serve --dir ca --listen 127.0.0.1:0 --ready-file ca.url
url=$(cat ca.url)
printf '  serve     %s    SQLite, TLS 1.3, client certificates\n' "$url"

section "Three simulated devices, two on UDP and one on a pseudo-terminal, and one emulated"
for unit in sim-1 sim-2; do
  start "$unit" "$unit.json" "$pedigree" device --state "$unit" --udp 127.0.0.1:0 --ready-file "$unit.json"
done
start sim-3 sim-3.json "$pedigree" device --state sim-3 --pty --ready-file sim-3.json
sim3_pid=${pids[-1]}
start board board.json "$pedigree" device --qemu --state board --ready-file board.json

# provision UNIT PROFILE ISSUER [OPTION...]
provision() {
  "$pedigree" provision --devices "$1.json" --authority "$url" --tls ca/tls --profile "$2" --issuer "$3" \
    --journal "${journal:-journal}" --out chains "${@:4}"
}
for unit in sim-1 sim-2 sim-3 board; do
  printf '  %s     %s  %s\n' "$unit" "$(device_of "$unit.json")" "$(grep -oE '"(udp|serial)":"[^"]*"' "$unit.json")"
done

section "Provision: keys made in the service, requests to the authority, chains back, receipts"
provision sim-1 iak vendor
provision sim-2 iak acme
provision sim-3 iak acme --capture sim-3.pcap
provision sim-3 tls-client acme
provision board iak acme

section "The emulated board: a Cortex-M33 whose keys are behind TrustZone"
"$pedigree" provision --devices board.json --info | sed 's/^/  /'

section "The chains"
chain_of() { printf 'chains/%s-%s.chain.pem' "$(device_of "$1.json")" "$2"; }
for pair in sim-1:iak sim-2:iak sim-3:iak sim-3:tls-client board:iak; do
  printf '%s, %s\n' "${pair%:*}" "${pair#*:}"
  "$pedigree" verify chain "$(chain_of "${pair%:*}" "${pair#*:}")" --root ca/root.cert.pem | sed 's/^/  /'
done

section "The same question to tools that are not ours"
for pair in sim-1:iak sim-2:iak sim-3:iak sim-3:tls-client board:iak; do
  chain=$(chain_of "${pair%:*}" "${pair#*:}")
  answer=$(openssl verify -x509_strict -CAfile ca/root.cert.pem -untrusted "$chain" "$chain" 2>&1) ||
    die "openssl verify refuses the chain of $pair: $answer"
  step_ok "openssl verify" "${pair/:/, }"
done

# The device's state belongs to one process at a time: its daemon makes room for its TLS client.
kill "$sim3_pid"
wait "$sim3_pid" 2>/dev/null || :
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.pem \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 2>openssl-req.log
openssl s_server -accept 0 -cert server.pem -key server.key -CAfile ca/root.cert.pem -Verify 4 \
  -verify_return_error -rev >s_server.log 2>&1 &
pids+=($!)
tries=0
until port=$(grep -oE '^ACCEPT .*:[0-9]+' s_server.log | grep -oE '[0-9]+$'); do
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || die "openssl s_server does not listen" "read build/demo/s_server.log"
  sleep 0.1
done
"$pedigree" device connect --state sim-3 --to "localhost:$port" --ca server.pem --send "hello from sim-3" >connect.log 2>&1 ||
  die "mutual TLS failed: $(cat connect.log)" "read build/demo/s_server.log"
sed 's/^/  /' connect.log
step_ok "openssl s_server" "accepted $(grep -oE 'serialNumber = [0-9a-f]{8}' s_server.log | tail -n 1)"

section "Revoke sim-2, and let it ask again"
"$pedigree" authority revoke --dir ca --reason keyCompromise --why "shown in the demo" "$(device_of sim-2.json)"
status=0
journal=journal-2 provision sim-2 iak acme >refusal.log 2>&1 || status=$?
sed 's/^/  /' refusal.log
[ "$status" -eq 5 ] || die "the authority should have refused sim-2 (exit status 5), not $status"
step_ok refused "exit status 5"

cat <<TEXT

Everything is in build/demo. Next:
  $c_bold$(basename "$pedigree")$c_off is build/release/bin/pedigree
  pedigree authority list --dir build/demo/ca
  pedigree verify chain build/demo/$(chain_of sim-3 tls-client) --root build/demo/ca/root.cert.pem --json
  pedigree provision --help
TEXT
