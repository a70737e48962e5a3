#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is too slow for every day: the long form of the tests that have one, and every fuzzer for a minute
# (PEDIGREE_FUZZ_SECONDS).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/progress.sh
. tools/progress.sh
seconds=${PEDIGREE_FUZZ_SECONDS:-60}
jobs=${PEDIGREE_JOBS:-$(nproc)}

tools/setup.sh build release
PEDIGREE_LONG=1 run_step release "long tests" build/logs/release-long.log ctest --preset release -L long --no-tests=error

tools/setup.sh build fuzz pedigree_fuzzers
mapfile -t programs < <(find build/fuzz/bin -name '*_fuzz' -type f | sort)
[ ${#programs[@]} -gt 0 ] || die "no fuzzers were built" "look at build/logs/fuzz-build.log"
run_step fuzz "${#programs[@]} fuzzers, ${seconds} s each" build/logs/fuzz.log \
  tools/fuzz.sh "$seconds" "$jobs" "${programs[@]}"
