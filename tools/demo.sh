#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What ./demo shows once the program is built: tools/demo.sh [FOLDER]. Everything it makes is in FOLDER (build/demo), which
# is emptied first; ports are free ones. PEDIGREE_PROGRAM names another program than the release build's.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/progress.sh
. tools/progress.sh
pedigree=${PEDIGREE_PROGRAM:-$PWD/build/release/bin/pedigree}
work=${1:-build/demo}
[ -x "$pedigree" ] || die "there is no program $pedigree" "./demo builds it"
pedigree=$(realpath "$pedigree")
mkdir -p "$(dirname "$work")"
exec 9>"$work.lock"
flock -n 9 || die "another demo is running in $work" "wait until it ends"
rm -rf "$work"
mkdir -p "$work"
logs=$work
cd "$work"
colour=(--color never)
[ -z "$c_off" ] || colour=(--color always)

pids=()
title=start
on_exit() {
  local status=$? pid
  trap '' INT TERM HUP
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done
  wait 2>/dev/null || :
  [ "$status" -eq 0 ] || printf '%sdemo failed%s at "%s"; logs are in %s, and running it again starts over\n' \
    "$c_bad" "$c_off" "$title" "$logs" >&2
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }
took() { printf '%d.%d s' $((($(now) - $1) / 1000000)) $((($(now) - $1) / 100000 % 10)); }
demo_start=$(now) section_start=''

# section TITLE: what the next step is about, after the time that the one before took.
section() {
  [ -z "$section_start" ] || printf '  %s%s%s\n' "$c_dim" "$(took "$section_start")" "$c_off"
  title=$1 section_start=$(now)
  printf '\n%s%s%s\n' "$c_bold" "$title" "$c_off"
}

# wait_for WHAT PID LOG COMMAND...: until the command succeeds; 60 seconds are for a loaded machine.
wait_for() {
  local what=$1 pid=$2 log=$3 tries=0
  shift 3
  until "$@"; do
    kill -0 "$pid" 2>/dev/null || die "$what ended early: $(tail -n 3 "$log")" "read $logs/$log"
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || die "$what is not ready after 60 s" "read $logs/$log"
    sleep 0.1
  done
}

# start NAME READY COMMAND...: in the background, with its output in NAME.log.
start() {
  local name=$1 ready=$2
  shift 2
  "$@" >"$name.log" 2>&1 9>&- </dev/null &
  pids+=($!)
  wait_for "$name" "$!" "$name.log" test -s "$ready"
}

# device_of UNIT, line_of UNIT: what its ready file says.
device_of() { grep -oE '"id":"[0-9a-f]{66}"' "$1.json" | cut -d'"' -f4; }
line_of() { grep -oE '"(udp|serial)":"[^"]*"' "$1.json" | tr -d '"' | sed 's/:/ /'; }

# indented COMMAND...: on a terminal the command draws a live table by itself.
indented() { if [ -t 1 ]; then "$@"; else "$@" 2>&1 | sed 's/^/  /'; fi; }

# provision ISSUER OPTION...
provision() {
  indented "$pedigree" "${colour[@]}" provision --authority "$(cat ca.url)" --tls ca/tls --issuer "$1" \
    --journal "${journal:-journal}" --out chains "${@:2}"
}

section "An authority: a root, a vendor below it, an OEM below the vendor"
# The demo's authority is no one's, so its passphrase may lie beside its keys.
(umask 077 && openssl rand -hex 16 >passphrase)
"$pedigree" "${colour[@]}" --quiet authority init --dir ca --root-name "Example Silicon Root CA" \
  --issuer "vendor=Example Silicon Device CA" --issuer "acme=Acme Devices CA@vendor" --passphrase-file passphrase
# A TLS key is certified only where the device's attestation key says that it was made in the secure world.
sed -i '/^\[profile.tls-client\]/,/^\[/s/^evidence = "none"/evidence = "required"/' ca/authority.toml
start authority ca.url "$pedigree" authority serve --dir ca --listen 127.0.0.1:0 --ready-file ca.url \
  --passphrase-file passphrase
printf '  serve     %s    SQLite, TLS 1.3, client certificates\n' "$(cat ca.url)"

section "Three simulated devices, two on UDP and one on a pseudo-terminal, and one emulated"
start sim-1 sim-1.json "$pedigree" device --state sim-1 --udp 127.0.0.1:0 --ready-file sim-1.json
start sim-2 sim-2.json "$pedigree" device --state sim-2 --udp 127.0.0.1:0 --ready-file sim-2.json
start sim-3 sim-3.json "$pedigree" device --state sim-3 --pty --ready-file sim-3.json
sim3_pid=${pids[-1]}
start board board.json "$pedigree" device --qemu --state board --ready-file board.json
for unit in sim-1 sim-2 sim-3 board; do
  printf '  %-8s  %-22s  id %s\n' "$unit" "$(line_of "$unit")" "$(device_of "$unit")"
done

section "Provision: each device makes its key and request, stores its chain, signs a receipt"
echo "  sim-1 under the vendor (two levels); sim-2, sim-3 and the board under the OEM (three levels)"
provision vendor --profile iak --devices sim-1.json
provision acme --profile iak --devices sim-2.json
provision acme --profile iak --devices sim-3.json --capture sim-3.pcap
provision acme --profile iak --devices board.json
echo "  sim-3 once more: a second key, for TLS, with evidence by the attestation key that it was made inside"
provision acme --profile tls-client --devices sim-3.json
for unit in sim-1 sim-2 sim-3 board; do ln -s "chains/$(device_of "$unit")-iak.chain.pem" "$unit.chain.pem"; done
ln -s "chains/$(device_of sim-3)-tls-client.chain.pem" sim-3-tls.chain.pem
chains=(sim-1 sim-2 sim-3 sim-3-tls board)

section "The emulated board: a Cortex-M33 in QEMU whose keys are behind TrustZone"
"$pedigree" "${colour[@]}" provision --devices board.json --info | sed 's/^/  /'

section "The chains, as pedigree verify chain judges them"
for chain in "${chains[@]}"; do
  printf '  %s\n' "$chain"
  "$pedigree" "${colour[@]}" verify chain "$chain.chain.pem" --root ca/root.cert.pem | sed 's/^/  /'
done

section "Ask the board who it is: a token with the chain inside, judged without a network"
# What the relying party has: the root that it trusts, the authority's signed bundle of who is revoked, and its policy.
"$pedigree" --quiet export trust-bundle --dir ca --passphrase-file passphrase --out trust.bundle
# Devices on a bench have not left their factory's lifecycle.
printf 'name = "demo"\nlifecycles = ["secured", "assembly-and-test"]\n' >policy.toml
# attest UNIT: asks it with a fresh nonce.
attest() {
  openssl rand -hex 32 >"$1.nonce"
  "$pedigree" --quiet attest --devices "$1.json" --nonce "$(cat "$1.nonce")" --out "$1.token"
}
# judge UNIT: what a relying party says of its token.
judge() {
  "$pedigree" "${colour[@]}" verify token "$1.token" --nonce "$(cat "$1.nonce")" --policy policy.toml \
    --root ca/root.cert.pem --bundle trust.bundle
}
attest board
judge board | sed 's/^/  /'

section "What was said on sim-3's serial line: pedigree inspect sim-3.pcap"
"$pedigree" "${colour[@]}" inspect sim-3.pcap >packets.txt
sed -n '1,8p' packets.txt | cut -c -110
printf '  ... and %d more lines\n' $(($(wc -l <packets.txt) - 8))

section "The same question to a tool that is not ours: openssl verify -x509_strict"
for chain in "${chains[@]}"; do
  answer=$(openssl verify -x509_strict -CAfile ca/root.cert.pem -untrusted "$chain.chain.pem" "$chain.chain.pem" 2>&1) ||
    die "openssl verify refuses the chain of $chain: $answer" "look at it: pedigree inspect $logs/$chain.chain.pem"
  step_ok "openssl verify" "$chain"
done

section "Mutual TLS: sim-3 as client of openssl s_server; its service signs, its key stays inside"
# A device's state belongs to one process at a time: the daemon makes room for the device's TLS client.
kill "$sim3_pid"
wait "$sim3_pid" 2>/dev/null || :
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.pem \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 2>openssl-req.log
openssl s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -CAfile ca/root.cert.pem -Verify 4 \
  -verify_return_error -rev >s_server.log 2>&1 9>&- </dev/null &
pids+=($!)
server_port() { grep -soE '^ACCEPT .*:[0-9]+' s_server.log | grep -oE '[0-9]+$'; }
wait_for s_server "$!" s_server.log eval 'server_port >port'
"$pedigree" "${colour[@]}" device connect --state sim-3 --to "localhost:$(cat port)" --ca server.pem \
  --send "hello from sim-3" >connect.log 2>&1 ||
  die "mutual TLS failed: $(cat connect.log)" "read $logs/s_server.log"
sed 's/^/  /' connect.log
step_ok "openssl s_server" "accepted $(grep -oE 'serialNumber = [0-9a-f]{66}' s_server.log | tail -n 1)"

section "Revoke sim-2, and let it ask again"
"$pedigree" "${colour[@]}" authority revoke --dir ca --reason keyCompromise --why "shown in the demo" \
  "$(device_of sim-2)" | sed 's/^/  /'
status=0
journal=journal-2 provision acme --profile iak --devices sim-2.json >refusal.log 2>&1 || status=$?
cat refusal.log
[ "$status" -eq 5 ] || die "the authority should have refused sim-2 (exit status 5), not $status" "read $logs/refusal.log"
step_ok refused "exit status 5"
"$pedigree" authority export crl acme --dir ca --passphrase-file passphrase --out acme.crl.pem
status=0
openssl verify -crl_check -CAfile ca/root.cert.pem -untrusted sim-2.chain.pem -CRLfile acme.crl.pem \
  sim-2.chain.pem >crl.log 2>&1 || status=$?
grep -q 'certificate revoked' crl.log || die "openssl should have found sim-2 on the CRL: $(cat crl.log)" "read $logs/crl.log"
step_ok "openssl verify" "sim-2 with the authority's CRL: $(grep -oE 'certificate revoked' crl.log)"
status=0
attest sim-2
"$pedigree" --quiet export trust-bundle --dir ca --passphrase-file passphrase --out trust.bundle
judge sim-2 >verdict.log 2>&1 || status=$?
sed -n '1p;/^ *fail/p' verdict.log | sed 's/^/  /'
[ "$status" -eq 3 ] || die "the verifier should have rejected sim-2's token (exit status 3), not $status" "read $logs/verdict.log"
step_ok "verify token" "sim-2 rejected: exit status 3"
section_start=''

shown=${pedigree#"$OLDPWD"/}
cat <<TEXT

${c_ok}It all holds${c_off}, in $(took "$demo_start"). Everything is in $logs; nothing runs any more. Try next:

  $shown inspect $logs/sim-3-tls.chain.pem
  $shown verify token $logs/board.token --no-nonce --policy $logs/policy.toml --root $logs/ca/root.cert.pem --bundle $logs/trust.bundle
  $shown verify chain $logs/sim-2.chain.pem --root $logs/ca/root.cert.pem --crl $logs/acme.crl.pem
  $shown authority list --dir $logs/ca
  $shown authority serve --dir $logs/ca --passphrase-file $logs/passphrase
  $shown provision --help
TEXT
