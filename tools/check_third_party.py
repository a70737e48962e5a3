#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails where tools/packages.txt and the tables of docs/third-party.md differ: each package stands in one row, with a
licence, and no row names a package that is not installed."""
import pathlib
import re
import sys

PACKAGES = pathlib.Path("tools/packages.txt")
TABLES = pathlib.Path("docs/third-party.md")


def installed():
    lines = PACKAGES.read_text(encoding="utf-8").splitlines()
    return [line.split()[1] for line in lines if line.strip() and not line.startswith("#")]


def rows():
    """Yields (packages, licence) of each row: | name | `package`, ... | for | licence |"""
    for line in TABLES.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and not cells[1].startswith("source package"):
            yield re.findall(r"`([^`]+)`", cells[1]), cells[3]


def main():
    faults, named = [], []
    for packages, licence in rows():
        named += packages
        faults += [f"{TABLES}: {package} has no licence" for package in packages if not licence]
    wanted = installed()
    faults += [f"{PACKAGES}: {package} occurs twice" for package in sorted(set(wanted)) if wanted.count(package) > 1]
    faults += [f"{TABLES}: {package} of {PACKAGES} is missing" for package in wanted if package not in named]
    faults += [f"{TABLES}: {package} is not in {PACKAGES}" for package in named if package not in wanted]
    print("\n".join(faults) or f"{len(wanted)} packages are named with their licences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
