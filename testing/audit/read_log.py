#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads an authority's audit log with nothing of ours: SQLite, CBOR, SHA-256 and Ed25519 from other libraries.

usage: read_log.py DATABASE VKEY CHECKPOINT [PROOF]

Prints the number of events and the root of those that the checkpoint covers; ends with 1 and the reason where the
signature, the root, or the proof does not hold. Written from docs/formats.md, RFC 9162 and the C2SP specifications.
"""
import base64
import hashlib
import sqlite3
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

COLUMNS = "at, who, place, device, old_state, new_state, why, serial, digest"


def leaf(row):
    at, who, place, device, old, new, why, serial, digest, what = row
    entry = {1: what, 2: at, 3: who, 4: place, 5: device or None, 6: old, 7: new, 8: why, 9: serial, 10: digest}
    return hashlib.sha256(b"\0" + cbor2.dumps({key: value for key, value in entry.items() if value is not None})).digest()


def tree(hashes):
    """MTH of RFC 9162 2.1.1."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + tree(hashes[:split]) + tree(hashes[split:])).digest()


def open_note(vkey, note):
    """The text of a note that the key signed."""
    name, identifier, key = vkey.strip().split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == identifier, "key"
    text, signatures = note.rsplit("\n\n", 1)
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if dash == "\u2014" and signer == name and signature[:4].hex() == identifier:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], (text + "\n").encode())
            return text
    raise AssertionError("the key has not signed")


def inclusion(leaf_hash, index, size, path):
    """Root of RFC 9162 2.1.3.2."""
    last, node = size - 1, leaf_hash
    for sibling in path:
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    assert last == 0, "path"
    return node


def main():
    database, vkey, checkpoint = sys.argv[1:4]
    vkey = open(vkey, encoding="ascii").read()
    rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True).execute(f"SELECT {COLUMNS}, what FROM event ORDER BY number")
    leaves = [leaf(row) for row in rows]
    origin, size, root = open_note(vkey, open(checkpoint, encoding="utf-8").read()).split("\n")
    assert origin == vkey.split("+")[0], "origin"
    assert tree(leaves[:int(size)]) == base64.b64decode(root), "root"
    if len(sys.argv) > 4:
        head, note = open(sys.argv[4], encoding="utf-8").read().split("\n\n", 1)
        kind, extra, index, *path = head.split("\n")
        assert kind == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index.startswith("index "), "proof"
        entry = base64.b64decode(extra[6:])
        _, covered, proven = open_note(vkey, note).split("\n")
        path = [base64.b64decode(line) for line in path]
        node = inclusion(hashlib.sha256(b"\0" + entry).digest(), int(index[6:]), int(covered), path)
        assert node == base64.b64decode(proven), "inclusion"
        assert hashlib.sha256(b"\0" + entry).digest() == leaves[int(index[6:])], "entry"
    print(len(leaves), root)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"does not hold: {error}")
