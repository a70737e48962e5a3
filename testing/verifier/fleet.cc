// SPDX-License-Identifier: Apache-2.0
#include "testing/verifier/fleet.h"

#include <stdexcept>

#include "core/x509/crl.h"
#include "core/x509/oids.h"

namespace pedigree::testing {
namespace {

using crypto::OpenSslKey;

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + std::string(name(result.error().code)));
  return *std::move(result);
}

template <typename Write>
Octets encoded(Write write) {
  Writer size;
  der::Builder counter(size);
  write(counter);
  Octets octets(size.size());
  Writer out(octets);
  der::Builder builder(out);
  write(builder);
  return octets;
}

Octets name_of(std::string_view common_name) {
  const x509::NamePart parts[] = {{x509::oid::kOrganizationName, "Example Silicon"},
                                  {x509::oid::kCommonName, common_name}};
  return encoded([&](der::Builder& out) { x509::write_name(parts, out); });
}

Octets device_name(Bytes id) {
  const std::string digits = hex(id);
  const x509::NamePart parts[] = {{x509::oid::kSerialNumber, digits}};
  return encoded([&](der::Builder& out) { x509::write_name(parts, out); });
}

HolderSpec ca_spec() {
  HolderSpec spec;
  spec.ca = true;
  return spec;
}

HolderSpec leaf_spec(Bytes purpose) {
  HolderSpec spec;
  spec.purpose.assign(purpose.begin(), purpose.end());
  return spec;
}

Octets id_of(std::uint32_t number) {
  Octets id(psa_token::kInstanceIdSize, 0x5a);
  id[0] = 0x01;
  for (std::size_t i = 0; i < 4; ++i) id[1 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return id;
}

}  // namespace

Octets FleetDevice::sign(Bytes payload, bool with_chain) const {
  const auto chain = views();
  cose::Sign1Fields fields;
  fields.payload = payload;
  if (with_chain) fields.x5chain = chain;
  Octets buffer(8192 + 2 * payload.size());
  const Bytes message =
      must(cose::write_sign1(Fleet::crypto(), fields, holder_.key.view(), buffer), "write_sign1");
  return {message.begin(), message.end()};
}

Octets FleetDevice::token(const TokenSpec& spec) const {
  const Octets implementation(32, 0x1d);
  const Octets value(32, 0x77);
  const Octets seed(32, 0x5e);
  const psa_token::SoftwareComponent components[] = {
      {"BL", value, "1.0.3", spec.boot_signer_id, "sha-256"},
      {"PRoT", spec.measured, spec.version, spec.signer_id, "sha-256"},
  };
  psa_token::ClaimFields claims;
  claims.nonce = spec.nonce;
  claims.instance_id = spec.instance_id.empty() ? Bytes(id_) : Bytes(spec.instance_id);
  claims.implementation_id = implementation;
  claims.client_id = -1;
  claims.security_lifecycle = spec.lifecycle;
  claims.boot_seed = seed;
  claims.certification_reference = "1234567890123-12345";
  claims.software_components = components;
  claims.entropy = spec.entropy;
  Octets payload(1024);
  Writer out(payload);
  psa_token::write_claims(claims, out);
  payload.resize(out.size());
  return sign(payload, spec.with_chain);
}

const crypto::Crypto& Fleet::crypto() {
  static const crypto::OpenSslCrypto library;
  return library;
}

Holder Fleet::holder(const Octets& name, crypto::KeyType type) {
  Holder made{must(OpenSslKey::generate(type), "generate"), name, {}, {}};
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  const auto key = must(crypto().public_key(made.key.view(), buffer), "public_key");
  made.spki = encoded([&](der::Builder& out) { x509::write_spki(key, out); });
  return made;
}

void Fleet::certify(Holder& subject, const Holder& issuer, const HolderSpec& spec) {
  std::array<std::uint8_t, 16> serial{};
  if (!crypto().random(serial)) throw std::runtime_error("random");
  serial[0] = 0x5a;
  const Sha256 subject_id = must(crypto().sha256(subject.spki), "sha256");
  const Sha256 issuer_id = must(crypto().sha256(issuer.spki), "sha256");
  const Bytes purposes[] = {spec.purpose};
  x509::CertificateFields fields;
  fields.serial = serial;
  fields.issuer = issuer.name;
  fields.subject = subject.name;
  fields.not_before = spec.not_before;
  fields.not_after = spec.not_after;
  fields.spki = subject.spki;
  if (spec.ca) fields.extensions.basic_constraints = x509::BasicConstraints{true, std::nullopt};
  fields.extensions.key_usage = spec.ca ? x509::kKeyCertSign | x509::kCrlSign : x509::kDigitalSignature;
  if (!spec.purpose.empty()) fields.extensions.ext_key_usage = purposes;
  fields.extensions.subject_key_identifier = Bytes(subject_id).first(20);
  fields.extensions.authority_key_identifier = Bytes(issuer_id).first(20);
  Octets buffer(2048);
  const Bytes der = must(x509::write_certificate(crypto(), fields, issuer.key.view(),
                                                 crypto::default_algorithm(issuer.key.type()), buffer),
                         "write_certificate");
  subject.certificate.assign(der.begin(), der.end());
}

Fleet::Fleet(std::string_view root_name)
    : root_(holder(name_of(root_name))),
      vendor_(holder(name_of("Example Silicon Device CA"))),
      oem_(holder(name_of("Acme Devices CA"))) {
  certify(root_, root_, ca_spec());
  certify(vendor_, root_, ca_spec());
  certify(oem_, vendor_, ca_spec());
}

FleetDevice Fleet::device(std::uint32_t number, const HolderSpec& spec, std::size_t length) const {
  Octets id = id_of(number);
  Holder leaf = holder(device_name(id), spec.type);
  certify(leaf, length == 2 ? vendor_ : oem_, spec);
  std::vector<Octets> chain{leaf.certificate};
  if (length != 2) chain.push_back(oem_.certificate);
  chain.push_back(vendor_.certificate);
  return {std::move(id), std::move(leaf), std::move(chain)};
}

FleetDevice Fleet::device(std::uint32_t number) const {
  return device(number, leaf_spec(x509::oid::kAttestationKey));
}

FleetDevice Fleet::data_device(std::uint32_t number) const {
  return device(number, leaf_spec(x509::oid::kDocumentSigning));
}

FleetDevice Fleet::device_under(const HolderSpec& oem, const HolderSpec& leaf) const {
  Holder issuer = holder(name_of("Acme Devices CA"));
  HolderSpec spec = oem;
  spec.ca = true;
  certify(issuer, vendor_, spec);
  Octets id = id_of(0xffff);
  Holder made = holder(device_name(id), leaf.type);
  certify(made, issuer, leaf);
  std::vector<Octets> chain{made.certificate, issuer.certificate, vendor_.certificate};
  return {std::move(id), std::move(made), std::move(chain)};
}

Octets Fleet::crl(const Holder& issuer, const std::vector<Octets>& revoked, der::UnixTime this_update) {
  std::vector<Octets> serials;
  std::vector<x509::RevokedEntry> entries;
  for (const Octets& der : revoked) {
    const Bytes serial = must(x509::Certificate::parse(der), "parse").serial();
    serials.emplace_back(serial.begin(), serial.end());
  }
  for (const Octets& serial : serials) {
    entries.push_back({serial, this_update - 60, x509::RevocationReason::key_compromise});
  }
  const Sha256 key_id = must(crypto().sha256(issuer.spki), "sha256");
  const std::uint8_t number[] = {7};
  x509::CrlFields fields;
  fields.issuer = issuer.name;
  fields.this_update = this_update;
  fields.next_update = this_update + 86400;
  fields.crl_number = number;
  fields.authority_key_identifier = Bytes(key_id).first(20);
  fields.entries = entries;
  Octets buffer(4096);
  const Bytes der = must(x509::write_crl(crypto(), fields, issuer.key.view(),
                                         crypto::default_algorithm(issuer.key.type()), buffer),
                         "write_crl");
  return {der.begin(), der.end()};
}

}  // namespace pedigree::testing
