// SPDX-License-Identifier: Apache-2.0
// PKCS#10 certification requests (RFC 2986): view and builder.
#pragma once

#include "core/x509/builder.h"
#include "core/x509/certificate.h"

namespace pedigree::csr {

class Request {
 public:
  /// Parses one request that fills `der`; borrows it. Duplicate attributes are refused (bad_attribute). Does
  /// not verify.
  [[nodiscard]] static Result<Request> parse(Bytes der) noexcept;
  [[nodiscard]] Bytes der() const noexcept { return der_; }
  [[nodiscard]] Bytes info() const noexcept {
    return info_;
  }  ///< CertificationRequestInfo, whole: what is signed
  [[nodiscard]] Bytes subject() const noexcept { return subject_; }
  [[nodiscard]] const x509::SubjectPublicKeyInfo& spki() const noexcept { return spki_; }
  [[nodiscard]] const x509::AlgorithmIdentifier& signature_algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] Bytes signature() const noexcept { return signature_; }
  /// Octets of the challengePassword (RFC 2985 5.4.1), empty if absent.
  [[nodiscard]] Bytes challenge_password() const noexcept { return challenge_; }
  /// Content of the Extensions SEQUENCE of extensionRequest (RFC 2985 5.4.2), empty if absent.
  [[nodiscard]] Bytes requested_extensions() const noexcept { return extensions_; }
  /// Content of the attributes field, for other attributes and for printing.
  [[nodiscard]] Bytes attributes() const noexcept { return attributes_; }
  /// The single value (whole DER) of the attribute of this type, empty if absent.
  [[nodiscard]] Bytes find_attribute(Bytes oid) const noexcept;

  /// Verifies the proof of possession: the signature by the request's own key. Errors: those of
  /// verify_signature.
  [[nodiscard]] Result<void> verify(const crypto::Crypto& crypto) const noexcept;

 private:
  Request() noexcept = default;
  Bytes der_, info_, subject_, signature_, challenge_, extensions_, attributes_;
  x509::SubjectPublicKeyInfo spki_;
  x509::AlgorithmIdentifier algorithm_;
};

struct Attribute {
  Bytes oid;
  Bytes value;  ///< the single AttributeValue, whole DER
};

/// The attribute challengePassword (RFC 2985 5.4.1), its value written to `space`, which it borrows: two to
/// four octets more than `password`. Errors: bad_attribute (not 1..255 PrintableString characters),
/// buffer_too_small.
[[nodiscard]] Result<Attribute> challenge_password(std::string_view password, MutableBytes space) noexcept;
/// The attribute extensionRequest (RFC 2985 5.4.2), likewise. Errors: bad_attribute (a set that writes
/// nothing: Extensions is SIZE (1..MAX)), buffer_too_small.
[[nodiscard]] Result<Attribute> extension_request(const x509::ExtensionSet& extensions,
                                                  MutableBytes space) noexcept;

struct RequestFields {
  Bytes subject;                          ///< Name, whole DER
  Bytes spki;                             ///< whole DER
  std::span<const Attribute> attributes;  ///< in any order
};

/// Writes and signs a request into `buffer`, attributes in DER SET OF order; the result borrows the buffer.
/// Errors: buffer_too_small, too_many (over 10 attributes), bad_attribute (twice the same), those of
/// Crypto::sign.
[[nodiscard]] Result<Bytes> write_request(const crypto::Crypto& crypto, const RequestFields& fields,
                                          const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          MutableBytes buffer) noexcept;

}  // namespace pedigree::csr
