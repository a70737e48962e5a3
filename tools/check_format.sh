#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails with the places that clang-format would change. `tools/check_format.sh --fix` changes them.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" != --fix ] || mode=(-i)
git ls-files -z '*.h' '*.cc' '*.c' | xargs -0 -r clang-format-19 "${mode[@]}"
