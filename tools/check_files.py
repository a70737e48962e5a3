#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on a source file without its licence line, or longer than a reader takes in."""
import pathlib
import subprocess
import sys

LIMIT = 450
SOURCES = {".cc", ".h", ".c", ".py", ".sh", ".cmake"}


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True).stdout
    return [pathlib.Path(name.decode()) for name in out.split(b"\0") if name]


def main():
    faults = []
    for path in tracked():
        if "corpus" in path.parts or not path.is_file():
            continue
        head = path.read_bytes()[:200]
        script = head.startswith(b"#!")
        if path.suffix not in SOURCES and path.name != "CMakeLists.txt" and not script:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:4]):
            faults.append(f"{path}: no SPDX line among the first four")
        if path.suffix in {".cc", ".h", ".c"} and len(lines) > LIMIT:
            faults.append(f"{path}: {len(lines)} lines, more than {LIMIT}; split it")
    print("\n".join(faults) or "every source file has its licence line and fits the limit")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
