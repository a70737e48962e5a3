// SPDX-License-Identifier: Apache-2.0
// A trust bundle as a source of status: all that a relying party without a network needs, in one signed file.
#pragma once

#include <atomic>
#include <expected>
#include <filesystem>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/crypto/crypto.h"
#include "verifier/reference.h"
#include "verifier/status.h"

namespace pedigree::verifier {

/// Whose bundles are taken.
struct BundleTrust {
  std::vector<Sha256> roots;     ///< SHA-256 of a pinned root's SubjectPublicKeyInfo
  std::optional<Sha256> signer;  ///< of the one CA that may sign; empty: any CA under the root with cRLSign
  std::uint64_t minimum_number = 0;  ///< older bundles were replaced already
};

/// Why a bundle is not taken: one sentence without a full stop.
struct BundleError {
  ErrorCode code{};
  std::string what;
};

/// What a bundle says of itself.
struct BundleFacts {
  der::UnixTime issued_at = 0;
  der::UnixTime expires_at = 0;
  std::uint64_t number = 0;
  std::uint64_t revoked = 0;      ///< certificates
  std::uint64_t devices = 0;      ///< listed
  bool devices_complete = false;  ///< a device that is not listed is unknown
  std::size_t memory = 0;         ///< octets that stay in memory: filter, digests, first keys
};

/// Speaks for the issuers that it lists, until its limit; then what it calls good is stale, and what it calls
/// revoked or suspended stays that. Where the file was changed under it, its answers are stale.
class BundleStatus final : public StatusSource {
 public:
  /// Loads a file; it is kept open and read again when the filter hits. A bundle past its limit is loaded
  /// too. Borrows `crypto`. Errors, each its own: not_found, io_failure; bad_header (no bundle);
  /// bundle_refused (not signed, or not by the CA that `trust` names); untrusted_root (another root);
  /// not_a_ca and key_usage_forbids (the signer is no CA that may sign CRLs), other errors of path
  /// validation; invalid_signature; revoked (the signer, by its own bundle); not_yet_valid (issued in the
  /// future); bad_digest, wrong_order, truncated, trailing_data (records); bundle_rolled_back; those of the
  /// manifest and of reference values.
  [[nodiscard]] static std::expected<std::unique_ptr<BundleStatus>, BundleError> open(
      const crypto::Crypto& crypto, const std::filesystem::path& path, BundleTrust trust, der::UnixTime now);
  ~BundleStatus() override;

  /// Puts another file in its place, whose number must not be smaller. Errors: as open; then the old one
  /// stays.
  [[nodiscard]] std::expected<void, BundleError> reload(const std::filesystem::path& path, der::UnixTime now);

  [[nodiscard]] BundleFacts facts() const;
  /// The pinned roots that it holds and its intermediates, DER; and its reference values. Copies.
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> roots() const;
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> intermediates() const;
  [[nodiscard]] ReferenceValues reference_values() const;

  [[nodiscard]] std::string_view name() const noexcept override { return "bundle"; }
  [[nodiscard]] std::uint64_t generation() const noexcept override { return generation_; }
  [[nodiscard]] CertificateStatus certificate(const x509::Certificate& certificate,
                                              const x509::Certificate& issuer,
                                              der::UnixTime now) const override;
  [[nodiscard]] DeviceStatus device(Bytes device_id, der::UnixTime now) const override;

 private:
  class Bundle;
  BundleStatus(const crypto::Crypto& crypto, BundleTrust trust) : crypto_(crypto), trust_(std::move(trust)) {}
  [[nodiscard]] std::shared_ptr<const Bundle> current() const;

  const crypto::Crypto& crypto_;
  BundleTrust trust_;
  mutable std::shared_mutex mutex_;
  std::shared_ptr<const Bundle> bundle_;
  std::atomic<std::uint64_t> generation_ = 0;
};

}  // namespace pedigree::verifier
