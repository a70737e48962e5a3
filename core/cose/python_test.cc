// SPDX-License-Identifier: Apache-2.0
// Somebody else's CBOR and cryptography read what write_sign1 writes: Python's cbor2 and cryptography, from
// the distribution.
#include <gtest/gtest.h>

#include "core/cose/cose.h"
#include "core/x509/certificate.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::cose {
namespace {

using testing::hex;
using testing::Octets;
using testing::unhex;

constexpr const char* kScript = R"py(
import sys, cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
message, spki, aad, payload = (bytes.fromhex(word) for word in sys.stdin.read().split(','))
tag = cbor2.loads(message)
assert tag.tag == 18 and cbor2.dumps(tag, canonical=True) == message
protected, unprotected, carried, signature = tag.value
assert carried == payload and unprotected[4] == b'11' and unprotected[33] == [b'\x30\x00', b'\x30\x00']
algorithm = cbor2.loads(protected)
to_be_signed = cbor2.dumps(['Signature1', protected, aad, payload])
key = serialization.load_der_public_key(spki)
if algorithm == {1: -8}:
    key.verify(signature, to_be_signed)
else:
    half = len(signature) // 2
    der = utils.encode_dss_signature(int.from_bytes(signature[:half], 'big'), int.from_bytes(signature[half:], 'big'))
    key.verify(der, to_be_signed, ec.ECDSA({-7: hashes.SHA256(), -35: hashes.SHA384()}[algorithm[1]]))
print('verified')
)py";

TEST(Python, VerifiesOurSign1) {
  const crypto::OpenSslCrypto crypto;
  const Octets certificate = unhex("3000");
  const Bytes chain[] = {certificate, certificate};
  const Octets payload = unhex("a10102");
  const Octets aad = unhex("beef");
  const Octets key_id = unhex("3131");
  for (const auto type : {crypto::KeyType::p256, crypto::KeyType::p384, crypto::KeyType::ed25519}) {
    const auto key = crypto::OpenSslKey::generate(type).value();
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> key_buffer{};
    const auto public_key = crypto.public_key(key.view(), key_buffer).value();
    const Octets spki = testing::written([&](Writer& out) {
      der::Builder builder(out);
      x509::write_spki(public_key, builder);
    });
    Octets buffer(500);
    const Bytes message =
        write_sign1(crypto, {.payload = payload, .external_aad = aad, .x5chain = chain, .key_id = key_id},
                    key.view(), buffer)
            .value();
    const auto result = testing::run({"/usr/bin/python3", "-c", kScript},
                                     hex(message) + "," + hex(spki) + "," + hex(aad) + "," + hex(payload));
    EXPECT_EQ(result.output, "verified\n") << name(type);
    EXPECT_EQ(result.status, 0);
  }
}

}  // namespace
}  // namespace pedigree::cose
