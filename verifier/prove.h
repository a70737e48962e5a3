// SPDX-License-Identifier: Apache-2.0
// Proving a chain: path validation, what the leaf says, and what the status sources say of it.
#pragma once

#include <span>

#include "core/cose/cose.h"
#include "verifier/policy.h"
#include "verifier/proven_chains.h"

namespace pedigree::verifier {

/// What a signing key must be certified for.
enum class KeyUse : std::uint8_t { attestation = 1, data = 2 };
/// Its key purpose, OID content octets.
[[nodiscard]] Bytes purpose_oid(KeyUse use) noexcept;

/// The policy's roots, ready for path validation. The certificates are shared with appraisals.
class Roots {
 public:
  explicit Roots(const Policy& policy);
  [[nodiscard]] std::span<const x509::TrustAnchor> anchors() const noexcept { return anchors_; }
  /// Which of the policy's roots an anchor is.
  [[nodiscard]] std::size_t number(std::size_t anchor) const noexcept { return numbers_[anchor]; }
  /// Null where the root is known by its key alone.
  [[nodiscard]] const std::shared_ptr<const std::vector<std::uint8_t>>& certificate(
      std::size_t anchor) const noexcept {
    return certificates_[anchor];
  }

 private:
  std::vector<std::shared_ptr<const std::vector<std::uint8_t>>> certificates_;
  std::vector<x509::TrustAnchor> anchors_;
  std::vector<std::size_t> numbers_;
};

/// Parses the certificates of a chain; views of its DER. Errors: empty_chain, path_too_long, those of
/// Certificate::parse; `where` is then the certificate.
[[nodiscard]] Result<std::vector<x509::Certificate>> parse_chain(std::span<const Bytes> chain,
                                                                 std::size_t& where);

/// What proving a chain came to.
struct Proof {
  x509::Verdict verdict;              ///< as of the time of the appraisal
  std::optional<ErrorCode> validity;  ///< expired or not_yet_valid
  std::size_t validity_where = 0;     ///< of which certificate
  std::shared_ptr<ProvenPath> path;   ///< null: the chain does not hold, time aside
};
[[nodiscard]] Proof prove(const crypto::Crypto& crypto, const Roots& roots,
                          std::span<const x509::Certificate> chain, KeyUse use, der::UnixTime now);

/// Asks every source about the chain's certificates below the root, and about the device.
[[nodiscard]] Standing ask_sources(std::span<const StatusSource* const> sources, const Policy& policy,
                                   const Roots& roots, std::span<const x509::Certificate> chain,
                                   std::size_t anchor, Bytes device_id, der::UnixTime now);
/// The same about a device alone.
[[nodiscard]] DeviceStatus ask_device(std::span<const StatusSource* const> sources, Bytes device_id,
                                      der::UnixTime now);
/// Whether what was concluded may be used again.
[[nodiscard]] bool holds(const Standing& standing, std::span<const StatusSource* const> sources,
                         der::UnixTime now) noexcept;

/// What a level makes of something that is not as it should be.
[[nodiscard]] constexpr Outcome outcome_of(Level level) noexcept {
  return level == Level::reject ? Outcome::failed
         : level == Level::warn ? Outcome::warning
                                : Outcome::skipped;
}

}  // namespace pedigree::verifier
