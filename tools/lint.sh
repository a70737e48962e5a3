#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over core, crypto and device: tools/lint.sh BUILD-FOLDER [FILE...]
# BUILD-FOLDER is a configured one, for its compile_commands.json. Prints [n/m] and a file's name when it is done, as
# Ninja does, and before it what was found in it.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
shift
[ -f "$build/compile_commands.json" ] || {
  echo "no $build/compile_commands.json: configure a preset first, as cmake --preset release" >&2
  exit 2
}

if [ "${1:-}" = --one ]; then  # one file, called by the last line
  if ! found=$(clang-tidy-19 -p "$build" --quiet --header-filter="^$PWD/(core|crypto|device)/" "$2" 2>&1); then
    printf '%s\nlinted %s: findings\n' "$found" "$2"
    exit 1
  fi
  echo "linted $2"
  exit 0
fi

files=("$@")
# Those that the preset compiles: what is for the target alone is left out.
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(
  git ls-files 'core/*.cc' 'crypto/*.cc' 'device/*.cc' | grep -vE '_(test|fuzz)\.cc$|/test_' |
    while read -r file; do ! grep -qF "\"$PWD/$file\"" "$build/compile_commands.json" || echo "$file"; done
)
printf '%s\n' "${files[@]}" | xargs -P "${PEDIGREE_JOBS:-$(nproc)}" -n 1 tools/lint.sh "$build" --one |
  {
    linted=0
    while IFS= read -r line; do
      case $line in
        "linted "*) printf '[%d/%d] %s\n' $((++linted)) ${#files[@]} "${line#linted }" ;;
        *) printf '%s\n' "$line" ;;
      esac
    done
  }
