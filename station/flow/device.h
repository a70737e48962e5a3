// SPDX-License-Identifier: Apache-2.0
// The provisioning messages of SMP group 80 as calls on one device, with objects moved in chunks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/enrol/messages.h"
#include "station/link/link.h"

namespace pedigree::station {

/// info, in values that outlive the answer.
struct DeviceInfo {
  std::string version;
  std::string id;  ///< 66 hex digits
  enrol::Lifecycle lifecycle{};
  std::string pinned_root;  ///< hex of SHA-256, empty if none is pinned
  std::string world;
  bool dummy_key = false;
  enrol::Entropy entropy{};
  std::uint32_t slots_used = 0;
  std::uint32_t slots_total = 0;
  std::uint32_t max_chain = 0;
  std::uint32_t algorithms = 0;  ///< bit n: crypto::KeyType n
  std::uint32_t origins = 0;     ///< bit n: enrol::Origin n
};

struct Slot {
  std::uint32_t slot = 0;
  enrol::Purpose purpose{};
  crypto::KeyType type{};
  enrol::SlotState state{};
  enrol::Origin origin{};
  std::string key;  ///< hex of SHA-256 of the SPKI: the pending key's while pending
  std::uint32_t chain_size = 0;
  std::string chain_sha256;  ///< hex, empty if no chain is committed
  std::uint32_t staged = 0;
};

struct KeyRequest {
  std::uint32_t slot = enrol::kAnySlot;
  enrol::Purpose purpose{};
  crypto::KeyType type = crypto::KeyType::p256;
  enrol::Origin origin = enrol::Origin::generate;
  bool replace = false;  ///< beside the slot's active key, which serves until commit
};

struct PendingKey {
  std::uint32_t slot = 0;
  bool reused = false;
  std::vector<std::uint8_t> spki;
};

/// The nonce that a grant must answer, and octets of the longest one.
struct Challenge {
  Sha256 nonce{};
  std::uint32_t max_size = 0;
};

/// Failures of every call: Side::device with the device's own error, and those of Link::exchange.
class Device {
 public:
  /// The link is borrowed.
  explicit Device(Link& link) noexcept : link_(link) {}

  [[nodiscard]] Outcome<DeviceInfo> info();
  [[nodiscard]] Outcome<std::vector<Slot>> slots();
  [[nodiscard]] Outcome<PendingKey> begin(const KeyRequest& request);
  /// The request over `nonce`: PKCS#10 in DER, with evidence or without; or a token request
  /// (core/evidence/evidence.h).
  [[nodiscard]] Outcome<std::vector<std::uint8_t>> csr(std::uint32_t slot, Bytes nonce,
                                                       bool evidence = false);
  /// An attestation token over a challenge of 32, 48 or 64 octets; with the slot's chain in it if wanted.
  /// Slot 0 is the built-in attestation key's.
  [[nodiscard]] Outcome<std::vector<std::uint8_t>> attest(std::uint32_t slot, Bytes challenge, bool chain);
  /// The committed chain as on the wire.
  [[nodiscard]] Outcome<std::vector<std::uint8_t>> read_chain(std::uint32_t slot);
  /// Sends a chain; goes on where an earlier transfer of the same chain (`sha256`) stopped.
  [[nodiscard]] Outcome<void> write_chain(std::uint32_t slot, Bytes chain, const Sha256& sha256);
  /// The receipt.
  [[nodiscard]] Outcome<std::vector<std::uint8_t>> commit(std::uint32_t slot, Bytes nonce);
  [[nodiscard]] Outcome<void> abort(std::uint32_t slot);
  [[nodiscard]] Outcome<void> destroy(std::uint32_t slot);
  /// What a grant must answer.
  [[nodiscard]] Outcome<Challenge> challenge();
  /// Sends a signed grant, which the device verifies with the last part.
  [[nodiscard]] Outcome<void> send_grant(Bytes grant);

 private:
  [[nodiscard]] Outcome<std::vector<std::uint8_t>> commit_once(std::uint32_t slot, Bytes nonce);
  template <typename Message>
  [[nodiscard]] Request request(smp::Operation operation, enrol::Command command, const Message& message,
                                bool slow);
  /// `at(offset)` makes the request for the part that starts there.
  template <typename At>
  [[nodiscard]] Outcome<std::vector<std::uint8_t>> read_object(At at, std::string_view what);
  [[nodiscard]] Request chain_part(std::uint32_t slot, Bytes chain, const Sha256& sha256, std::size_t offset);

  Link& link_;
};

}  // namespace pedigree::station
