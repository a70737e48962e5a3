// SPDX-License-Identifier: Apache-2.0
// What checks work with: the device on its wire, a test authority, and the slots that the suite has made.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "core/enrol/messages.h"
#include "station/conformance/check.h"
#include "station/conformance/test_authority.h"
#include "station/conformance/wire.h"
#include "station/flow/device.h"
#include "station/flow/payload.h"

namespace pedigree::station::conformance {

/// What the caller allows.
struct Permissions {
  bool pin_root = false;       ///< a device without a root may be given the test authority's
  bool change_in_use = false;  ///< a device that has keys or chains of its own may be tested
};

/// Cuts the device's power and gives it back: the caller's hook. Returns a failure's sentence.
using PowerCut = std::function<Outcome<void>()>;

/// A key that the suite has made.
struct TestKey {
  std::uint32_t slot = 0;
  bool reused = false;
  Octets spki;
};

/// What a bench borrows, and what it may do.
struct Tools {
  Wire& wire;
  const crypto::Crypto& crypto;
  TestAuthority& authority;
  KeyMaker& keys;
  Permissions permissions;
  PowerCut power_cut;  ///< empty: none
};

class Bench {
 public:
  explicit Bench(const Tools& tools)
      : wire(tools.wire),
        device(tools.wire),
        crypto(tools.crypto),
        authority(tools.authority),
        keys(tools.keys),
        permissions(tools.permissions),
        power_cut(tools.power_cut) {}

  /// Asks the device what it is and holds. To be called before any check.
  [[nodiscard]] Outcome<void> meet();

  // Calls of group 80 as they are, without help.
  [[nodiscard]] Outcome<Octets> call(smp::Operation operation, enrol::Command command, Octets payload,
                                     bool slow = false);
  template <typename Message>
  [[nodiscard]] Outcome<Octets> read(enrol::Command command, const Message& message, bool slow = false) {
    return call(smp::Operation::read, command, encoded(message), slow);
  }
  template <typename Message>
  [[nodiscard]] Outcome<Octets> write(enrol::Command command, const Message& message, bool slow = false) {
    return call(smp::Operation::write, command, encoded(message), slow);
  }
  /// Remembers the slot, so that clean() removes it.
  [[nodiscard]] Outcome<TestKey> begin(const enrol::BeginRequest& request);
  /// A generated P-256 key in a free slot. Not run where there is none, or the lifecycle allows none.
  [[nodiscard]] Outcome<TestKey> begin(enrol::Purpose purpose = enrol::Purpose::data);
  [[nodiscard]] Outcome<Octets> public_key(std::uint32_t slot);
  [[nodiscard]] Outcome<void> destroy(std::uint32_t slot);
  [[nodiscard]] Outcome<void> abort(std::uint32_t slot);
  [[nodiscard]] Outcome<std::uint32_t> chain_part(const enrol::ChainWriteRequest& request);
  /// The whole chain in parts of `size` octets; 0: as large as a packet takes.
  [[nodiscard]] Outcome<void> write_chain(std::uint32_t slot, Bytes chain, std::size_t size = 0);
  /// write_chain and commit, over a fresh nonce.
  [[nodiscard]] Outcome<Octets> store(std::uint32_t slot, Bytes chain);
  /// As the device lists it; empty where it does not.
  [[nodiscard]] Outcome<std::optional<Slot>> slot(std::uint32_t number);

  /// Whether keys may be made: in this lifecycle, with a slot to spare. Otherwise not run.
  [[nodiscard]] Checked may_make_keys(std::size_t slots = 1) const;
  /// Whether chains may be stored: also a root of ours, or leave to pin it. Otherwise not run.
  [[nodiscard]] Checked may_commit() const;
  /// Whether the device may be restarted. Otherwise not run: it would be closed for the rest.
  [[nodiscard]] Checked may_restart() const;
  /// Slots that were empty before and are now, highest first: the low ones are what others take first.
  [[nodiscard]] std::vector<std::uint32_t> free_slots() const;
  /// Where a key of this purpose is that is not ours.
  [[nodiscard]] std::optional<std::uint32_t> foreign(enrol::Purpose purpose) const;

  /// Removes what the suite has made. Failures: the device's; what is left is then in ours().
  [[nodiscard]] Outcome<void> clean();
  [[nodiscard]] const std::set<std::uint32_t>& ours() const noexcept { return ours_; }
  /// Counts a slot as the suite's own, e.g. before a request whose answer may be lost.
  void adopt(std::uint32_t slot) { ours_.insert(slot); }
  void forget(std::uint32_t slot) { ours_.erase(slot); }

  [[nodiscard]] Sha256 sha256(Bytes octets) const;
  [[nodiscard]] Octets nonce(std::size_t size = enrol::kNonceSize) const;

  Wire& wire;
  Device device;
  const crypto::Crypto& crypto;
  TestAuthority& authority;
  KeyMaker& keys;
  const Permissions permissions;
  const PowerCut power_cut;
  DeviceInfo info;                 ///< as it was before the first check; pinned_root is kept up to date
  std::vector<Slot> slots_before;  ///< those of the device's user, which are not touched
  bool makes_keys = false;         ///< it is open for provisioning
  bool closes_at_boot = false;     ///< secured and open all the same, until its next boot with a root
  std::optional<bool> attests;     ///< whether it has attestation; empty: not asked yet
  std::string remark;              ///< of the check at hand: what it has seen, for the report

 private:
  [[nodiscard]] Outcome<void> ask_whether_open();
  std::set<std::uint32_t> ours_;
};

/// The purpose "any": a request's defaults, with what a test changes.
[[nodiscard]] enrol::BeginRequest generate(std::uint32_t slot, enrol::Purpose purpose,
                                           crypto::KeyType type = crypto::KeyType::p256);

/// Whether the answer is one of these errors of the device; otherwise wrong().
[[nodiscard]] Checked expect_refusal(const std::optional<Failure>& answer, std::string_view what,
                                     std::initializer_list<ErrorCode> allowed);
template <typename T>
[[nodiscard]] Checked expect_error(const Outcome<T>& answer, std::string_view what,
                                   std::initializer_list<ErrorCode> allowed) {
  return expect_refusal(answer ? std::nullopt : std::optional<Failure>(answer.error()), what, allowed);
}

}  // namespace pedigree::station::conformance
