#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lints every shell script in the tree.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t scripts < <(git grep -lE '^#!.*\b(bash|sh)$' -- ':!*.md' && git ls-files '*.sh')
printf '%s\n' "${scripts[@]}" | sort -u | xargs shellcheck -x
