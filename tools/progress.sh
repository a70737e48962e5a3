# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Lines and bars that ./demo, ./check and the set-up print. Colour and bars only on a terminal.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  c_ok=$'\e[32m' c_bad=$'\e[31m' c_dim=$'\e[2m' c_bold=$'\e[1m' c_off=$'\e[0m'
else
  c_ok='' c_bad='' c_dim='' c_bold='' c_off=''
fi

step_ok() { printf '  %-22s %sok%s  %s\n' "$1" "$c_ok" "$c_off" "${2:-}"; }
step_bad() { printf '  %-22s %sFAILED%s  %s\n' "$1" "$c_bad" "$c_off" "${2:-}"; }

# die SUMMARY NEXT: an error that says what to do.
die() {
  printf '%serror:%s %s\n' "$c_bad" "$c_off" "$1" >&2
  [ $# -lt 2 ] || printf '  next  %s\n' "$2" >&2
  exit 1
}

# Seconds since $1, as text.
since() { printf '%ds' $((SECONDS - $1)); }

# show_failure LOG: what a failed step said last.
show_failure() {
  printf '%s\n' "${c_dim}--- the end of $1 ---${c_off}" >&2
  tail -n "${PEDIGREE_LOG_LINES:-60}" "$1" >&2
  printf '%s\n' "${c_dim}--- whole log: $1 ---${c_off}" >&2
}

# run_step NAME WHAT LOG COMMAND...: runs quietly, shows a clock on a terminal, prints the log's end on failure.
run_step() {
  local name=$1 what=$2 log=$3 start=$SECONDS pid
  shift 3
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  if [ -t 1 ]; then
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r  %-22s %s... %s ' "$name" "$what" "$(since "$start")"
      sleep 0.5
    done
    printf '\r\e[K'
  fi
  if wait "$pid"; then
    step_ok "$name" "$what ${c_dim}$(since "$start")${c_off}"
  else
    step_bad "$name" "$what, after $(since "$start")"
    show_failure "$log"
    return 1
  fi
}

# bar DONE TOTAL
bar() {
  local width=24 filled
  filled=$(($1 * width / ($2 > 0 ? $2 : 1)))
  printf '[%s%s] %s/%s' "$(printf '%*s' "$filled" '' | tr ' ' '#')" "$(printf '%*s' $((width - filled)) '')" "$1" "$2"
}

# run_ninja NAME DONE LOG COMMAND...: runs what prints [n/m] lines, as Ninja does, with a bar made of them; without a
# terminal a line is printed at every tenth. DONE says what has been done: "built".
run_ninja() {
  local name=$1 what=$2 log=$3 start=$SECONDS tenth=-1 line current total
  shift 3
  if "$@" 2>&1 </dev/null | tee "$log" | while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    current=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [ -t 1 ]; then
      printf '\r  %-22s %s %s ' "$name" "$(bar "$current" "$total")" "$(since "$start")"
    elif [ $((current * 10 / total)) -ne "$tenth" ]; then
      tenth=$((current * 10 / total))
      printf '  %-22s %s %s\n' "$name" "$(bar "$current" "$total")" "$(since "$start")"
    fi
  done; then
    [ ! -t 1 ] || printf '\r\e[K'
    step_ok "$name" "$what ${c_dim}$(since "$start")${c_off}"
  else
    [ ! -t 1 ] || printf '\n'
    step_bad "$name" "not $what, after $(since "$start")"
    show_failure "$log"
    return 1
  fi
}
