// SPDX-License-Identifier: Apache-2.0
// CRLs as a source of status (RFC 5280 6.3): looked up by indexes, believed only where the issuer signed.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "core/crypto/crypto.h"
#include "verifier/status.h"

namespace pedigree::verifier {

/// CRLs of any number of issuers. Of several lists that speak of a certificate (Crl::covers) the one with the
/// latest thisUpdate counts. A delta CRL (RFC 5280 5.2.4) that is newer revokes at once, lifts a hold of the
/// complete list that it completes, and clears nothing.
/// A list says nothing of certificates whose issuer's key did not sign it or may not sign CRLs (keyUsage).
/// After its nextUpdate, without a nextUpdate, or before its thisUpdate it is stale; a certificate that it
/// names stays revoked. Those that are limited to a distribution point are found by its names, however many
/// there are.
class CrlStatus final : public StatusSource {
 public:
  /// Borrows `crypto`.
  explicit CrlStatus(const crypto::Crypto& crypto);
  ~CrlStatus() override;

  /// Adds a list, DER. Its signature is checked when an issuer is known. Errors: those of
  /// Crl::parse_any.
  [[nodiscard]] Result<void> add(std::vector<std::uint8_t> der);
  /// Puts these lists in the place of all. On error nothing changes; its offset counts in the list at fault.
  [[nodiscard]] Result<void> replace(std::vector<std::vector<std::uint8_t>> lists);
  [[nodiscard]] std::size_t size() const;

  [[nodiscard]] std::string_view name() const noexcept override { return "CRL"; }
  [[nodiscard]] std::uint64_t generation() const noexcept override;
  [[nodiscard]] CertificateStatus certificate(const x509::Certificate& certificate,
                                              const x509::Certificate& issuer,
                                              der::UnixTime now) const override;
  [[nodiscard]] DeviceStatus device(Bytes device_id, der::UnixTime now) const override;

 private:
  class List;
  class Lists;
  const crypto::Crypto& crypto_;
  mutable std::shared_mutex mutex_;
  std::unique_ptr<Lists> lists_;
  std::atomic<std::uint64_t> generation_ = 0;
};

}  // namespace pedigree::verifier
