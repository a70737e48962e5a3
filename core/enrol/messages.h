// SPDX-License-Identifier: Apache-2.0
// The provisioning messages of SMP group 80, each defined once for device and host (docs/formats.md has the
// table). Every message is a CBOR map with short text keys. Unknown keys are passed over, so that either side
// may be newer; a key twice is refused (duplicate). Views borrow from the payload.
#pragma once

#include <optional>

#include "core/cose/cose.h"
#include "core/crypto/crypto.h"
#include "core/smp/smp.h"

namespace pedigree::enrol {

/// Commands of SMP group 80 (smp::kPedigreeGroup); the numbers travel: extend, never renumber.
enum class Command : std::uint8_t {
  info = 0,
  slots = 1,
  begin = 2,
  csr = 3,
  chain = 4,
  commit = 5,
  abort = 6,
  attest = 7,
  challenge = 8,
  destroy = 9,
  public_key = 10,
  revocations = 11,  ///< image_group.h
};

/// Numbers are stored and travel: extend, never renumber.
enum class Purpose : std::uint8_t { iak = 1, idevid = 2, tls = 3, data = 4 };
enum class SlotState : std::uint8_t {
  empty = 0,
  pending = 1,
  active = 2,
  replacing = 3
};  ///< replacing: a pending key beside the active one
enum class Origin : std::uint8_t { generate = 1, derive = 2, builtin = 3, import = 4 };
/// PSA lifecycle (PSA certified attestation API): high octet of the lifecycle claim.
enum class Lifecycle : std::uint8_t {
  unknown = 0,
  assembly_and_test = 1,
  rot_provisioning = 2,
  secured = 3,
  debug = 4,
  decommissioned = 6
};
/// Where the device's random numbers come from. platform: a hardware source, or what the platform vouches
/// for; seed: a secret seed that each device was made with; fixed: a seed that is in the firmware, so that
/// anybody can repeat what the device draws.
enum class Entropy : std::uint8_t { unknown = 0, platform = 1, seed = 2, fixed = 3 };
[[nodiscard]] std::string_view name(Purpose) noexcept;
[[nodiscard]] std::string_view name(SlotState) noexcept;
[[nodiscard]] std::string_view name(Origin) noexcept;
[[nodiscard]] std::string_view name(Lifecycle) noexcept;
[[nodiscard]] std::string_view name(Entropy) noexcept;

/// Device id: UEID of RFC 9711, 33 octets, the first 0x01.
inline constexpr std::size_t kDeviceIdSize = 33;
inline constexpr std::size_t kMaxSlots = 8;
inline constexpr std::size_t kMaxLabel = 32;
inline constexpr std::size_t kNonceSize = 32;
/// "assign one" in begin.
inline constexpr std::uint32_t kAnySlot = 0;

/// info (read): request is an empty map.
struct InfoResponse {
  std::string_view version{};          // "ver"
  Bytes device_id{};                   // "id"   33 octets
  Lifecycle lifecycle{};               // "lc"
  std::optional<Bytes> pinned_root{};  // "root" 32 octets
  std::string_view world{};            // "world" "TrustZone", "simulated"
  bool dummy_key = false;              // "dummy" a published test key is in use
  Entropy entropy{};                   // "ent"
  std::uint32_t slots_used = 0;        // "used"
  std::uint32_t slots_total = 0;       // "slots"
  std::uint32_t max_chain = 0;         // "maxc" octets of the largest chain
  std::uint32_t algorithms = 0;        // "algs" bit n: crypto::KeyType n
  std::uint32_t origins = 0;           // "orig" bit n: Origin n
};

struct SlotInfo {
  std::uint32_t slot = 0;        // "slot"
  Purpose purpose{};             // "use"
  crypto::KeyType type{};        // "alg"
  SlotState state{};             // "st"
  Origin origin{};               // "orig"
  Bytes spki_sha256{};           // "key" 32 octets; of the pending key while pending, else of the active key
  std::uint32_t chain_size = 0;  // "len" octets of the committed chain, 0 if none
  std::optional<Bytes> chain_sha256{};  // "sha"
  std::uint32_t staged = 0;             // "off" octets of the staged chain received so far
};
struct SlotsResponse {
  std::array<SlotInfo, kMaxSlots> slots{};  // "slots"
  std::size_t count = 0;
};

struct BeginRequest {
  std::uint32_t slot = kAnySlot;  // "slot"
  Purpose purpose{};              // "use"
  crypto::KeyType type{};         // "alg"
  Origin origin{};                // "orig"
  std::string_view label{};       // "label" for derive; empty otherwise
  Bytes import_key{};             // "key"   for import: the private scalar; empty otherwise
  bool replace = false;           // "repl"  make a pending key beside an active one
};
struct BeginResponse {
  std::uint32_t slot = 0;  // "slot"
  bool reused = false;     // "reused" the pending key was there already
  Bytes spki{};            // "spki" DER
};

/// csr (read): the CSR comes in chunks; the device keeps it until the next csr request with another nonce.
struct CsrRequest {
  std::uint32_t slot = 0;    // "slot"
  Bytes nonce{};             // "nonce" 32 octets from the authority
  std::uint32_t offset = 0;  // "off"
  bool evidence = false;     // "evid"  with a token that says where the key was made
};
/// attest (read): the token comes in chunks; the device keeps it until the next request for another one.
struct AttestRequest {
  std::uint32_t slot = 0;    // "slot"  0: the built-in attestation key's, or none
  Bytes nonce{};             // "nonce" 32, 48 or 64 octets: the challenge
  bool chain = false;        // "chain" with the slot's chain as x5chain
  std::uint32_t offset = 0;  // "off"
};
/// A part of an object: csr, attest, chain read.
struct ChunkResponse {
  std::uint32_t offset = 0;              // "off"
  Bytes data{};                          // "data"
  std::optional<std::uint32_t> total{};  // "len" octets of the whole, with the first part
};

struct ChainReadRequest {
  std::uint32_t slot = 0;    // "slot"
  std::uint32_t offset = 0;  // "off"
};
struct ChainWriteRequest {
  std::uint32_t slot = 0;                // "slot"
  std::uint32_t offset = 0;              // "off"
  Bytes data{};                          // "data"
  std::optional<std::uint32_t> total{};  // "len" at offset 0
  std::optional<Bytes> sha256{};         // "sha" at offset 0: of the whole chain, so that a transfer resumes
};
struct ChainWriteResponse {
  std::uint32_t offset = 0;  // "off" where to go on
};

/// commit (write); and (read) a further part of the receipt that it answered with, a ChunkResponse.
struct CommitRequest {
  std::uint32_t slot = 0;    // "slot"
  Bytes nonce{};             // "nonce" for the receipt
  std::uint32_t offset = 0;  // "off" when reading
};
struct CommitResponse {
  Bytes receipt{};  // "rcpt" COSE_Sign1: a Receipt, or an attestation token over one; its first part if it
                    // does not fit
  std::optional<std::uint32_t> total{};  // "len" octets of the whole, where this is a part
};

/// challenge (command 8), read: request is an empty map. The nonce stays the same until a grant is tried with
/// it, or the device resets. Written: the signed grant (core/grant/grant.h) in parts, one after another
/// (RevocationsWrite), answered with where to go on (ChainWriteResponse); its last octet is answered when it
/// was verified.
struct ChallengeResponse {
  Bytes nonce{};               // "nonce" 32 octets
  std::uint32_t max_size = 0;  // "max" octets of the longest grant that the device takes
};

struct SlotRequest {       // abort, destroy, public key
  std::uint32_t slot = 0;  // "slot"
};
struct PublicKeyResponse {
  Bytes spki{};  // "spki" DER
};

/// Each message: encode writes the payload map, decode<Message> reads one that fills `payload`. Fields that
/// may be absent are written only where they are not 0, false or empty. Errors of decode, with the offset in
/// `payload`: those of cbor::read_unique_map, missing_field, bad_value (lengths, enumerators), too_many
/// (slots), trailing_data.
void encode(const InfoResponse& m, Writer& out) noexcept;
void encode(const SlotsResponse& m, Writer& out) noexcept;
void encode(const BeginRequest& m, Writer& out) noexcept;
void encode(const BeginResponse& m, Writer& out) noexcept;
void encode(const CsrRequest& m, Writer& out) noexcept;
void encode(const AttestRequest& m, Writer& out) noexcept;
void encode(const ChunkResponse& m, Writer& out) noexcept;
void encode(const ChainReadRequest& m, Writer& out) noexcept;
void encode(const ChainWriteRequest& m, Writer& out) noexcept;
void encode(const ChainWriteResponse& m, Writer& out) noexcept;
void encode(const CommitRequest& m, Writer& out) noexcept;
void encode(const CommitResponse& m, Writer& out) noexcept;
void encode(const ChallengeResponse& m, Writer& out) noexcept;
void encode(const SlotRequest& m, Writer& out) noexcept;
void encode(const PublicKeyResponse& m, Writer& out) noexcept;
/// decode<InfoResponse>(payload) and so on; defined for each message above.
template <typename Message>
[[nodiscard]] Result<Message> decode(Bytes payload) noexcept;
template <>
Result<InfoResponse> decode<InfoResponse>(Bytes payload) noexcept;
template <>
Result<SlotsResponse> decode<SlotsResponse>(Bytes payload) noexcept;
template <>
Result<BeginRequest> decode<BeginRequest>(Bytes payload) noexcept;
template <>
Result<BeginResponse> decode<BeginResponse>(Bytes payload) noexcept;
template <>
Result<CsrRequest> decode<CsrRequest>(Bytes payload) noexcept;
template <>
Result<AttestRequest> decode<AttestRequest>(Bytes payload) noexcept;
template <>
Result<ChunkResponse> decode<ChunkResponse>(Bytes payload) noexcept;
template <>
Result<ChainReadRequest> decode<ChainReadRequest>(Bytes payload) noexcept;
template <>
Result<ChainWriteRequest> decode<ChainWriteRequest>(Bytes payload) noexcept;
template <>
Result<ChainWriteResponse> decode<ChainWriteResponse>(Bytes payload) noexcept;
template <>
Result<CommitRequest> decode<CommitRequest>(Bytes payload) noexcept;
template <>
Result<CommitResponse> decode<CommitResponse>(Bytes payload) noexcept;
template <>
Result<ChallengeResponse> decode<ChallengeResponse>(Bytes payload) noexcept;
template <>
Result<SlotRequest> decode<SlotRequest>(Bytes payload) noexcept;
template <>
Result<PublicKeyResponse> decode<PublicKeyResponse>(Bytes payload) noexcept;

/// What the receipt's COSE_Sign1 carries as payload: CBOR map {1: slot, 2: SHA-256 of the chain as on the
/// wire, 3: nonce, 4: device id}. Signed by the slot's own key; verified by the authority under the leaf it
/// issued. The built-in attestation key signs tokens only: its receipt is a token over this
/// (core/evidence/challenge.h).
struct Receipt {
  std::uint32_t slot = 0;
  Bytes chain_sha256{};
  Bytes nonce{};
  Bytes device_id{};
};
void encode(const Receipt& m, Writer& out) noexcept;
/// There is one encoding of a receipt: these four keys in this order. Errors also: wrong_order,
/// unknown_field.
template <>
Result<Receipt> decode<Receipt>(Bytes payload) noexcept;

}  // namespace pedigree::enrol
