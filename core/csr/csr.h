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

/// What extensionRequest asks for, if anything. It brings its writer along, so that an image which asks for
/// nothing does not hold one.
class RequestedExtensions {
 public:
  constexpr RequestedExtensions() noexcept = default;
  /// Borrowed; null asks for nothing.
  constexpr RequestedExtensions(
      const x509::ExtensionSet* set) noexcept  // NOLINT(google-explicit-constructor)
      : set_(set), write_(&x509::write_extensions) {}
  [[nodiscard]] constexpr bool any() const noexcept { return set_ != nullptr; }
  void write(der::Builder& out) const noexcept {
    if (set_ != nullptr) write_(*set_, out);
  }

 private:
  const x509::ExtensionSet* set_ = nullptr;
  void (*write_)(const x509::ExtensionSet&, der::Builder&) noexcept = nullptr;
};

struct RequestFields {
  Bytes subject;                          ///< Name, whole DER
  Bytes spki;                             ///< whole DER
  std::string_view challenge_password;    ///< PrintableString characters; empty: not written
  RequestedExtensions extensions;         ///< a pointer to an ExtensionSet
  std::span<const Attribute> attributes;  ///< others
};

/// Writes and signs a request into `buffer`, attributes in DER SET OF order; the result borrows the buffer.
/// Errors: buffer_too_small, too_many (over 8 attributes), bad_attribute (twice the same), those of
/// Crypto::sign.
[[nodiscard]] Result<Bytes> write_request(const crypto::Crypto& crypto, const RequestFields& fields,
                                          const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          MutableBytes buffer) noexcept;

}  // namespace pedigree::csr
