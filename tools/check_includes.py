#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares real #include lines with the table of docs/architecture.md: who may include whom.

An entry is (folder, folders whose project headers it may include, prefixes of other headers that it may include; None =
any). The longest matching folder rules. Tests and fuzzers may in addition include what their entry in TESTS allows.
"""
import pathlib
import re
import subprocess
import sys

FREESTANDING = {"algorithm", "array", "bit", "compare", "concepts", "cstddef", "cstdint", "cstring", "expected", "functional", "iterator",
                "limits", "memory", "new", "optional", "span", "string_view", "tuple", "type_traits", "utility", "initializer_list"}
C_HEADERS = {"stdint.h", "stddef.h", "stdbool.h", "string.h"}
CORE = ["core"]
HOST = None

RULES = {
    "core/bytes": (["core/bytes"], FREESTANDING),
    "core/crypto": (["core/bytes", "core/crypto"], FREESTANDING),
    "core/der": (["core/bytes", "core/crypto", "core/der"], FREESTANDING),
    "core/x509": (["core/bytes", "core/crypto", "core/der", "core/x509"], FREESTANDING),
    "core/csr": (["core/bytes", "core/crypto", "core/der", "core/x509", "core/csr"], FREESTANDING),
    "core/cbor": (["core/bytes", "core/crypto", "core/cbor"], FREESTANDING),
    "core/cose": (["core/bytes", "core/crypto", "core/cbor", "core/cose"], FREESTANDING),
    "core/psa_token": (["core/bytes", "core/crypto", "core/cbor", "core/psa_token"], FREESTANDING),
    "core/evidence": (
        ["core/bytes", "core/crypto", "core/der", "core/x509", "core/csr", "core/cbor", "core/evidence"], FREESTANDING),
    "core/firmware_image": (
        ["core/bytes", "core/crypto", "core/der", "core/x509", "core/cbor", "core/cose", "core/firmware_image"], FREESTANDING),
    "core/smp": (["core/bytes", "core/crypto", "core/cbor", "core/smp"], FREESTANDING),
    "core/enrol": (["core/bytes", "core/crypto", "core/cbor", "core/cose", "core/smp", "core/enrol"], FREESTANDING),
    "core/grant": (["core/bytes", "core/crypto", "core/der", "core/x509", "core/cbor", "core/cose", "core/smp", "core/enrol", "core/grant"],
                   FREESTANDING),
    "crypto/psa": (["core/bytes", "core/crypto", "crypto/psa"], FREESTANDING | {"psa/"}),
    "crypto/shares": (["core/bytes", "crypto/shares"], HOST),
    "crypto/pkcs11": (["core/bytes", "core/crypto", "crypto/pkcs11"], HOST),
    "crypto/openssl": (["core/bytes", "core/crypto", "crypto/pkcs11", "crypto/openssl"], HOST),
    "device/service": (["core", "device/service", "crypto/psa"], FREESTANDING | C_HEADERS | {"psa/", "pedigree/"}),
    "device/scenarios": (["core", "crypto/psa", "device/service", "device/scenarios"], FREESTANDING | C_HEADERS | {"psa/", "pedigree/"}),
    "device/server": (["core", "device/server"], FREESTANDING | C_HEADERS | {"pedigree/"}),
    # C for the non-secure side, where the TLS library is.
    "device/client": ([], C_HEADERS | {"psa/", "pedigree/", "mbedtls/"}),
    "device/update": (["core", "device/service", "device/update"], FREESTANDING | C_HEADERS | {"pedigree/"}),
    "device/ports": (["core", "device", "crypto/psa"], HOST),
    # Plays the factory for emulated devices: signs their firmware.
    "device/factory": (["core", "crypto", "device", "signing"], HOST),
    "station": (["core", "station"], HOST),
    "signing": (["core", "signing"], HOST),
    "registry": (["core", "registry"], HOST),
    "verifier": (["core", "verifier"], HOST),
    # The shared library is a program's half: it chooses the crypto back end.
    "verifier/c": (["core", "crypto", "verifier"], HOST),
    # A profile that demands evidence has it appraised.
    "authority": (["core", "registry", "verifier", "authority"], HOST),
    "server": (["core", "registry", "verifier", "authority", "server"], HOST),
    # The composition root chooses the crypto back end.
    "server/app": (["core", "crypto", "registry", "verifier", "authority", "server"], HOST),
    "cli": (["core", "crypto", "device", "station", "registry", "verifier", "authority", "server", "signing", "cli"], HOST),
    # For another project's boot loader.
    "integrations/mcuboot": (["core", "crypto/psa", "integrations/mcuboot"],
                             FREESTANDING | C_HEADERS | {"bootutil/", "flash_map_backend/", "mcuboot_config/"}),
    "testing": ([""], HOST),
    # As users write: the public headers and the C library, nothing of the tree.
    "examples": ([], C_HEADERS | {"stdio.h", "stdlib.h", "pedigree.h"}),
    "fuzz": ([""], HOST),
    "bench": ([""], HOST),
}
# Which library headers may not be seen where: SQL and HTTP stay at the edge.
FORBIDDEN = {
    "authority": ("boost/beast", "boost/asio", "sqlite3.h"),
    "registry": ("boost/", "sqlite3.h", "openssl/"),
    "signing": ("boost/beast", "boost/asio", "sqlite3.h", "openssl/"),
    "verifier": ("boost/beast", "boost/asio", "sqlite3.h"),
    "station/flow": ("boost/asio", "boost/beast", "sqlite3.h"),
    "server/http": ("sqlite3.h",),
    "server/store": ("boost/beast", "boost/asio"),
    "cli": ("sqlite3.h", "boost/beast"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def rule_for(path):
    folder = path.parent.as_posix()
    while folder and folder != ".":
        if folder in RULES:
            return folder
        folder = pathlib.PurePosixPath(folder).parent.as_posix()
    return None


def faults_in(path, roots):
    owner = rule_for(path)
    if owner is None:
        return [f"{path}: no rule names this folder; add it to tools/check_includes.py and docs/architecture.md"]
    is_test = re.search(r"_(test|fuzz)\.cc$", path.name) or "test" in path.stem.split("_")
    allowed, libraries = RULES[owner]
    faults = []
    for quote, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if is_test:
            continue
        if target.split("/")[0] in roots:
            if not any(prefix == "" or target == prefix or target.startswith(prefix + "/") for prefix in allowed):
                faults.append(f"{path}: {owner} may not include {target}")
        elif quote == "<" or "/" in target:
            if libraries is not None and target not in libraries and not any(
                    prefix.endswith("/") and target.startswith(prefix) for prefix in libraries):
                faults.append(f"{path}: {owner} may not include <{target}>")
            for folder, prefixes in FORBIDDEN.items():
                if path.as_posix().startswith(folder + "/") and target.startswith(prefixes):
                    faults.append(f"{path}: <{target}> is not for {folder}")
    # Shipped code never depends on testing/, tests included in production targets or not.
    return faults


def main():
    names = subprocess.run(["git", "ls-files", "*.h", "*.cc", "*.c"], check=True, capture_output=True, text=True).stdout.split()
    roots = {pathlib.PurePosixPath(folder).parts[0] for folder in RULES}
    faults = [fault for name in names for fault in faults_in(pathlib.Path(name), roots)]
    print("\n".join(faults) or f"{len(names)} files keep the table of docs/architecture.md")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
