// SPDX-License-Identifier: Apache-2.0
// OCSP answers, given by file or stapled, as a source of status. Nothing is fetched.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/crypto/crypto.h"
#include "verifier/status.h"

namespace pedigree::verifier {

/// How old answers may be.
struct OcspLimits {
  /// Of an answer without nextUpdate, seconds after its thisUpdate.
  der::UnixTime max_age = 24 * 3600;
  /// How much the responder's clock may be ahead, seconds.
  der::UnixTime clock_skew = 300;
};

/// Answers about any number of certificates; of several about one the latest thisUpdate counts. An answer
/// says nothing unless the certificate's issuer signed it, or a responder whose certificate that issuer
/// signed with the key purpose OCSPSigning and which is valid at the time asked for (RFC 6960 4.2.2.2).
/// Whether the responder's own certificate is revoked is not asked: give responders certificates that live
/// for days.
class OcspStatus final : public StatusSource {
 public:
  /// Borrows `crypto`.
  explicit OcspStatus(const crypto::Crypto& crypto, OcspLimits limits = {});
  ~OcspStatus() override;

  /// Adds a response, DER. Where `nonce` is given, the response must carry it (RFC 6960 4.4.1). Errors: those
  /// of OcspResponse::parse, bad_nonce.
  [[nodiscard]] Result<void> add(std::vector<std::uint8_t> der, std::optional<Bytes> nonce = {});
  /// Forgets all answers.
  void clear();
  /// Answers, not responses.
  [[nodiscard]] std::size_t size() const;

  [[nodiscard]] std::string_view name() const noexcept override { return "OCSP"; }
  [[nodiscard]] std::uint64_t generation() const noexcept override;
  [[nodiscard]] CertificateStatus certificate(const x509::Certificate& certificate,
                                              const x509::Certificate& issuer,
                                              der::UnixTime now) const override;
  [[nodiscard]] DeviceStatus device(Bytes device_id, der::UnixTime now) const override;

 private:
  class Response;
  struct Answer;
  [[nodiscard]] std::optional<Answer> latest(const x509::Certificate& certificate,
                                             const x509::Certificate& issuer, der::UnixTime now) const;

  const crypto::Crypto& crypto_;
  OcspLimits limits_;
  mutable std::shared_mutex mutex_;
  std::multimap<std::string, Answer, std::less<>> answers_;  // by serial number
  std::atomic<std::uint64_t> generation_ = 0;
};

}  // namespace pedigree::verifier
