// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/unit.h"

#include <fmt/format.h>

#include <stdexcept>

#include "core/cose/cose.h"
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/x509/oids.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::testing {
namespace {

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result)
    throw std::runtime_error(std::string(what) + ": " + std::string(sentence(result.error().code)));
  return *std::move(result);
}

template <typename Write>
Octets written(Write write) {
  Octets buffer(2048);
  Writer out(buffer);
  write(out);
  const Bytes octets = must(out.finish(), "write");
  return {octets.begin(), octets.end()};
}

}  // namespace

const crypto::Crypto& host_crypto() {
  static const crypto::OpenSslCrypto crypto;
  return crypto;
}

Unit::Unit(std::uint64_t number, crypto::KeyType type)
    : id_(fmt::format("01{:064x}", number)), key_(must(crypto::OpenSslKey::generate(type), "generate")) {}

Octets Unit::request_as(std::string_view id, std::string_view nonce) const {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
  const auto half = must(host_crypto().public_key(key_.view(), point), "public_key");
  const x509::NamePart parts[] = {{x509::oid::kSerialNumber, id}};
  const Octets name = written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_name(parts, builder);
  });
  const Octets spki = written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_spki(half, builder);
  });
  csr::RequestFields fields;
  fields.subject = name;
  fields.spki = spki;
  fields.challenge_password = nonce;
  const auto entropy = enrol::entropy_value(entropy_.value_or(enrol::Entropy::unknown));
  const csr::Attribute attribute{enrol::kEntropyAttribute, entropy};
  if (entropy_) fields.attributes = {&attribute, 1};
  Octets buffer(2048);
  const Bytes der = must(
      csr::write_request(host_crypto(), fields, key_.view(), crypto::default_algorithm(key_.type()), buffer),
      "write_request");
  return {der.begin(), der.end()};
}

Octets Unit::receipt(const std::vector<Octets>& chain, std::string_view nonce) const {
  const std::vector<Bytes> views(chain.begin(), chain.end());
  const Octets wire = written([&](Writer& out) {
    cbor::Encoder encoder(out);
    cose::write_chain(views, encoder);
  });
  const Sha256 digest = must(host_crypto().sha256(wire), "sha256");
  const Octets nonce_octets = unhex(nonce);
  const Octets device = unhex(id_);
  enrol::Receipt receipt;
  receipt.slot = 1;
  receipt.chain_sha256 = digest;
  receipt.nonce = nonce_octets;
  receipt.device_id = device;
  const Octets payload = written([&](Writer& out) { enrol::encode(receipt, out); });
  cose::Sign1Fields fields;
  fields.payload = payload;
  Octets buffer(2048);
  const Bytes message = must(cose::write_sign1(host_crypto(), fields, key_.view(), buffer), "write_sign1");
  return {message.begin(), message.end()};
}

}  // namespace pedigree::testing
