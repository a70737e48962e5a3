# SPDX-License-Identifier: Apache-2.0
"""What the linker placed where, from its map; and tables of sizes in a Markdown file."""
import collections
import re

SECTION = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.+))?$")
OUTPUT = re.compile(r"^(\.\S+)(?:\s+0x[0-9a-f]+\s+0x([0-9a-f]+))?")
CODE = (".text", ".rodata", ".ARM.exidx", ".ARM.extab", ".init_array")
TOLERANCE = 64  # octets that a part may grow without a new table


def read_map(text, part_of):
    """{part: [code, ram]} by the path of each object; constants count as code, initial values as both."""
    sizes = collections.defaultdict(lambda: [0, 0])
    lines = text.split("Linker script and memory map", 1)[1].splitlines()
    output = name = None
    for line in lines:
        start = OUTPUT.match(line)
        if start:
            output = start[1]
        if re.match(r"^ \S+$", line):  # a long section name; the rest follows on the next line
            name = line
            continue
        entry = SECTION.match((name or "") + line if name else line)
        name = None
        if not entry or not entry[4]:
            continue
        size = int(entry[3], 16)
        sizes_of = sizes[part_of(entry[4])]
        if output in CODE:
            sizes_of[0] += size
        elif output == ".data":
            sizes_of[0] += size
            sizes_of[1] += size
        elif output == ".bss":
            sizes_of[1] += size
    return sizes


def section_size(text, name):
    """Octets of an output section."""
    for line in text.split("Linker script and memory map", 1)[1].splitlines():
        start = OUTPUT.match(line)
        if start and start[1] == name and start[2]:
            return int(start[2], 16)
    return 0


def render(title, rows):
    lines = [f"| {title} | code | RAM |", "| --- | ---: | ---: |"]
    return "\n".join(lines + [f"| {part} | {code} | {ram} |" for part, (code, ram) in rows.items()])


def committed_rows(text):
    """The rows of all such tables; their names differ."""
    found = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \|$", text, re.M)
    return {part: (int(code), int(ram)) for part, code, ram in found}


def growth_of(rows, old):
    for part, values in rows.items():
        for what, value, before in zip(("code", "RAM"), values, old.get(part, (0, 0))):
            if value > before + TOLERANCE:
                yield f"{part}: {what} has grown from {before} to {value} octets"
