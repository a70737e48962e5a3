#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds pedigree.deb from a build folder that has the program, and looks into it: what is there, with which
# rights, what it depends on, that the program runs, and that systemd takes the unit and finds it narrow.
set -euo pipefail
build=$(cd "$1" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "package_test: $*" >&2
  exit 1
}

(cd "$folder" && cpack -G DEB --config "$build/CPackConfig.cmake" -B "$folder" >"$folder/log" 2>&1) ||
  { cat "$folder/log" >&2; fail "cpack"; }
package=$folder/pedigree.deb
content=$(dpkg-deb --contents "$package")
has() { grep -qE -- "$1" <<<"$content" || fail "not in the package: $1"; }
has '^-rwxr-xr-x root/root .* \./usr/bin/pedigree$'
has '^-rw-r--r-- root/root .* \./(usr/)?lib/systemd/system/pedigree-authority\.service$'
has '^-rw-r--r-- root/root .* \./etc/default/pedigree-authority$'
has ' \./usr/share/man/man1/pedigree-authority-serve\.1$'
has ' \./usr/share/bash-completion/completions/pedigree$'
has ' \./usr/share/zsh/vendor-completions/_pedigree$'
has ' \./usr/share/fish/vendor_completions\.d/pedigree\.fish$'
has ' \./usr/share/doc/pedigree/copyright$'
has ' \./usr/share/doc/pedigree/docs/scale\.md$'
! grep -qE '^.{8}w|^...s|^......s' <<<"$content" || fail "a file that others may write, or set-id"
! grep -qvE '^\S+ root/root ' <<<"$content" || fail "a file that is not root's"

dpkg-deb --control "$package" "$folder/control"
[ "$(dpkg-deb --field "$package" Package)" = pedigree ] || fail "its name"
depends=$(dpkg-deb --field "$package" Depends)
for library in libpq5 libsqlite3-0 libssl3 adduser; do
  [[ $depends == *"$library"* ]] || fail "does not depend on $library: $depends"
done
[ "$(cat "$folder/control/conffiles")" = /etc/default/pedigree-authority ] || fail "conffiles"
for script in postinst prerm postrm; do
  [ -x "$folder/control/$script" ] || fail "$script does not run"
  sh -n "$folder/control/$script"
done

root=$folder/root
dpkg-deb --extract "$package" "$root"
"$root/usr/bin/pedigree" --version >/dev/null || fail "the program does not run"
"$root/usr/bin/pedigree" authority init --help >/dev/null
unit=$(find "$root" -name pedigree-authority.service)
# What ExecStart names must be an option of the program.
help=$("$root/usr/bin/pedigree" --help && "$root/usr/bin/pedigree" authority serve --help)
while read -r option; do
  grep -q -- "$option" <<<"$help" || fail "ExecStart: $option"
done < <(grep '^ExecStart=' "$unit" | grep -oE -- ' --[a-z-]+')
if command -v systemd-analyze >/dev/null; then
  # Beside this root there is no systemd: only what is said of our unit counts.
  said=$(systemd-analyze verify --man=no --recursive-errors=no --root="$root" "$(basename "$unit")" 2>&1 |
    grep -F pedigree-authority || true)
  [ -z "$said" ] || fail "systemd-analyze verify: $said"
  # 0 is narrowest, 100 is no restriction at all.
  systemd-analyze security --offline=true --threshold=15 --no-pager "$unit" >"$folder/security" ||
    { tail -3 "$folder/security" >&2; fail "systemd-analyze security"; }
  tail -1 "$folder/security"
else
  echo "skipped: no systemd-analyze"
fi
echo "pedigree.deb: $(stat -c %s "$package") octets, $(wc -l <<<"$content") entries"
