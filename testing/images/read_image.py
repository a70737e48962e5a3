#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent reading of firmware images, after docs/formats.md and MCUboot's rules: other parsers, other
cryptography, another language than core's.

usage: read_image.py ROOT.der UNIX-TIME [-v] < images

Standard input is images, each after its length (4 octets, little-endian). For each one character is printed: 1 where
the image is accepted below that root, with its own statement and all that it says of its parents, else 0; with -v a line
with the reason.
"""
import calendar
import collections
import functools
import hashlib
import struct
import sys
import time as clock

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

KEYHASH, PUBKEY, SIG_PURE, SEC_CNT, VID, CID = 0x01, 0x02, 0x25, 0x50, 0x74, 0x75
CHAIN, LINEAGE, STATEMENT = 0x50A0, 0x50A1, 0x50A2
UNPROTECTED = {0x01, 0x02, 0x10, 0x11, 0x12, *range(0x20, 0x26), *range(0x30, 0x35)}
# Content octets of object identifiers: FirmwareLimits (docs/formats.md), and those of RFC 5280.
LIMITS = bytes.fromhex("2a864886f71401be40937a9466b36982e41081844282cb49b68613cd2601")
BASIC_CONSTRAINTS, KEY_USAGE, EXT_KEY_USAGE = (bytes.fromhex(o) for o in ("551d13", "551d0f", "551d25"))
CODE_SIGNING = bytes.fromhex("2b06010505070303")
ECDSA_HASHES = {bytes.fromhex("2a8648ce3d040302"): hashes.SHA256(), bytes.fromhex("2a8648ce3d040303"): hashes.SHA384()}
RSA_HASHES = {bytes.fromhex("2a864886f70d01010b"): hashes.SHA256(), bytes.fromhex("2a864886f70d01010c"): hashes.SHA384()}
CONTEXT = b"Pedigree firmware statement"


class Refused(Exception):
    pass


def require(condition, why):
    if not condition:
        raise Refused(why)


def one_item(octets):
    """A CBOR item that fills `octets` in its one permitted form."""
    try:
        item = cbor2.loads(octets)
        again = cbor2.dumps(item)
    except Exception as error:  # noqa: BLE001 - whatever the library says, it is malformed
        raise Refused("CBOR") from error
    require(again == octets, "CBOR in another form")
    return item


# ---- certificates ----

Certificate = collections.namedtuple("Certificate", "tbs issuer not_before not_after subject spki extensions algorithm signature")


def der_element(octets):
    """Tag, content, the whole element, and what follows; lengths below 65,536 in their shortest form."""
    require(len(octets) >= 2, "DER")
    length, at = octets[1], 2
    if length == 0x81:
        require(len(octets) >= 3 and octets[2] >= 0x80, "DER")
        length, at = octets[2], 3
    elif length == 0x82:
        require(len(octets) >= 4 and octets[2] > 0, "DER")
        length, at = octets[2] << 8 | octets[3], 4
    else:
        require(length < 0x80, "DER")
    require(len(octets) >= at + length, "DER")
    return octets[0], octets[at:at + length], octets[:at + length], octets[at + length:]


def elements(octets):
    found = []
    while octets:
        tag, content, whole, octets = der_element(octets)
        found.append((tag, content, whole))
    return found


def moment(tag, text):
    try:
        text = text.decode("ascii")
        if tag == 0x17:
            text = ("20" if text[:2] < "50" else "19") + text
        return calendar.timegm(clock.strptime(text, "%Y%m%d%H%M%SZ"))
    except ValueError as error:
        raise Refused("time") from error


@functools.lru_cache(maxsize=4096)
def certificate(der):
    (outer, content, _), = elements(der)[:1] or [(0, b"", b"")]
    require(outer == 0x30 and len(elements(der)) == 1, "certificate")
    (tbs_tag, tbs, tbs_whole), (_, _, algorithm), (bits, signature, _) = elements(content)
    require(tbs_tag == 0x30 and bits == 0x03 and signature[:1] == b"\0", "certificate")
    version, _, inner, issuer, validity, subject, spki, extensions = elements(tbs)
    require(version[0] == 0xA0 and extensions[0] == 0xA3 and inner[2] == algorithm, "certificate")
    begin, end = elements(validity[1])
    found = {}
    (_, listed, _), = elements(extensions[1])
    for _, one, _ in elements(listed):
        parts = elements(one)
        require(parts[0][1] not in found and parts[-1][0] == 0x04, "extension")
        found[parts[0][1]] = (len(parts) == 3, parts[-1][1])
    return Certificate(tbs_whole, issuer[2], moment(*begin[:2]), moment(*end[:2]), subject[2], spki[2], found,
                       elements(elements(algorithm)[0][1])[0][1], signature[1:])


@functools.lru_cache(maxsize=4096)
def load_key(spki):
    try:
        return load_der_public_key(spki)
    except Exception as error:  # noqa: BLE001
        raise Refused("key") from error


@functools.lru_cache(maxsize=4096)
def signed_by(der, issuer_spki):
    """Whether the certificate is signed by this key."""
    parsed, key = certificate(der), load_key(issuer_spki)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(parsed.signature, parsed.tbs, ec.ECDSA(ECDSA_HASHES[parsed.algorithm]))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(parsed.signature, parsed.tbs, padding.PKCS1v15(), RSA_HASHES[parsed.algorithm])
        else:
            require(parsed.algorithm == bytes.fromhex("2b6570"), "algorithm")
            key.verify(parsed.signature, parsed.tbs)
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def code_signing_only(parsed):
    return EXT_KEY_USAGE in parsed.extensions and [
        (tag, oid) for tag, oid, _ in elements(elements(parsed.extensions[EXT_KEY_USAGE][1])[0][1])
    ] == [(0x06, CODE_SIGNING)]


@functools.lru_cache(maxsize=256)
def limits_of(der):
    if LIMITS not in certificate(der).extensions:
        return None
    (outer, listed, _), = elements(certificate(der).extensions[LIMITS][1])
    require(outer == 0x30, "limits")
    limits = {}
    last = -1
    for tag, content, _ in elements(listed):
        number = tag & 0x1F
        require(number > last and tag in (0xA0, 0xA1, 0x82, 0x83), "limits")
        last = number
        if tag in (0xA0, 0xA1):
            ids = elements(content)
            require(ids and all(inner == 0x04 and len(one) == 16 for inner, one, _ in ids), "limits")
            limits[number] = [one for _, one, _ in ids]
        else:
            require(len(content) == 8, "limits")
            limits[number] = struct.unpack(">BBHI", content)
    return limits


def check_limits(limits, version, vendor, class_id):
    require(0 not in limits or vendor in limits[0], "vendor")
    require(1 not in limits or class_id in limits[1], "class")
    require(2 not in limits or version >= limits[2], "version below")
    require(3 not in limits or version <= limits[3], "version above")


def check_certificate(parsed, is_ca, path_below):
    known = (BASIC_CONSTRAINTS, KEY_USAGE, EXT_KEY_USAGE)
    require(all(not critical or oid in known for oid, (critical, _) in parsed.extensions.items()), "critical extension")
    constraints = [] if BASIC_CONSTRAINTS not in parsed.extensions else elements(
        elements(parsed.extensions[BASIC_CONSTRAINTS][1])[0][1])
    states_ca = constraints[:1] == [(0x01, b"\xff", b"\x01\x01\xff")]
    usage = 0xFF if KEY_USAGE not in parsed.extensions else elements(parsed.extensions[KEY_USAGE][1])[0][1][1]
    require(states_ca == is_ca, "CA")
    if is_ca:
        limit = int.from_bytes(constraints[1][1], "big") if len(constraints) > 1 else None
        require(limit is None or path_below <= limit, "path length")
    require(usage & (0x04 if is_ca else 0x80), "keyUsage")


def trust(chain, root, time, product):
    """The leaf's key, where the chain may sign this product below the root."""
    require(2 <= len(chain) <= 8, "chain length")
    certificates = [certificate(der) for der in chain]
    for index, parsed in enumerate(certificates):
        require(parsed.not_before <= time <= parsed.not_after, "validity")
        check_certificate(parsed, index > 0, index - 1)
        above = certificates[index + 1] if index + 1 < len(chain) else root
        require(parsed.issuer == above.subject, "issuer's name")
        require(signed_by(chain[index], above.spki), "certificate's signature")
        if index <= 1:
            require(code_signing_only(parsed), "purpose")
        if index >= 1:
            limits = limits_of(chain[index])
            require(limits is not None or index > 1, "no limits")
            if limits is not None:
                check_limits(limits, *product)
    require(root.not_before <= time <= root.not_after, "root's validity")
    return load_key(certificates[0].spki)


# ---- signatures ----

def image_hash(key, has512, has256, is_pure):
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1":
        return hashlib.sha384, hashes.SHA384(), 0x11
    if isinstance(key, ed25519.Ed25519PublicKey) and (is_pure or (has512 and not has256)):
        return hashlib.sha512, hashes.SHA512(), 0x12
    return hashlib.sha256, hashes.SHA256(), 0x10


def signature_type(key):
    if isinstance(key, ec.EllipticCurvePublicKey):
        return 0x22
    if isinstance(key, ed25519.Ed25519PublicKey):
        return 0x24
    return {2048: 0x20, 3072: 0x23}.get(key.key_size)


def check_signature(key, hash_object, digest, signature, whole):
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hash_object)))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, digest if whole is None else whole)
        else:
            key.verify(signature, digest, padding.PSS(padding.MGF1(hash_object), hash_object.digest_size),
                       utils.Prehashed(hash_object))
    except (InvalidSignature, ValueError) as error:
        raise Refused("signature") from error


def encoded_key(key):
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# ---- statements ----

def check_text(value, most):
    require(isinstance(value, str) and 1 <= len(value.encode()) <= most, "name")


def read_payload(octets):
    item = one_item(octets)
    require(isinstance(item, dict) and list(item) == sorted(item) and set(item) <= {1, 2, 3, 4, 5, 6}, "keys")
    require({1, 2, 3} <= set(item), "missing")
    check_text(item[1], 64)
    version = item[2]
    require(isinstance(version, list) and len(version) == 4 and all(type(n) is int for n in version), "version")
    require(all(0 <= n <= most for n, most in zip(version, (255, 255, 65535, 0xFFFFFFFF))), "version")
    require(isinstance(item[3], bytes) and len(item[3]) in (32, 48, 64), "digest")
    parents = item.get(4, [])
    require(4 not in item or (isinstance(parents, list) and 1 <= len(parents) <= 16), "parents")
    require(all(isinstance(p, bytes) and len(p) == 32 for p in parents), "parents")
    for key in (5, 6):
        require(key not in item or (isinstance(item[key], bytes) and len(item[key]) == 16), "id")
    return tuple(version), item[3], item.get(5), item.get(6)


@functools.lru_cache(maxsize=4096)
def check_statement(message, root_der, time):
    """Verifies a COSE_Sign1; what it states, and the signer's key."""
    require(message[:1] == b"\xd2", "tag")
    item = one_item(message[1:])
    require(isinstance(item, list) and len(item) == 4 and isinstance(item[0], bytes), "COSE")
    protected, unprotected, payload, signature = item
    require(isinstance(unprotected, dict) and isinstance(payload, bytes) and isinstance(signature, bytes), "COSE")
    algorithm = one_item(protected)
    require(isinstance(algorithm, dict) and set(algorithm) == {1} and set(unprotected) == {33}, "headers")
    chain = unprotected[33]
    chain = [chain] if isinstance(chain, bytes) else chain
    require(isinstance(chain, list) and all(isinstance(der, bytes) for der in chain), "x5chain")
    version, digest, vendor, class_id = read_payload(payload)
    key = trust(tuple(chain), certificate(root_der), time, (version, vendor, class_id))
    structure = cbor2.dumps(["Signature1", protected, CONTEXT, payload])
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            size, number, hash_object = {"secp256r1": (32, -7, hashes.SHA256()),
                                         "secp384r1": (48, -35, hashes.SHA384())}[key.curve.name]
            require(algorithm[1] == number and len(signature) == 2 * size, "algorithm")
            raw = [int.from_bytes(part, "big") for part in (signature[:size], signature[size:])]
            key.verify(utils.encode_dss_signature(*raw), structure, ec.ECDSA(hash_object))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            require(algorithm[1] == -8, "algorithm")
            key.verify(signature, structure)
        else:
            require(algorithm[1] == -37, "algorithm")
            key.verify(signature, structure, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("statement's signature") from error
    return version, digest, vendor, class_id, certificate(chain[0]).spki


# ---- images ----

def read_tlvs(image):
    """Header fields and the TLVs of both areas: (type, value, offset of the head, protected)."""
    require(len(image) >= 32, "header")
    magic, _, header_size, protected_size, size, flags, major, minor, revision, build = struct.unpack_from(
        "<IIHHIIBBHI", image)
    require(magic == 0x96F3B83D and header_size >= 32 and not flags & 0xE0C, "header")
    start = header_size + size
    hashed = start + protected_size
    require(hashed < 1 << 32, "sizes")
    areas = [(start, hashed, 0x6908)] if protected_size else []
    require(hashed + 4 <= len(image), "area")
    magic, total = struct.unpack_from("<HH", image, hashed)
    require(magic == 0x6907 and total >= 4 and hashed + total <= len(image), "area")
    areas.append((hashed, hashed + total, 0x6907))
    tlvs = []
    for begin, end, wanted in areas:
        magic, total = struct.unpack_from("<HH", image, begin)
        require(magic == wanted and total == end - begin and total >= 4, "area")
        at = begin + 4
        while at < end:
            require(at + 4 <= end, "TLV")
            kind, length = struct.unpack_from("<HH", image, at)
            require(at + 4 + length <= end, "TLV")
            tlvs.append((kind, image[at + 4:at + 4 + length], at, wanted == 0x6908))
            at += 4 + length
    return (major, minor, revision, build), hashed, tlvs


def survey(tlvs):
    """What may stand where, and how often."""
    protected = [kind for kind, _, _, inside in tlvs if inside]
    kinds = [kind for kind, _, _, _ in tlvs]
    require(all(kind in UNPROTECTED for kind, _, _, inside in tlvs if not inside), "not protected")
    for kind, size in ((CHAIN, None), (STATEMENT, None), (VID, 16), (CID, 16), (SEC_CNT, 4)):
        require(kinds.count(kind) <= 1, "twice")
        require(all(size is None or len(value) == size for k, value, _, _ in tlvs if k == kind), "size")
    require(STATEMENT not in protected or protected[-1] == STATEMENT, "statement is not last")
    require(all(value == b"\x01" for kind, value, _, _ in tlvs if kind == SIG_PURE), "SIG_PURE")
    first = {}
    for kind, value, at, _ in tlvs:
        first.setdefault(kind, (value, at))
    return first, kinds


def walk(tlvs, kinds, key, is_pure, digest, hash_object, hash_type, image, hashed):
    """MCUboot's walk: hashes must match; a key's TLV says whose the next signature is."""
    encoded = encoded_key(key)
    expected = {KEYHASH: hash_object[0](encoded).digest(), PUBKEY: encoded}
    is_next = matched = signed = False
    for kind, value, _, _ in tlvs:
        if kind == hash_type and not is_pure:
            require(value == digest, "digest")
            matched = True
        elif kind == KEYHASH or (kind == PUBKEY and KEYHASH not in kinds):
            require(len(value) <= (len(expected[KEYHASH]) if kind == KEYHASH else 526), "key's size")
            is_next = value == expected[kind]
        elif kind == signature_type(key) and is_next:
            is_next = False
            check_signature(key, hash_object[1], digest, value, image[:hashed] if is_pure else None)
            signed = True
    require(matched or is_pure, "no hash")
    require(signed, "no signature")


def judge(image, root_der, time):
    version, hashed, tlvs = read_tlvs(image)
    first, kinds = survey(tlvs)
    require(CHAIN in first, "no chain")
    chain = one_item(first[CHAIN][0])
    require(isinstance(chain, list) and all(isinstance(der, bytes) and der for der in chain), "chain")
    vendor, class_id = (first[kind][0] if kind in first else None for kind in (VID, CID))
    key = trust(tuple(chain), certificate(root_der), time, (version, vendor, class_id))
    is_pure = SIG_PURE in kinds
    require(not is_pure or isinstance(key, ed25519.Ed25519PublicKey), "pure")
    *hash_object, hash_type = image_hash(key, 0x12 in kinds, 0x10 in kinds, is_pure)
    digest = hash_object[0](image[:hashed]).digest()
    walk(tlvs, kinds, key, is_pure, digest, hash_object, hash_type, image, hashed)
    if STATEMENT in first:
        message, at = first[STATEMENT]
        stated = check_statement(message, root_der, time)
        marked = hash_object[0](image[:at]).digest()
        require(stated == (version, marked, vendor, class_id, certificate(chain[0]).spki), "statement")
    for kind, value, _, _ in tlvs:
        if kind == LINEAGE:
            check_statement(value, root_der, time)


def main():
    with open(sys.argv[1], "rb") as file:
        root_der = file.read()
    time, verbose = int(sys.argv[2]), "-v" in sys.argv[3:]
    data = sys.stdin.buffer.read()
    at, verdicts = 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        try:
            judge(data[at + 4:at + 4 + size], root_der, time)
            verdicts.append("1" if not verbose else "accepted\n")
        except (Refused, ValueError, IndexError, TypeError, KeyError) as refusal:  # the others: not of the expected shape
            verdicts.append("0" if not verbose else f"refused: {refusal}\n")
        at += 4 + size
    sys.stdout.write("".join(verdicts))


if __name__ == "__main__":
    main()
