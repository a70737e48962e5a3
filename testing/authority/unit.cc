// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/unit.h"

#include <fmt/format.h>

#include <stdexcept>

#include "core/cose/cose.h"
#include "core/enrol/entropy.h"
#include "core/evidence/evidence.h"
#include "core/psa_token/psa_token.h"
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
  Octets buffer(8192);
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
  return request_of(id, nonce, {});
}

Octets Unit::request_with_evidence(std::string_view nonce, Bytes token) const {
  const Octets value = written([&](Writer& out) {
    der::Builder builder(out);
    evidence::write_attribute_value(token, builder);
  });
  const csr::Attribute attributes[] = {{evidence::kAttribute, value}};
  return request_of(id_, nonce, attributes);
}

Octets Unit::spki() const {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
  const auto half = must(host_crypto().public_key(key_.view(), point), "public_key");
  return written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_spki(half, builder);
  });
}

Octets Unit::token(Bytes challenge, const TokenWish& wish) const {
  const Octets instance_id = unhex(wish.instance_id.empty() ? id_ : wish.instance_id);
  const Octets implementation_id(psa_token::kImplementationIdSize, 0x11);
  const Octets boot_seed(32, 0x22);
  const Octets measured(32, 0x33);
  const psa_token::SoftwareComponent components[] = {{"PRoT", measured, "1.0.0", measured, {}}};
  psa_token::ClaimFields claims;
  claims.nonce = challenge;
  claims.instance_id = instance_id;
  claims.implementation_id = implementation_id;
  claims.client_id = wish.client_id;
  claims.security_lifecycle = wish.lifecycle;
  claims.boot_seed = boot_seed;
  claims.software_components = components;
  claims.entropy = wish.entropy;
  const Octets payload = written([&](Writer& out) { psa_token::write_claims(claims, out); });
  std::vector<Bytes> chain;
  if (wish.chain != nullptr) chain.assign(wish.chain->begin(), wish.chain->end());
  cose::Sign1Fields fields;
  fields.payload = payload;
  fields.x5chain = chain;
  Octets buffer(16384);
  const Bytes message = must(cose::write_sign1(host_crypto(), fields, key_.view(), buffer), "write_sign1");
  return {message.begin(), message.end()};
}

Octets Unit::request_of(std::string_view id, std::string_view nonce,
                        std::span<const csr::Attribute> attributes) const {
  const x509::NamePart parts[] = {{x509::oid::kSerialNumber, id}};
  const Octets name = written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_name(parts, builder);
  });
  const Octets key = spki();
  csr::RequestFields fields;
  fields.subject = name;
  fields.spki = key;
  std::vector<csr::Attribute> all(attributes.begin(), attributes.end());
  Octets challenge(nonce.size() + 4);
  if (!nonce.empty()) all.push_back(must(csr::challenge_password(nonce, challenge), "challenge_password"));
  const auto entropy = enrol::entropy_value(entropy_.value_or(enrol::Entropy::unknown));
  if (entropy_) all.push_back({enrol::kEntropyAttribute, entropy});
  fields.attributes = all;
  Octets buffer(8192);
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
