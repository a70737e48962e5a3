#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sizes of what the firmware preset built, an archive a line. Unlinked: nothing is dropped yet that an image leaves out.
set -euo pipefail
cd "$(dirname "$0")/.."
find build/firmware -name '*.a' | sort | while read -r archive; do
  arm-none-eabi-size -t "$archive" | awk -v name="$(basename "$archive" .a)" \
    '/TOTALS/ { printf "%-34s text %6d  data %5d  bss %5d\n", name, $1, $2, $3 }'
done
