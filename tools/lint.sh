#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over core and device: tools/lint.sh BUILD-FOLDER [FILE...]
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
shift
if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files 'core/*.cc' 'device/service/*.cc' 'device/server/*.cc' 'device/ports/*.cc' |
    grep -vE '_(test|fuzz)\.cc$')
fi
printf '%s\n' "${files[@]}" | xargs -P "${PEDIGREE_JOBS:-$(nproc)}" -n 2 clang-tidy-19 -p "$build" --quiet
