# SPDX-License-Identifier: Apache-2.0
"""The reference firmware's secure image by part; and core beside Mbed TLS's X.509 (device/ports/mps2/compare)."""
import pathlib
import re

import link_map

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build" / "mps2"
PSA = "PSA Crypto (Mbed TLS)"
CORE = "core, all of it"
SERVICE = "the service"
ADAPTER = "crypto/psa, core's adapter to it"
UPDATE = "firmware update: slots, state, lists"
SHIM = "shim: gateways, border, storage, entropy, start-up"
LIBRARY = "the C library"
STACK = "stack, reserved"
RATIO_LIMIT = 0.6
TOTAL = "**secure image**"
OURS = "core and its adapter, without name constraints"
CONSTRAINED = "the same with name constraints"
THEIRS = "Mbed TLS's X.509"
BOOT_CRYPTO = "SHA-256 and P-256 (Mbed TLS), and their adapter"
BOOT_VERIFICATION = "verification: image, chain, limits, revoked signers"
BOOT_REST = "slots and their state, log, start-up"
BOOT_STACK = "stack of the boot stage, reserved"
BOOT_TOTAL = "**boot stage**"
BOOT_LIMIT = 6144  # octets of verification
# (what is in an object's path, part); the first that fits.
PARTS = [("libpedigree_mps2_mbedtls", PSA), ("/libpedigree_core_", CORE), ("libpedigree_device_service", SERVICE),
         ("libpedigree_device_update", UPDATE),
         ("libpedigree_crypto_psa", ADAPTER), ("secure.dir/", SHIM), ("libpedigree_mps2_", SHIM)]


def part_of(path):
    return next((part for mark, part in PARTS if mark in "/" + path), LIBRARY)


def image_rows():
    text = (BUILD / "secure.map").read_text()
    sizes = link_map.read_map(text, part_of)
    rows = {part: tuple(sizes.get(part, (0, 0))) for part in (PSA, CORE, SERVICE, UPDATE, ADAPTER, SHIM, LIBRARY)}
    rows[STACK] = (0, link_map.section_size(text, ".stack"))
    rows[TOTAL] = tuple(map(sum, zip(*rows.values())))
    return rows


def compare_rows():
    """Code for the two jobs: the difference to an image with the crypto library alone."""
    def size(name):
        sizes = link_map.read_map((BUILD / f"compare_{name}.map").read_text(), lambda path: "")
        return tuple(sizes[""])
    base = size("base")
    return {name: tuple(value - less for value, less in zip(size(image), base)) for name, image in
            ((OURS, "ours"), (CONSTRAINED, "constrained"), (THEIRS, "theirs"))}


def boot_rows():
    """By difference: the parts are optimised as a whole, and each other's."""
    def size(name):
        text = (BUILD / f"{name}.map").read_text()
        data = link_map.section_size(text, ".data")
        return (link_map.section_size(text, ".text") + data, data + link_map.section_size(text, ".bss"))
    whole, unverified, bare = map(size, ("boot", "compare_boot_unverified", "compare_boot_bare"))
    stack = link_map.section_size((BUILD / "boot.map").read_text(), ".stack")
    def less(first, second):
        return tuple(a - b for a, b in zip(first, second))
    return {BOOT_CRYPTO: less(unverified, bare), BOOT_VERIFICATION: less(whole, unverified), BOOT_REST: bare,
            BOOT_STACK: (0, stack), BOOT_TOTAL: (whole[0], whole[1] + stack)}


def ratio_of(rows, ours=OURS):
    return rows[ours][0] / rows[THEIRS][0]


def text_of(image, boot, compared):
    ratio = f"Ratio of code: {ratio_of(compared):.2f}, and {ratio_of(compared, CONSTRAINED):.2f} with name constraints."
    return "\n\n".join([link_map.render("part of the secure image", image),
                        link_map.render("part of the boot stage", boot),
                        link_map.render("a request written, a chain parsed and validated", compared), ratio])


def committed_ratio(text):
    found = re.search(r"Ratio of code: ([0-9.]+),", text)
    return float(found[1]) if found else 0.0
