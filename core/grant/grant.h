// SPDX-License-Identifier: Apache-2.0
// The grant: the authority's permission for one device, one operation and one nonce that the device handed
// out.
#pragma once

#include "core/enrol/messages.h"
#include "core/x509/certificate.h"

namespace pedigree::grant {

using enrol::Purpose;  ///< what a key is for

/// The extended key usage of whoever may sign grants: kp-deviceGrant and nothing else,
/// 1.2.840.113556.1.8000.2554.2662.6633.45584.16962.42441.885523.9894.4 (the arc is that of
/// image::FirmwareLimits). DER of its one KeyPurposeId: the content of the extension's SEQUENCE.
inline constexpr std::array<std::uint8_t, 32> kKeyPurposes{
    0x06, 0x1e, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, 0x94, 0x66, 0xb3,
    0x69, 0x82, 0xe4, 0x10, 0x81, 0x84, 0x42, 0x82, 0xcb, 0x49, 0xb6, 0x86, 0x13, 0xcd, 0x26, 0x04};
/// Its OID's content octets.
inline constexpr Bytes kKeyPurpose = Bytes(kKeyPurposes).subspan(2);
/// Bound into the signature as external_aad, so that no other COSE_Sign1 by the same key passes for a grant.
inline constexpr std::string_view kContext = "Pedigree grant";
/// Octets of the longest grant, of the longest payload, and of what verify needs to work in. A device with
/// little memory may take less than kMaxSize, and says so with its challenge.
inline constexpr std::size_t kMaxSize = 2048;
inline constexpr std::size_t kMaxPayload = 136;
inline constexpr std::size_t kScratch = 192;

/// What a secured device is permitted. Numbers travel: extend, never renumber. begin: one key in an empty
/// slot; replace: one pending key beside the active one; destroy: to wipe a slot; repin: to trust another
/// root from now on; decommission: to wipe every slot and to serve nothing but info any more.
enum class Operation : std::uint8_t { begin = 1, replace = 2, destroy = 3, repin = 4, decommission = 5 };
/// "begin", "replace"...; static storage.
[[nodiscard]] std::string_view name(Operation operation) noexcept;

/// The payload: a CBOR map of those of these keys that the operation has, in this order.
struct Grant {
  Operation operation{};         // 1
  Bytes device_id{};             // 2: 33 octets
  Bytes nonce{};                 // 3: 32 octets, of the device's challenge
  std::uint64_t issued_at = 0;   // 4: the authority's time, seconds since 1970
  std::uint64_t expires_at = 0;  // 5: later than that
  std::uint8_t slot = 0;         // 6: from 1; begin, replace, destroy
  Purpose purpose{};             // 7: begin, replace
  crypto::KeyType type{};        // 8: begin, replace
  Bytes root{};                  // 9: SHA-256 of the new root's SubjectPublicKeyInfo; repin
};
void encode(const Grant& m, Writer& out) noexcept;
/// There is one encoding of a grant. Errors: grant_malformed, with the offset in `payload`, which the result
/// borrows.
[[nodiscard]] Result<Grant> decode(Bytes payload) noexcept;

/// A grant and who has signed it, unverified: for tools that show it. Views borrow from the message.
struct Signed {
  Grant grant;
  std::array<Bytes, 2> chain{};  ///< the signer's certificate and the root's
  Bytes payload;
  Bytes signature;  ///< r | s
};
/// Reads a signed grant that fills `message` and is at most kMaxSize octets. It has one form, of which a
/// device needs less code than for any other: a COSE_Sign1 with tag, protected header {1: ES256}, unprotected
/// header {33: [signer, root]}, the payload attached. Errors: grant_malformed, with the offset in `message`.
[[nodiscard]] Result<Signed> read(Bytes message) noexcept;

/// What the grants that a device has taken before tell it, which has no clock.
struct Seen {
  std::uint64_t time = 0;          ///< the latest time of issue
  std::uint64_t signer_since = 0;  ///< notBefore of the newest signer's certificate; 0: none before 1970
};

/// Reads a signed grant, decides whether its signer may sign it, and verifies the signature. The signer's
/// certificate is for a P-256 key and states kKeyPurposes; the other is that of the root whose
/// SubjectPublicKeyInfo has the SHA-256 `root`. The path between them holds; the signer's certificate is
/// valid when the grant was issued and at `seen.time`, and is not older than one seen before: who gets a new
/// one ends the old one with its first grant. On success `seen` is what has now been seen; on error it is
/// unchanged. Whose grant it is, and for what, is for the caller to compare. `scratch` has kScratch octets.
/// The result borrows `message`. Errors: grant_malformed, grant_expired, grant_signer_refused, those of a
/// path's verdict, wrong_key_type, those of Crypto::verify.
[[nodiscard]] Result<Grant> verify(const crypto::Crypto& crypto, Bytes message, const Sha256& root,
                                   Seen& seen, MutableBytes scratch) noexcept;

/// Writes and signs a grant into `buffer` (about twice its size). `signer` and `root` are certificates.
/// Errors: wrong_key_type (not P-256), too_long (over kMaxSize), those of cose::write_sign1.
[[nodiscard]] Result<Bytes> sign(const crypto::Crypto& crypto, const Grant& grant, Bytes signer, Bytes root,
                                 const crypto::PrivateKey& key, MutableBytes buffer) noexcept;

}  // namespace pedigree::grant
