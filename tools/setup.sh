#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing and builds. The one set-up that ./demo and ./check share.
#
#   tools/setup.sh packages demo|check   install the Debian packages that are missing
#   tools/setup.sh source mbedtls        unpack Debian's source package of Mbed TLS into build/source (for the firmware)
#   tools/setup.sh build PRESET [TARGET...]   configure and build a CMake preset into build/PRESET, with progress
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/progress.sh
. tools/progress.sh

missing_packages() {  # demo|check
  local when=$1 group package
  while read -r group package _; do
    case $group in
      demo) ;;
      check) [ "$when" = check ] || continue ;;
      *) continue ;;
    esac
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done < tools/packages.txt
}

install_packages() {  # demo|check
  local missing
  mapfile -t missing < <(missing_packages "$1")
  if [ ${#missing[@]} -eq 0 ]; then
    step_ok packages "all installed"
    return
  fi
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      die "these packages are missing and neither root nor sudo is at hand: ${missing[*]}" \
        "as root: apt-get install ${missing[*]}"
    fi
    sudo=(sudo)
  fi
  local log=build/logs/apt.log
  mkdir -p build/logs
  run_step packages "apt-get: ${#missing[@]} missing" "$log" \
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -q && apt-get install -y -q --no-install-recommends "$@"' sh "${missing[@]}"
}

# The source package comes from the mirror that the system's own packages come from, by a list and state of its own:
# the system's configuration has no deb-src entry as a rule, and is left alone.
fetch_source() {  # source package, folder below build/source
  local package=$1 folder=build/source/$2 apt=$PWD/build/source/apt codename line
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  line=$(apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" 'Identifier: Packages' \
    'Origin: Debian' "Codename: $codename" 'Component: main' | head -n 1)
  [ -n "$line" ] || die "apt knows no Debian mirror" "run apt-get update"
  mkdir -p "$apt/lists/partial"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $line" >"$apt/sources.list"
  local options=(-q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$apt/lists" -o APT::Sandbox::User=)
  apt-get "${options[@]}" update
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  (cd "$folder.new" && apt-get "${options[@]}" source "$package")
  mv "$folder.new/$package"-*/ "$folder"
  rm -rf "$folder.new"
}

unpack_source() {  # mbedtls
  if [ -d "build/source/$1" ]; then
    step_ok "$1" "source is here"
    return
  fi
  mkdir -p build/logs
  run_step "$1" "Debian's source package" "build/logs/$1-source.log" fetch_source "$1" "$1"
}

build_preset() {  # preset [target...]
  local preset=$1
  shift
  # Paths relative to the checkout let ccache serve every clone.
  export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD
  mkdir -p build/logs
  run_step "$preset" "configure" "build/logs/$preset-configure.log" cmake --preset "$preset"
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  run_ninja "$preset" built "build/logs/$preset-build.log" \
    cmake --build "build/$preset" -j "${PEDIGREE_JOBS:-$(nproc)}" "${targets[@]}"
}

case ${1:-} in
  packages) install_packages "$2" ;;
  source) unpack_source "$2" ;;
  build) build_preset "${@:2}" ;;
  *)
    sed -n '3,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
