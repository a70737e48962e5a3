#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flash, RAM and stack of the secure service on a Cortex-M33, by part, from the linked size image.

Reads the link map and the call graphs of the firmware preset and compares with docs/size.md: a part that has
grown by more than the tolerance, or a total above its limit, fails. `--update` writes the table into that file,
which is then committed together with the change that made it."""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "firmware"
TABLE = ROOT / "docs" / "size.md"
TOLERANCE = 64  # octets that a part may grow without a new table
CODE_LIMIT = 24 * 1024
RAM_LIMIT = 4 * 1024
BEGIN, END = "<!-- tools/size_table.py --update -->", "<!-- end -->"

# In the order of the table.
PARTS = [f"core/{name}" for name in "bytes crypto der x509 csr cbor cose smp enrol".split()] + ["device/service"]
PORT = "smallest port, with the service's memory"
TOTAL = "**total**"
WHOLE = "**optimised as a whole (`-flto`)**"
OUTSIDE = ["crypto/psa", "memcpy, memmove, memset, memcmp"]
SECTION = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.+))?$")
OUTPUT = re.compile(r"^(\.\S+)")


def part_of(path):
    if "size_image" in path or "ltrans" in path:
        return PORT
    for part in PARTS + OUTSIDE[:1]:
        if f"{part}/lib" in path:
            return part
    member = re.search(r"lib_a-(mem\w+?)(-stub)?\.o\)$", path)
    if member and member[1] in OUTSIDE[1]:
        return OUTSIDE[1]
    return PORT  # whatever else the compiler's library brings


def read_map(text):
    """{part: [code, ram]} of what the linker placed; constants count as code, initial values as both."""
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
        if output in (".text", ".rodata", ".ARM.exidx", ".ARM.extab", ".init_array"):
            sizes_of[0] += size
        elif output == ".data":
            sizes_of[0] += size
            sizes_of[1] += size
        elif output == ".bss":
            sizes_of[1] += size
    return sizes


def read_call_graphs(files):
    """Frames in octets and calls, by function."""
    frames, calls = {}, collections.defaultdict(set)
    for file in files:
        text = file.read_text()
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]+)"', text):
            size = re.search(r"(\d+) bytes \((\w+)", label)
            if size:
                frames[title] = int(size[1])
        for source, target in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls[source].add(target)
    return frames, calls


def deepest(frames, calls, root):
    """Octets of stack from `root` on, the way there, and functions that call themselves. Calls through the
    two interfaces (crypto, Message) may end in any of their implementations; PSA functions count nothing."""
    virtual = [name for name in frames if re.search(r"PsaCrypto|PlatformMessage", name)]
    memo, active, recursive = {}, set(), set()

    def walk(name):
        if name in memo:
            return memo[name]
        if name in active:
            recursive.add(name)
            return 0, []
        active.add(name)
        targets = virtual if name == "__indirect_call" else calls.get(name, ())
        below = max((walk(target) for target in sorted(targets)), default=(0, []))
        active.discard(name)
        memo[name] = (below[0] + frames.get(name, 0), [name] + below[1])
        return memo[name]

    size, way = walk(root)
    return size, way, recursive


def total_of(sizes):
    inside = [size for part, size in sizes.items() if part not in OUTSIDE]
    return tuple(map(sum, zip(*inside)))


def rows_of(parts, whole):
    rows = {part: tuple(parts.get(part, (0, 0))) for part in PARTS + [PORT]}
    rows[TOTAL] = total_of(parts)
    rows[WHOLE] = total_of(whole)
    rows.update((f"{part} (outside)", tuple(parts.get(part, (0, 0)))) for part in OUTSIDE)
    return rows


def render(rows, stack):
    lines = ["| part | code | RAM |", "| --- | ---: | ---: |"]
    lines += [f"| {part} | {code} | {ram} |" for part, (code, ram) in rows.items()]
    return "\n".join(lines + ["", f"Deepest stack of a call: {stack} octets."])


def committed_rows():
    if not TABLE.exists():
        return {}, 0
    text = TABLE.read_text()
    rows = {part: (int(code), int(ram)) for part, code, ram in re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \|$", text, re.M)}
    stack = re.search(r"Deepest stack of a call: (\d+)", text)
    return rows, int(stack[1]) if stack else 0


def faults_of(rows, stack):
    old, old_stack = committed_rows()
    for part, values in rows.items():
        for what, value, before in zip(("code", "RAM"), values, old.get(part, (0, 0))):
            if value > before + TOLERANCE:
                yield f"{part}: {what} has grown from {before} to {value} octets"
    if stack > old_stack + TOLERANCE:
        yield f"the deepest stack has grown from {old_stack} to {stack} octets"
    code, ram = rows[WHOLE]
    if code > CODE_LIMIT:
        yield f"the service takes {code} octets of code, more than {CODE_LIMIT}"
    if ram > RAM_LIMIT:
        yield f"the service takes {ram} octets of RAM, more than {RAM_LIMIT}"


def main():
    maps = {form: read_map((BUILD / f"size_image_{form}.map").read_text()) for form in ("fno-lto", "flto")}
    rows = rows_of(maps["fno-lto"], maps["flto"])
    # The frames of the image that is optimised as a whole, and of what stays apart in it.
    graphs = [*BUILD.glob("flto-*.ci"), *(BUILD / "crypto").rglob("*.ci")]
    stack, way, recursive = deepest(*read_call_graphs(sorted(graphs)), "pedigree_size_image")
    table = render(rows, stack)
    print(table)
    if "--stack" in sys.argv[1:]:
        print("\n".join(["the way there:"] + [f"  {name}" for name in way]))
        print("calls itself, counted once:", ", ".join(sorted(recursive)) or "none")
    if "--update" in sys.argv[1:]:
        text = TABLE.read_text()
        before, rest = text.split(BEGIN, 1)
        TABLE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END, 1)[1]}")
    faults = list(faults_of(rows, stack))
    for fault in faults:
        print(f"size: {fault}", file=sys.stderr)
    if faults:
        print("If it must be so: tools/size_table.py --update, and commit docs/size.md with the change.", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
