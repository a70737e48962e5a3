// SPDX-License-Identifier: Apache-2.0
#include "core/csr/csr.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "crypto/psa/psa_crypto.h"
#include "device/ports/mps2/compare/operations.h"

namespace pedigree::mps2::compare {
namespace {

// The adapter without what neither job calls: Mbed TLS's image has no HMAC, key export or random numbers
// either.
class JobCrypto final : public crypto::PsaCrypto {
 public:
  [[nodiscard]] std::string_view backend() const noexcept override { return {}; }
  [[nodiscard]] bool supports(crypto::KeyType /*type*/,
                              crypto::SignatureAlgorithm /*algorithm*/) const noexcept override {
    return false;
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes /*key*/,
                                           std::span<const Bytes> /*parts*/) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey& /*key*/) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey& /*key*/,
                                                     MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  using PsaCrypto::digest;
  [[nodiscard]] Result<void> digest(crypto::Hash /*hash*/, crypto::PieceSource& /*source*/,
                                    MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey& /*key*/,
                                           crypto::SignatureAlgorithm /*algorithm*/, Bytes /*digest*/,
                                           Bytes /*signature*/) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& /*key*/,
                                          crypto::SignatureAlgorithm /*algorithm*/, Bytes /*digest*/,
                                          MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  [[nodiscard]] Result<void> random(MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::no_entropy);
  }
};

constexpr JobCrypto kCrypto;
/// Extensions with keyUsage digitalSignature, critical, as the service writes them.
constexpr std::uint8_t kRequestedExtensions[] = {0x30, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f,
                                                 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};

}  // namespace

std::size_t write_request(psa_key_id_t key, Bytes device_id_hex, Bytes spki, MutableBytes out) noexcept {
  std::array<std::uint8_t, 128> name;
  Writer writer(name);
  der::Builder builder(writer);
  const x509::NamePart part{x509::oid::kSerialNumber, as_text(device_id_hex)};
  x509::write_name({&part, 1}, builder);
  const csr::Attribute extensions{x509::oid::kExtensionRequest, kRequestedExtensions};
  csr::RequestFields fields;
  fields.subject = writer.written();
  fields.spki = spki;
  fields.attributes = {&extensions, 1};
  const auto der = csr::write_request(kCrypto, fields, {crypto::KeyType::p256, key},
                                      crypto::default_algorithm(crypto::KeyType::p256), out);
  return der ? der->size() : 0;
}

bool check_chain(const Chain& chain) noexcept {
  x509::TrustAnchor anchor;
  anchor.spki_sha256 = chain.root_spki_sha256;
  anchor.root_spki = chain.root_spki;
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.leaf_key_usage = x509::kDigitalSignature;
  return x509::validate_path(kCrypto, std::span(chain.certificates).first(chain.count), options).trusted();
}

}  // namespace pedigree::mps2::compare
