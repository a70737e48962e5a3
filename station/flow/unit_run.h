// SPDX-License-Identifier: Apache-2.0
// One unit on its way through the flow. Internal to station/flow.
#pragma once

#include "station/flow/provision.h"

namespace pedigree::station {

class UnitRun {
 public:
  UnitRun(Link& link, const Line& line, const ProvisionOptions& options, std::size_t index)
      : link_(link), device_(link), line_(line), options_(options), index_(index) {}

  [[nodiscard]] UnitResult run();

 private:
  [[nodiscard]] Outcome<void> provision();
  [[nodiscard]] Outcome<void> meet();
  [[nodiscard]] Outcome<std::optional<Slot>> find_slot(enrol::Purpose purpose);
  [[nodiscard]] Outcome<void> finish_active(const Slot& slot);
  [[nodiscard]] Outcome<void> read_active(const Slot& slot);
  [[nodiscard]] Outcome<void> prove_active(const Slot& slot);
  [[nodiscard]] Outcome<bool> due_for_replacement(const Slot& slot);
  [[nodiscard]] bool resumable(const std::optional<Slot>& slot) const;
  [[nodiscard]] Outcome<void> certify(enrol::Purpose purpose, const std::optional<Slot>& slot);
  [[nodiscard]] enrol::Origin origin_for(enrol::Purpose purpose) const;
  [[nodiscard]] Outcome<void> make_key(enrol::Purpose purpose, const std::optional<Slot>& slot);
  [[nodiscard]] Outcome<Issued> enrol(const std::vector<std::uint8_t>& csr);
  [[nodiscard]] Outcome<void> fetch_nonce();
  [[nodiscard]] Outcome<void> install();
  [[nodiscard]] Outcome<void> deliver(bool with_root);
  [[nodiscard]] Outcome<void> commit();
  [[nodiscard]] Outcome<void> hand_in_receipt();
  void bring_revocations();
  [[nodiscard]] Outcome<void> finish();
  [[nodiscard]] Outcome<void> write_out() const;
  [[nodiscard]] Outcome<void> record(JournalEntry::Event event, const std::string& message = {});
  void drop_pending_key(const Failure& failure);

  template <typename Body>
  auto step(Step step, Body body) -> decltype(body());
  void fault_point(std::string_view where, std::string_view what) const;
  void warn(std::string text);
  void emit(Event::Kind kind, Step step, std::string text = {}) const;

  Link& link_;
  Device device_;
  const Line& line_;
  const ProvisionOptions& options_;
  const std::size_t index_;
  UnitResult result_;
  DeviceInfo info_;
  std::uint32_t origins_ = 0;  // bit n: the device takes enrol::Origin n
  Journal::Claim claim_;
  std::string key_;  // hex of SHA-256 of the slot's SPKI
  std::optional<UnitRecord> known_;
  Sha256 nonce_{};
  bool evidence_ = false;  // the authority wants evidence in the request
  std::string chain_sha256_;
  std::vector<std::uint8_t> receipt_;
};

/// The chain as on the wire: a CBOR array of byte strings, leaf first.
[[nodiscard]] std::vector<std::uint8_t> encode_chain(const std::vector<std::vector<std::uint8_t>>& chain);
/// Reads it. Errors: those of cbor, empty_chain.
[[nodiscard]] Result<std::vector<std::vector<std::uint8_t>>> decode_chain(Bytes wire);

}  // namespace pedigree::station
