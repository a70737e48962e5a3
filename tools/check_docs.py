#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on an undocumented public symbol in a header of core, of the crypto back ends or of the device.

A header is read in blocks (runs of lines without a blank one); inside a class, only its public part. A block that
declares a function, type or constant must hold a comment: before the declaration, or behind it as ///<.
"""
import pathlib
import re
import subprocess
import sys

FOLDERS = ("core/*.h", "crypto/*.h", "device/*.h")
# The PSA specifications' own interfaces, as a platform declares them, and what stands in for others' headers.
FOREIGN = re.compile(r"/psa/[a-z_]+\.h$|/stub_headers/")
DECLARATION = re.compile(r"^\s*(template|class|struct|enum|inline constexpr|void|static|using)\b.*[({;=]|^\s*\[\[nodiscard\]\]|"
                         r"^(typedef struct|psa_status_t)\b")
SELF_EVIDENT = re.compile(r"^\s*(class|struct)\s+\w+;|operator|= delete|= default|^\s*(explicit )?~?\w+\(.*\)( noexcept)?( override)?;|override;|override \{$|friend |\{ return [^;]*; \}$")


def public_lines(text):
    """Yields (number, line) outside private sections."""
    hidden_indent = None
    for number, line in enumerate(text.splitlines(), 1):
        section = re.match(r"^(\s*)(public|private|protected):", line)
        if section:
            hidden_indent = None if section.group(2) == "public" else len(section.group(1))
            continue
        if hidden_indent is not None and re.match(r"^\s{0,%d}\};" % max(hidden_indent - 1, 0), line):
            hidden_indent = None
        if hidden_indent is None:
            yield number, line


def faults_in(path):
    faults, block, commented = [], [], False
    lines = list(public_lines(path.read_text(encoding="utf-8"))) + [(0, "")]
    for number, line in lines:
        if line.strip() == "":
            if block and not commented:
                faults.append(f"{path}:{block[0][0]}: undocumented: {block[0][1].strip()[:80]}")
            block, commented = [], False
            continue
        if "//" in line or line.lstrip().startswith(("/*", "*")):
            commented = True
        elif DECLARATION.search(line) and not SELF_EVIDENT.search(line) and not line.startswith("#"):
            block.append((number, line))
    return faults


def main():
    names = subprocess.run(["git", "ls-files", *FOLDERS], check=True, capture_output=True, text=True).stdout.split()
    names = [name for name in names if not FOREIGN.search(name)]
    faults = [fault for name in names for fault in faults_in(pathlib.Path(name))]
    print("\n".join(faults) or f"the public symbols of {len(names)} headers are documented")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
