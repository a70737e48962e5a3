#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/fuzz.sh SECONDS JOBS PROGRAM...: runs libFuzzer programs side by side. New inputs go to build/fuzz-corpus,
# findings to build/fuzz-findings; the committed corpus is only read. Fails if any of them finds something.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1 jobs=$2
shift 2

if [ "$jobs" -eq 0 ]; then  # one program, called by the line below
  name=$(basename "$1")
  mkdir -p "build/fuzz-corpus/$name" build/fuzz-findings build/logs
  if ! "$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz-findings/$name-" "build/fuzz-corpus/$name" "$(cat "$1.corpus")" \
    >"build/logs/fuzz-$name.log" 2>&1; then
    echo "$name: found something; see build/logs/fuzz-$name.log and build/fuzz-findings"
    tail -n 30 "build/logs/fuzz-$name.log"
    exit 1
  fi
  echo "$name: $(grep -o 'stat::number_of_executed_units: *[0-9]*' "build/logs/fuzz-$name.log") nothing found"
  exit 0
fi
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 "$0" "$seconds" 0
