// SPDX-License-Identifier: Apache-2.0
// The list of revoked firmware signers: small enough for a device to keep, signed below the firmware root,
// numbered so that an older one is never taken again.
#pragma once

#include "core/firmware_image/signer.h"

namespace pedigree::image {

/// kp-signerRevocation, 1.2.840.113556.1.8000.2554.2662.6633.45584.16962.42441.885523.9894.2: the key
/// purpose of whoever may sign a list (the arc is that of FirmwareLimits). Content octets.
inline constexpr std::array<std::uint8_t, 30> kSignerRevocationPurpose{
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, 0x94, 0x66, 0xb3, 0x69,
    0x82, 0xe4, 0x10, 0x81, 0x84, 0x42, 0x82, 0xcb, 0x49, 0xb6, 0x86, 0x13, 0xcd, 0x26, 0x02};
/// Bound into the signature as external_aad, so that no other COSE_Sign1 by the same key passes for a list.
inline constexpr std::string_view kRevocationContext = "Pedigree signer revocations";
/// Octets of the longest list, and of what verify_list needs to work in.
inline constexpr std::size_t kMaxRevocationList = 8192;
inline constexpr std::size_t kRevocationScratch = 4608;
/// Keys that one list names at most.
inline constexpr std::size_t kMaxRevocations = 128;

/// The payload is the CBOR map {1: number, 2: issued at, 3: [* SHA-256 of a SubjectPublicKeyInfo]}, keys in
/// this order, the hashes ascending and each once.
struct RevocationList {
  std::uint64_t number = 0;     ///< from 1; each list's is larger than that of every list before
  der::UnixTime issued_at = 0;  ///< seconds since 1970
  Bytes entries;                ///< items of the array: 34 octets each, the last 32 the hash; borrowed
  [[nodiscard]] std::size_t size() const noexcept { return entries.size() / kEntrySize; }
  /// Hash `index` (< size()), 32 octets.
  [[nodiscard]] Bytes operator[](std::size_t index) const noexcept {
    return entries.subspan(index * kEntrySize + kEntrySize - sizeof(Sha256), sizeof(Sha256));
  }
  /// Whether the list names the key with this hash.
  [[nodiscard]] bool contains(const Sha256& spki_sha256) const noexcept;
  static constexpr std::size_t kEntrySize = 34;
};

/// Parses a payload that fills `cbor`, which the result borrows. Errors: list_refused (offset in `cbor`).
[[nodiscard]] Result<RevocationList> parse_revocations(Bytes cbor) noexcept;
/// Writes a payload. `keys` ascend, each once, at most kMaxRevocations.
void write_revocations(std::uint64_t number, der::UnixTime issued_at, std::span<const Sha256> keys,
                       Writer& out) noexcept;

/// Parses a signed list (COSE_Sign1, tagged, of at most kMaxRevocationList octets), decides whether its
/// signer may sign it, and verifies the signature:
/// - the path of its x5chain holds up to an anchor (x509::validate_path), for the purpose
/// kp-signerRevocation;
/// - the signer's certificate states this purpose and no other, with digitalSignature;
/// - every CA between it and the root states this purpose too (an OEM's intermediate states codeSigning only,
/// a
///   CA of devices states nothing), so that only whom the root has named can revoke, or hold back, a list;
/// - it does not name the root's own key, which only the device's maker can replace.
/// `scratch` has kRevocationScratch octets. `path` receives what path validation said. The result borrows
/// `message`. Errors: list_refused (all of the above), unsupported_algorithm, buffer_too_small,
/// crypto_failure.
[[nodiscard]] Result<RevocationList> verify_list(const crypto::Crypto& crypto, Bytes message,
                                                 const TrustOptions& options, MutableBytes scratch,
                                                 x509::Verdict& path) noexcept;
/// A signed list and the chain of its signer, unverified: for tools that show it. Errors: list_refused.
struct SignedRevocations {
  RevocationList list;
  cose::X5Chain chain;
};
[[nodiscard]] Result<SignedRevocations> read_list(Bytes message) noexcept;

/// Writes and signs a list into `buffer` (about twice its size; see cose::write_sign1). `payload` is that of
/// write_revocations; `chain` is the signer's, leaf first, with the root as its last where devices know the
/// root by its hash. Errors: too_long (over kMaxRevocationList), those of cose::write_sign1.
[[nodiscard]] Result<Bytes> sign_list(const crypto::Crypto& crypto, Bytes payload,
                                      std::span<const Bytes> chain, const crypto::PrivateKey& key,
                                      MutableBytes buffer) noexcept;

/// Whether a verified list takes the place of the one that is kept: true where its number is higher, false
/// where both are the same octets and nothing is to be done. Errors: list_rolled_back.
[[nodiscard]] Result<bool> replaces(const RevocationList& offered, Bytes offered_message,
                                    const RevocationList& kept, Bytes kept_message) noexcept;

/// Checks every certificate of a signer's chain against a verified list. Errors: signer_revoked (offset =
/// index of the certificate, 0 the signer's own), those of Certificate::parse, crypto_failure.
[[nodiscard]] Result<void> check_not_revoked(const crypto::Crypto& crypto, const RevocationList& list,
                                             const cose::X5Chain& chain) noexcept;

}  // namespace pedigree::image
