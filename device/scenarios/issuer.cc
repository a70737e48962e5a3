// SPDX-License-Identifier: Apache-2.0
#include "device/scenarios/issuer.h"

#include "core/cose/cose.h"
#include "core/x509/builder.h"
#include "core/x509/oids.h"
#include "psa/crypto.h"

namespace pedigree::scenarios {
namespace {

constexpr der::UnixTime kNotBefore = 1700000000;
constexpr der::UnixTime kNotAfter = 4000000000;
constexpr std::array<std::uint8_t, 8> kSerial{0x11, 2, 3, 4, 5, 6, 7, 8};

Bytes write_common_name(std::string_view text, MutableBytes buffer) noexcept {
  Writer writer(buffer);
  der::Builder builder(writer);
  const x509::NamePart part{x509::oid::kCommonName, text};
  x509::write_name({&part, 1}, builder);
  return writer.written();
}

psa_key_id_t make_key() noexcept {
  psa_key_attributes_t attributes = psa_key_attributes_init();
  psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
  psa_set_key_bits(&attributes, 256);
  psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH);
  psa_set_key_algorithm(&attributes, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256));
  psa_key_id_t made = 0;
  return psa_generate_key(&attributes, &made) == PSA_SUCCESS ? made : 0;
}

}  // namespace

struct Issuer::Certificate {
  std::string_view subject;
  Bytes spki;
  bool ca = false;
};

Issuer::Issuer(std::string_view name) noexcept : key_{crypto::KeyType::p256, make_key()}, name_(name) {
  std::array<std::uint8_t, 97> point{};
  const auto half = crypto_.public_key(key_, point);
  if (!half) return;
  std::array<std::uint8_t, 128> buffer{};
  Writer writer(buffer);
  der::Builder builder(writer);
  x509::write_spki(*half, builder);
  const auto der = issue({name_, writer.written(), true}, root_);
  if (der) root_size_ = der->size();
}

Issuer::~Issuer() {
  psa_destroy_key(static_cast<psa_key_id_t>(key_.handle));
}

Result<Bytes> Issuer::issue(const Certificate& wanted, MutableBytes out) const noexcept {
  std::array<std::uint8_t, 64> issuer{};
  std::array<std::uint8_t, 64> subject{};
  x509::CertificateFields fields;
  fields.serial = kSerial;
  fields.issuer = write_common_name(name_, issuer);
  fields.subject = write_common_name(wanted.subject, subject);
  fields.not_before = kNotBefore;
  fields.not_after = kNotAfter;
  fields.spki = wanted.spki;
  fields.extensions.basic_constraints = x509::BasicConstraints{wanted.ca, {}};
  fields.extensions.key_usage = wanted.ca ? x509::kKeyCertSign : x509::kDigitalSignature;
  return x509::write_certificate(crypto_, fields, key_, crypto::default_algorithm(key_.type), out);
}

Bytes Issuer::chain_for(Bytes spki, const ChainWish& wish, MutableBytes out) const noexcept {
  std::array<std::uint8_t, 512> leaf{};
  const auto der = issue({"Test device", spki, wish.leaf_is_ca}, leaf);
  if (!der) return {};
  if (wish.break_signature) leaf[der->size() - 1] ^= 1U;
  const std::array<Bytes, 2> certificates{*der, root()};
  Writer writer(out);
  cbor::Encoder encoder(writer);
  cose::write_chain(std::span(certificates).first(wish.with_root ? 2 : 1), encoder);
  return writer.fits() ? writer.written() : Bytes();
}

}  // namespace pedigree::scenarios
