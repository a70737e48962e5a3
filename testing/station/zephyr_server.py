#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of mcumgr's image group as Zephyr's is: no group of Pedigree's, nothing but Zephyr's fields, unknown ones passed over.

zephyr_server.py VERSION LOSSES: speaks this SMP version (1 or 2), loses every n-th request (0: none), prints its UDP port.
Slot 0 runs 1.0.0; slot 1 takes uploads."""
import hashlib
import socket
import struct
import sys

import cbor2

VERSION, LOSSES = int(sys.argv[1]), int(sys.argv[2])
RUNNING_HASH = bytes([7]) * 32


class Slots:
    def __init__(self):
        self.upload = None
        self.image = None
        self.pending = self.confirmed = False

    @staticmethod
    def hash_of(image):
        """Of the SHA256 TLV: the first of the unprotected area, as signers write it."""
        header, protected, size = struct.unpack_from("<HHI", image, 8)
        return image[header + size + protected + 8:][:32]

    def state(self):
        images = [{"slot": 0, "version": "1.0.0", "hash": RUNNING_HASH, "bootable": True, "pending": False,
                   "confirmed": True, "active": True, "permanent": False}]
        if self.image is not None:
            version = "%u.%u.%u" % struct.unpack_from("<BBH", self.image, 20)
            images.append({"slot": 1, "version": version, "hash": self.hash_of(self.image), "bootable": True,
                           "pending": self.pending, "confirmed": self.confirmed, "active": False, "permanent": False})
        return {"images": images, "splitStatus": 0}

    def write_state(self, request):
        digest = request.get("hash", b"")
        if request.get("confirm") and not digest:
            return self.state()
        if self.image is None or digest != self.hash_of(self.image):
            return 8
        self.pending = True
        return self.state()

    def take(self, request):
        if request["off"] == 0:
            key = (request["len"], request.get("sha"))
            if self.upload is None or self.upload[0] != key:
                self.upload = (key, b"")
                self.image = None
            elif self.upload[1]:
                return {"off": len(self.upload[1])}
        if self.upload is None or request["off"] != len(self.upload[1]):
            return {"off": 0 if self.upload is None else len(self.upload[1])}
        (size, sha), data = self.upload
        data += request["data"]
        self.upload = ((size, sha), data)
        if len(data) < size:
            return {"off": len(data)}
        self.image, self.upload = data, None
        return {"off": size, "match": hashlib.sha256(data).digest() == sha}

    def erase(self):
        self.image = self.upload = None
        return {}


def answer(slots, operation, group, command, request):
    if (group, command) == (0, 6):
        return {"buf_size": 512, "buf_count": 3}
    if group != 1:
        return {"rc": 8}
    if command == 0:
        return slots.state() if operation == 0 else slots.write_state(request)
    if command == 1:
        return slots.take(request)
    return slots.erase() if command == 5 else {"rc": 8}


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    slots, count = Slots(), 0
    while True:
        packet, peer = server.recvfrom(4096)
        count += 1
        if LOSSES and count % LOSSES == 0:
            continue
        first, flags, _, group, sequence, command = struct.unpack(">BBHHBB", packet[:8])
        version, operation = first >> 3, first & 7
        if VERSION == 1 and version == 1:
            body = {"rc": 13}
        else:
            body = answer(slots, operation, group, command, cbor2.loads(packet[8:]))
        if isinstance(body, int):
            body = {"err": {"group": group, "rc": body}} if version == 1 else {"rc": 5}
        payload = cbor2.dumps(body)
        head = struct.pack(">BBHHBB", version << 3 | operation + 1, flags, len(payload), group, sequence, command)
        server.sendto(head + payload, peer)


if __name__ == "__main__":
    main()
