#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of mcumgr's image group that knows nothing of Pedigree: SMP version 2, Zephyr's field names, and, as Python's
smpclient does, no patience with any other field.

smp_client.py udp HOST PORT | serial PATH   then   state | upload FILE | test HASH | confirm | erase | reset
Prints one line of JSON for each command."""
import base64
import hashlib
import json
import os
import select
import socket
import struct
import sys
import termios
import tty

import cbor2

READ, WRITE = 0, 2
OS, IMAGE = 0, 1
STATE_FIELDS = {"image", "slot", "version", "hash", "bootable", "pending", "confirmed", "active", "permanent"}
PATIENCE = 60


class Udp:
    def __init__(self, host, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((host, int(port)))

    def exchange(self, packet):
        self.socket.send(packet)
        return self.socket.recv(4096)


def crc16(data):
    crc = 0
    for octet in data:
        crc ^= octet << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


class Serial:
    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.file, termios.TCSANOW)
        self.pending = b""

    def line(self):
        while b"\n" not in self.pending:
            if not select.select([self.file], [], [], PATIENCE)[0]:
                raise TimeoutError("no line")
            self.pending += os.read(self.file, 4096)
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r")

    def exchange(self, packet):
        body = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", crc16(packet))
        for at in range(0, len(body), 93):
            mark = b"\x06\x09" if at == 0 else b"\x04\x14"
            os.write(self.file, mark + base64.b64encode(body[at:at + 93]) + b"\n")
        while not (line := self.line()).startswith(b"\x06\x09"):
            pass
        body = base64.b64decode(line[2:])
        while len(body) < struct.unpack(">H", body[:2])[0] + 2:
            line = self.line()
            assert line.startswith(b"\x04\x14"), line
            body += base64.b64decode(line[2:])
        packet, crc = body[2:-2], struct.unpack(">H", body[-2:])[0]
        assert crc16(packet) == crc
        return packet


class Client:
    def __init__(self, line):
        self.line = line
        self.sequence = 0

    def call(self, operation, group, command, request, fields):
        payload = cbor2.dumps(request)
        self.sequence = (self.sequence + 1) % 256
        head = struct.pack(">BBHHBB", 1 << 3 | operation, 0, len(payload), group, self.sequence, command)
        answer = self.line.exchange(head + payload)
        op, _, length, got_group, sequence, got_command = struct.unpack(">BBHHBB", answer[:8])
        assert (op, got_group, sequence, got_command) == (1 << 3 | operation + 1, group, self.sequence, command)
        assert length == len(answer) - 8
        body = cbor2.loads(answer[8:])
        if "err" in body:
            assert set(body) == {"err"} and set(body["err"]) == {"group", "rc"}, body
            return {"group": body["err"]["group"], "rc": body["err"]["rc"]}
        if "rc" in body and body["rc"] != 0:
            assert set(body) == {"rc"}, body
            return {"rc": body["rc"]}
        assert set(body) <= fields, body
        return body

    def images(self, body):
        for image in body.get("images", []):
            assert set(image) <= STATE_FIELDS, image
            image["hash"] = image["hash"].hex()
        return body

    def state(self):
        return self.images(self.call(READ, IMAGE, 0, {}, {"images", "splitStatus"}))

    def mark(self, request):
        return self.images(self.call(WRITE, IMAGE, 0, request, {"images", "splitStatus"}))

    def upload(self, name):
        with open(name, "rb") as file:
            data = file.read()
        size = self.call(READ, OS, 6, {}, {"buf_size", "buf_count"})["buf_size"] - 8 - 80
        offset = 0
        while offset < len(data):
            request = {"off": offset, "data": data[offset:offset + size]}
            if offset == 0:
                request |= {"image": 0, "len": len(data), "sha": hashlib.sha256(data).digest()}
            body = self.call(WRITE, IMAGE, 1, request, {"off", "match"})
            if "off" not in body:
                return body
            assert body["off"] > offset, body
            offset = body["off"]
        return body


def main():
    words = sys.argv[1:]
    line = Udp(*words[1:3]) if words[0] == "udp" else Serial(words[1])
    words = words[3 if words[0] == "udp" else 2:]
    client = Client(line)
    while words:
        command = words.pop(0)
        if command == "state":
            answer = client.state()
        elif command == "upload":
            answer = client.upload(words.pop(0))
        elif command == "test":
            answer = client.mark({"hash": bytes.fromhex(words.pop(0))})
        elif command == "confirm":
            answer = client.mark({"confirm": True})
        elif command == "erase":
            answer = client.call(WRITE, IMAGE, 5, {}, set())
        else:
            answer = client.call(WRITE, OS, 5, {}, set())
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
