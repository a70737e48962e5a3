// SPDX-License-Identifier: Apache-2.0
// A view of a certificate (RFC 5280 section 4), borrowed from its DER.
#pragma once

#include <optional>

#include "core/crypto/crypto.h"
#include "core/der/der.h"

namespace pedigree::x509 {

/// An AlgorithmIdentifier of a signature, or of a key with its type. Unknown ones are kept as a view.
struct AlgorithmIdentifier {
  Bytes whole;  ///< DER of the SEQUENCE
  Bytes oid;    ///< content octets
  /// Empty where the algorithm is not one of the contract's (core/crypto).
  std::optional<crypto::SignatureAlgorithm> signature;
};

/// SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
struct SubjectPublicKeyInfo {
  Bytes whole;  ///< DER of the SEQUENCE: what SPKI hashes cover
  Bytes oid;
  /// Empty where the key is of a type or size outside the contract.
  std::optional<crypto::PublicKey> key;
};

/// SEQUENCE { toBeSigned, signatureAlgorithm, signature }, as certificates, requests and CRLs are.
struct SignedObject {
  Bytes to_be_signed;  ///< whole DER
  AlgorithmIdentifier algorithm;
  Bytes signature;  ///< octets of the BIT STRING
};

/// What the signatures of a chain need of a certificate.
struct SignedKey {
  SignedObject object;
  SubjectPublicKeyInfo spki;
};

/// Parses a SubjectPublicKeyInfo that fills `der`. Unknown types give an empty key; malformed known ones are
/// errors: invalid_key, and those of strict DER.
[[nodiscard]] Result<SubjectPublicKeyInfo> parse_spki(Bytes der, std::uint32_t base = 0) noexcept;
/// Writes a SubjectPublicKeyInfo for a key.
void write_spki(const crypto::PublicKey& key, der::Builder& out) noexcept;
/// Writes the AlgorithmIdentifier of a signature algorithm (RFC 5758, 8410, 4055).
void write_signature_algorithm(crypto::SignatureAlgorithm algorithm, der::Builder& out) noexcept;
[[nodiscard]] Result<AlgorithmIdentifier> read_algorithm(Reader& in) noexcept;

/// KeyUsage bits (RFC 5280 4.2.1.3); bit n has value 1 << n.
enum KeyUsage : std::uint16_t {
  kDigitalSignature = 1U << 0U,
  kNonRepudiation = 1U << 1U,
  kKeyEncipherment = 1U << 2U,
  kDataEncipherment = 1U << 3U,
  kKeyAgreement = 1U << 4U,
  kKeyCertSign = 1U << 5U,
  kCrlSign = 1U << 6U,
  kEncipherOnly = 1U << 7U,
  kDecipherOnly = 1U << 8U,
};

/// RFC 5280 4.2.1.9.
struct BasicConstraints {
  bool ca = false;
  std::optional<std::uint32_t> path_len;
};

/// The extensions that path validation understands, as borrowed views; absent = empty optional. Unknown ones
/// are only remembered by the first critical one.
struct Extensions {
  std::optional<BasicConstraints> basic_constraints;
  std::optional<std::uint16_t> key_usage;
  std::optional<Bytes> ext_key_usage;     ///< content of the SEQUENCE OF KeyPurposeId
  std::optional<Bytes> subject_alt_name;  ///< content of GeneralNames
  bool subject_alt_name_critical = false;
  std::optional<Bytes> name_constraints;          ///< content of the NameConstraints SEQUENCE
  std::optional<Bytes> subject_key_identifier;    ///< the key identifier's octets
  std::optional<Bytes> authority_key_identifier;  ///< content of the SEQUENCE
  bool policies_critical =
      false;  ///< a critical certificate-policy extension (policies, mappings, constraints, inhibitAnyPolicy)
  std::optional<Bytes> unknown_critical;  ///< OID of the first critical extension that is not understood
};

struct Extension {
  Bytes oid;
  bool critical = false;
  Bytes value;  ///< content of the OCTET STRING
  std::uint32_t value_offset = 0;
};

/// Calls `visit(const Extension&)` for each extension in order; `extensions` = content of the Extensions
/// SEQUENCE. For tools that print certificates; parse() has checked the structure already.
template <typename Visit>
Result<void> for_each_extension(Bytes extensions, Visit visit) noexcept;
[[nodiscard]] Result<Extension> read_extension(Reader& in) noexcept;

class Certificate {
 public:
  /// Parses one certificate that fills `der`, strictly: version 3 (or 1 and 2 without extensions), serial
  /// positive 1..20 octets, inner = outer signature algorithm, names well-formed, no duplicate extension,
  /// known extensions well-formed. The view borrows `der`. Does not verify. Errors: see ErrorCode 1..69,
  /// offset in `der`.
  [[nodiscard]] static Result<Certificate> parse(Bytes der) noexcept;

  [[nodiscard]] const Bytes& der() const noexcept { return der_; }
  [[nodiscard]] const Bytes& tbs() const noexcept {
    return signed_key_.object.to_be_signed;
  }  ///< TBSCertificate, whole DER: what is signed
  [[nodiscard]] unsigned version() const noexcept { return version_; }  ///< 1, 2 or 3
  [[nodiscard]] const Bytes& serial() const noexcept {
    return serial_;
  }  ///< unsigned big-endian, 1..20 octets
  [[nodiscard]] const AlgorithmIdentifier& signature_algorithm() const noexcept {
    return signed_key_.object.algorithm;
  }
  [[nodiscard]] const Bytes& signature() const noexcept {
    return signed_key_.object.signature;
  }  ///< BIT STRING octets
  [[nodiscard]] const Bytes& issuer() const noexcept { return issuer_; }    ///< Name, whole DER
  [[nodiscard]] const Bytes& subject() const noexcept { return subject_; }  ///< Name, whole DER
  [[nodiscard]] der::UnixTime not_before() const noexcept { return not_before_; }
  [[nodiscard]] der::UnixTime not_after() const noexcept { return not_after_; }  ///< inclusive
  [[nodiscard]] const SubjectPublicKeyInfo& spki() const noexcept { return signed_key_.spki; }
  [[nodiscard]] const SignedKey& signed_key() const noexcept { return signed_key_; }
  [[nodiscard]] const Extensions& extensions() const noexcept { return extensions_; }
  [[nodiscard]] const Bytes& extensions_content() const noexcept {
    return extensions_content_;
  }  ///< empty if none

 private:
  Certificate() noexcept = default;
  friend struct CertificateParser;
  Bytes der_, serial_, issuer_, subject_, extensions_content_;
  SignedKey signed_key_;
  der::UnixTime not_before_ = 0;
  der::UnixTime not_after_ = 0;
  Extensions extensions_;
  std::uint8_t version_ = 1;
};

/// Verifies that `signature` over `message` is by `key`; handles X.509's DER form of ECDSA. Errors: those of
/// Crypto::verify, unsupported_algorithm where key or algorithm are outside the contract. Where the form of
/// an ECDSA signature is at fault, or r or s is zero, the offset counts in `signature`.
[[nodiscard]] Result<void> verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                                            const AlgorithmIdentifier& algorithm, Bytes message,
                                            Bytes signature) noexcept;
/// The same for a whole object.
[[nodiscard]] Result<void> verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                                            const SignedObject& object) noexcept;

template <typename Visit>
Result<void> for_each_extension(Bytes extensions, Visit visit) noexcept {
  Reader in(extensions);
  while (!in.empty()) {
    PEDIGREE_ASSIGN(const Extension extension, read_extension(in));
    visit(extension);
  }
  return {};
}

}  // namespace pedigree::x509
