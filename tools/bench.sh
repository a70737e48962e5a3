#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every benchmark program of the release build; each merges its results into build/bench/results.json.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/bench
rm -f build/bench/results.json
for program in build/release/bin/*_bench; do
  "$program"
done
echo "results: build/bench/results.json"
