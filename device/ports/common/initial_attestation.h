// SPDX-License-Identifier: Apache-2.0
// The platform's initial attestation service, where the platform below has none of its own: makes the tokens
// that psa_initial_attest_get_token hands out.
#pragma once

#include "core/crypto/crypto.h"
#include "core/psa_token/psa_token.h"
#include "device/service/platform.h"
#include "psa/initial_attestation.h"

namespace pedigree::device {

/// The client id that tokens bear which Pedigree's service asked for: the service's partition.
inline constexpr std::int32_t kServicePartition = 0x100;

/// The signer-id of a component that nobody has signed (docs/formats.md): a boot stage that cannot be
/// replaced, and a simulated device.
inline constexpr std::array<std::uint8_t, 32> kUnsigned{};
/// Name of the hash in the registry of named information (RFC 9783 4.4.1).
inline constexpr std::string_view kMeasurementHash = "sha-256";

/// What the boot found, and what the platform's maker says of it. Borrowed texts and components outlive it.
struct BootRecord {
  std::array<std::uint8_t, 32> boot_seed{};  ///< random, made at boot
  std::array<std::uint8_t, psa_token::kImplementationIdSize> implementation_id{};
  std::string_view certification_reference{};  ///< empty: none
  std::string_view verification_service{};     ///< empty: none
  std::span<const psa_token::SoftwareComponent> components{};
};

/// An implementation id that is a text of up to 32 octets, filled up with zeros.
[[nodiscard]] constexpr std::array<std::uint8_t, psa_token::kImplementationIdSize> implementation_id(
    std::string_view text) noexcept {
  std::array<std::uint8_t, psa_token::kImplementationIdSize> id{};
  for (std::size_t i = 0; i < text.size(); ++i) id[i] = static_cast<std::uint8_t>(text[i]);
  return id;
}

/// One for a device. Everything is borrowed.
class InitialAttestation {
 public:
  constexpr InitialAttestation(const Platform& platform, const crypto::Crypto& crypto,
                               const BootRecord& record) noexcept
      : platform_(platform), crypto_(crypto), record_(record) {}

  /// The token for a client (negative: non-secure) over `challenge`, signed by the platform's attestation
  /// key, into the first `size` octets of `out`. Statuses as psa_initial_attest_get_token's.
  [[nodiscard]] psa_status_t token(std::int32_t client, Bytes challenge, MutableBytes out,
                                   std::size_t& size) noexcept;
  /// Octets of that token.
  [[nodiscard]] psa_status_t token_size(std::int32_t client, std::size_t challenge_size,
                                        std::size_t& size) const noexcept;

 private:
  void write_payload(std::int32_t client, Bytes challenge, Writer& out) const noexcept;

  const Platform& platform_;
  const crypto::Crypto& crypto_;
  const BootRecord& record_;
  /// Claims, and then the token with its Sig_structure.
  std::array<std::uint8_t, 768> payload_{};
  std::array<std::uint8_t, 2 * PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE> token_{};
};

}  // namespace pedigree::device
