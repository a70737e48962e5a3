// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/test_authority.h"

#include <stdexcept>

#include "core/cose/cose.h"
#include "core/x509/builder.h"
#include "core/x509/oids.h"

namespace pedigree::sim {
namespace {

constexpr der::UnixTime kNotBefore = 1700000000;
constexpr der::UnixTime kNotAfter = 4000000000;

template <typename T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(std::string(sentence(result.error().code)));
  return std::move(*result);
}

Octets name_of(const std::string& text) {
  Octets buffer(256);
  Writer writer(buffer);
  der::Builder builder(writer);
  const x509::NamePart part{x509::oid::kCommonName, text};
  x509::write_name({&part, 1}, builder);
  buffer.resize(writer.size());
  return buffer;
}

}  // namespace

struct TestAuthority::Template {
  std::string subject;
  std::string issuer;
  Octets spki;
  const crypto::OpenSslKey* issuer_key = nullptr;
  bool ca = false;
  std::size_t padding = 0;
  Bytes purpose = {};
  der::UnixTime not_before = kNotBefore;
  der::UnixTime not_after = kNotAfter;
};

Octets spki_of(const crypto::Crypto& crypto, const crypto::PrivateKey& key) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> octets{};
  Octets buffer(crypto::kMaxPublicKeySize + 64);
  Writer writer(buffer);
  der::Builder builder(writer);
  x509::write_spki(need(crypto.public_key(key, octets)), builder);
  buffer.resize(writer.size());
  return buffer;
}

TestAuthority::TestAuthority(const std::string& name, crypto::KeyType root_type)
    : root_key_(need(crypto::OpenSslKey::generate(root_type))),
      intermediate_key_(need(crypto::OpenSslKey::generate(crypto::KeyType::p256))),
      name_(name) {
  root_ = issue(
      {name_ + " Root CA", name_ + " Root CA", spki_of(crypto_, root_key_.view()), &root_key_, true, 0});
  intermediate_ = issue({name_ + " Device CA", name_ + " Root CA", spki_of(crypto_, intermediate_key_.view()),
                         &root_key_, true, 0});
}

Octets TestAuthority::issue(const Template& wanted) const {
  const Octets issuer = name_of(wanted.issuer);
  const Octets subject = name_of(wanted.subject);
  std::array<std::uint8_t, 16> serial{};
  if (!crypto_.random(serial)) throw std::runtime_error("no random octets");
  serial[0] = 0x11;
  Octets extra(wanted.padding + 32);
  Writer writer(extra);
  if (wanted.padding > 0) {
    der::Builder builder(writer);
    const std::size_t extension = builder.open(der::kSequence);
    builder.oid(std::array<std::uint8_t, 4>{0x2a, 0x03, 0x04, 0x05});
    builder.element(der::kOctetString, Octets(wanted.padding));
    builder.close(extension);
  }
  x509::CertificateFields fields;
  fields.serial = serial;
  fields.issuer = issuer;
  fields.subject = subject;
  fields.not_before = wanted.not_before;
  fields.not_after = wanted.not_after;
  fields.spki = wanted.spki;
  fields.extensions.basic_constraints = x509::BasicConstraints{wanted.ca, {}};
  fields.extensions.key_usage = wanted.ca ? x509::kKeyCertSign : x509::kDigitalSignature;
  if (!wanted.purpose.empty()) fields.extensions.ext_key_usage = {&wanted.purpose, 1};
  fields.extensions.extra = writer.written();
  Octets buffer(4096 + wanted.padding);
  const Bytes der =
      need(x509::write_certificate(crypto_, fields, wanted.issuer_key->view(),
                                   crypto::default_algorithm(wanted.issuer_key->type()), buffer));
  return {der.begin(), der.end()};
}

Octets TestAuthority::certify_delegate(Bytes spki, Bytes purpose, der::UnixTime not_before,
                                       der::UnixTime not_after) const {
  return issue({.subject = name_ + " Delegate",
                .issuer = name_ + " Root CA",
                .spki = Octets(spki.begin(), spki.end()),
                .issuer_key = &root_key_,
                .purpose = purpose,
                .not_before = not_before,
                .not_after = not_after});
}

Octets TestAuthority::chain_for(Bytes spki, const Wish& wish) const {
  const bool through = wish.with_intermediate;
  Octets leaf = issue({"Test device", through ? name_ + " Device CA" : name_ + " Root CA",
                       Octets(spki.begin(), spki.end()), through ? &intermediate_key_ : &root_key_,
                       wish.leaf_is_ca, wish.padding});
  if (wish.break_signature) leaf.back() ^= 1;
  std::vector<Bytes> certificates{leaf};
  if (through) certificates.emplace_back(intermediate_);
  if (wish.with_root) certificates.emplace_back(root_);
  Octets chain(8192 + wish.padding);
  Writer writer(chain);
  cbor::Encoder encoder(writer);
  cose::write_chain(certificates, encoder);
  chain.resize(writer.size());
  return chain;
}

Sha256 TestAuthority::root_spki_sha256() const {
  return need(crypto_.sha256(spki_of(crypto_, root_key_.view())));
}

}  // namespace pedigree::sim
