#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flash, RAM and stack of the secure service on a Cortex-M33, by part, from the linked size image; and of the
reference firmware's secure image.

Reads the link maps and the call graphs of the presets firmware and mps2 and compares with docs/size.md: a part that has
grown by more than the tolerance, or a total above its limit, fails. `--update` writes the table into that file,
which is then committed together with the change that made it."""
import pathlib
import re
import sys

import call_graph
import link_map
import size_mps2

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "firmware"
TABLE = ROOT / "docs" / "size.md"
CODE_LIMIT = 24 * 1024
ATTEST_LIMIT = CODE_LIMIT + 3584
RAM_LIMIT = 4 * 1024
BEGIN, END = "<!-- tools/size_table.py --update -->", "<!-- end -->"
BEGIN_MPS2 = "<!-- tools/size_table.py --update: mps2 -->"

# In the order of the table.
PARTS = [f"core/{name}" for name in "bytes crypto der x509 csr cbor cose smp enrol evidence grant".split()] + ["device/service"]
PORT = "smallest port, with the service's memory"
TOTAL = "**total**"
WHOLE = "**optimised as a whole (`-flto`)**"
ATTEST = "**the same, with attestation**"
OUTSIDE = ["crypto/psa", "memcpy, memmove, memset, memcmp"]
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


def total_of(sizes):
    inside = [size for part, size in sizes.items() if part not in OUTSIDE]
    return tuple(map(sum, zip(*inside)))


def rows_of(parts, whole, attest):
    rows = {part: tuple(parts.get(part, (0, 0))) for part in PARTS + [PORT]}
    rows[TOTAL] = total_of(parts)
    rows[WHOLE] = total_of(whole)
    rows[ATTEST] = total_of(attest)
    rows.update((f"{part} (outside)", tuple(parts.get(part, (0, 0)))) for part in OUTSIDE)
    return rows


def faults_of(rows, stack, mps2, ratio, text):
    yield from link_map.growth_of(rows | mps2, link_map.committed_rows(text))
    found = re.search(r"Deepest stack of a call: (\d+)", text)
    old_stack = int(found[1]) if found else 0
    if stack > old_stack + link_map.TOLERANCE:
        yield f"the deepest stack has grown from {old_stack} to {stack} octets"
    if round(ratio, 2) > size_mps2.committed_ratio(text):
        yield f"core takes {ratio:.2f} of the code of Mbed TLS's X.509, more than before"
    verification = mps2[size_mps2.BOOT_VERIFICATION][0]
    if verification > size_mps2.BOOT_LIMIT:
        yield f"verification takes {verification} octets of the boot stage, more than {size_mps2.BOOT_LIMIT}"
    if ratio > size_mps2.RATIO_LIMIT:
        yield f"core takes {ratio:.3f} of the code of Mbed TLS's X.509, more than {size_mps2.RATIO_LIMIT}"
    for row, limit in ((WHOLE, CODE_LIMIT), (ATTEST, ATTEST_LIMIT)):
        code, ram = rows[row]
        if code > limit:
            yield f"{row}: {code} octets of code, more than {limit}"
        if ram > RAM_LIMIT:
            yield f"{row}: {ram} octets of RAM, more than {RAM_LIMIT}"


def update(tables):
    text = TABLE.read_text()
    for begin, table in tables.items():
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{table}\n{END}{rest.split(END, 1)[1]}"
    TABLE.write_text(text)


def main():
    forms = ("base_fno-lto", "base_flto", "attest_flto")
    rows = rows_of(*(link_map.read_map((BUILD / f"size_image_{form}.map").read_text(), part_of) for form in forms))
    # The frames of the image that is optimised as a whole, and of what stays apart in it.
    graphs = [*BUILD.glob("attest-flto-*.ci"), *(BUILD / "crypto").rglob("*.ci")]
    stack, way, recursive = call_graph.deepest(*call_graph.read_call_graphs(sorted(graphs)), "pedigree_size_image")
    image, boot, compared = size_mps2.image_rows(), size_mps2.boot_rows(), size_mps2.compare_rows()
    tables = {BEGIN: f"{link_map.render('part', rows)}\n\nDeepest stack of a call: {stack} octets.",
              BEGIN_MPS2: size_mps2.text_of(image, boot, compared)}
    print("\n\n".join(tables.values()))
    if "--stack" in sys.argv[1:]:
        print("\n".join(["the way there:"] + [f"  {name}" for name in way]))
        print("calls itself, counted once:", ", ".join(sorted(recursive)) or "none")
    if "--update" in sys.argv[1:]:
        update(tables)
    faults = list(faults_of(rows, stack, image | boot | compared, size_mps2.ratio_of(compared), TABLE.read_text()))
    for fault in faults:
        print(f"size: {fault}", file=sys.stderr)
    if faults:
        print("If it must be so: tools/size_table.py --update, and commit docs/size.md with the change.", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
