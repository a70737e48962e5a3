// SPDX-License-Identifier: Apache-2.0
// The secure service: key slots, requests, chains, receipts. One object is one device; a port calls it with
// each psa_call it receives (docs/security-model.md lists the rules that no caller can get round).
#pragma once

#include "device/service/chain_check.h"
#include "device/service/key_store.h"
#include "device/service/message.h"
#include "device/service/store.h"
#include "pedigree/service.h"

namespace pedigree::device {

class Service {
 public:
  /// `workspace` holds a chain, and behind it kMaxRootSpki octets for the root's key; its size decides the
  /// largest chain. All three are borrowed. The PSA crypto library has been initialised.
  constexpr Service(const Platform& platform, const crypto::Crypto& crypto, MutableBytes workspace) noexcept
      : platform_(platform), crypto_(crypto), keys_(platform), store_(platform), workspace_(workspace) {}

  /// To be called once at boot: removes what an operation cut short has left, keys above all. What cannot be
  /// removed now is met again at the next boot or operation on that slot.
  void recover() noexcept;

  /// Serves one call. Returns 0, or the number of an ErrorCode; no output has been written then.
  [[nodiscard]] std::int32_t call(Message& message) noexcept;

 private:
  /// What the workspace holds at present: a copy that can always be made again.
  struct Resident {
    enum class Kind : std::uint8_t { nothing, staged_chain, request };
    Kind kind = Kind::nothing;
    std::uint32_t slot = 0;
    std::size_t size = 0;
    std::uint32_t subject = 0;                              ///< request
    std::array<std::uint8_t, PEDIGREE_NONCE_SIZE> nonce{};  ///< request
  };
  struct Found {
    std::uint32_t slot = 0;
    SlotRecord record;
  };

  [[nodiscard]] Result<void> dispatch(Message& message) noexcept;
  [[nodiscard]] Result<void> info(Message& message) noexcept;
  [[nodiscard]] Result<void> list_slots(Message& message) noexcept;
  [[nodiscard]] Result<void> begin(Message& message) noexcept;
  [[nodiscard]] Result<void> csr(Message& message) noexcept;
  [[nodiscard]] Result<void> chain_write(Message& message) noexcept;
  [[nodiscard]] Result<void> chain_read(Message& message) noexcept;
  [[nodiscard]] Result<void> chain_digest(Message& message) noexcept;
  [[nodiscard]] Result<void> commit(Message& message) noexcept;
  [[nodiscard]] Result<void> abort(Message& message) noexcept;
  [[nodiscard]] Result<void> destroy(Message& message) noexcept;
  [[nodiscard]] Result<void> sign_hash(Message& message) noexcept;
  [[nodiscard]] Result<void> public_key(Message& message) noexcept;

  /// Rule 3: whether a key may be made or destroyed. Errors: grant_required.
  [[nodiscard]] Result<void> check_provisioning() const noexcept;
  /// Errors: slot_not_found (number out of range, or empty), storage_corrupt, storage_failure.
  [[nodiscard]] Result<SlotRecord> load(std::uint32_t slot) const noexcept;
  [[nodiscard]] Result<SlotRecord> load_any(std::uint32_t slot) const noexcept;
  [[nodiscard]] Result<bool> uses_test_key() const noexcept;
  [[nodiscard]] Result<void> fill_slot_info(std::uint32_t slot, const SlotRecord& record,
                                            pedigree_slot_info_t& out) const noexcept;

  [[nodiscard]] Result<Found> find_slot(const pedigree_begin_request_t& request, Bytes label) const noexcept;
  [[nodiscard]] Result<bool> is_same_request(const KeyRecord& key, const KeyRequest& request) const noexcept;
  [[nodiscard]] Result<KeyRecord> make_pending(const Found& found, const KeyRequest& request) noexcept;

  [[nodiscard]] Result<Bytes> compose_request(const pedigree_csr_request_t& request) noexcept;
  [[nodiscard]] Result<void> start_transfer(const pedigree_chain_write_request_t& request,
                                            SlotRecord& record) noexcept;
  [[nodiscard]] Result<void> load_staged(std::uint32_t slot, const KeyRecord& pending) noexcept;
  [[nodiscard]] Result<void> store_full_parts(std::uint32_t slot, const KeyRecord& pending,
                                              std::size_t received) noexcept;
  [[nodiscard]] Result<KeyRecord> activate(std::uint32_t slot, const KeyRecord& pending) noexcept;
  [[nodiscard]] Result<CheckedChain> check_staged(std::uint32_t slot, const KeyRecord& pending) noexcept;
  [[nodiscard]] Result<Bytes> write_receipt(const pedigree_commit_request_t& request, const KeyRecord& key,
                                            MutableBytes out) const noexcept;
  [[nodiscard]] crypto::PrivateKey private_key(std::uint32_t slot, const KeyRecord& key) const noexcept;
  /// Removes keys and parts that the record does not name.
  void tidy(std::uint32_t slot, const SlotRecord& record) const noexcept;
  void forget(std::uint32_t slot) noexcept;

  [[nodiscard]] std::size_t max_chain() const noexcept;
  [[nodiscard]] MutableBytes chain_space() const noexcept { return workspace_.first(max_chain()); }
  [[nodiscard]] MutableBytes root_space() const noexcept { return workspace_.last(kMaxRootSpki); }

  const Platform& platform_;
  const crypto::Crypto& crypto_;
  KeyStore keys_;
  Store store_;
  MutableBytes workspace_;
  Resident resident_;
};

/// A service with its memory. `MaxChain`: octets of the largest chain, root included.
template <std::size_t MaxChain>
class StaticService {
 public:
  StaticService(const Platform& platform, const crypto::Crypto& crypto) noexcept
      : service_(platform, crypto, memory_) {}
  [[nodiscard]] Service& get() noexcept { return service_; }

 private:
  std::array<std::uint8_t, MaxChain + kMaxRootSpki> memory_{};
  Service service_;
};

/// SubjectPublicKeyInfo of a key, PEDIGREE_MAX_SPKI octets at most. Errors: buffer_too_small.
[[nodiscard]] Result<Bytes> write_key_spki(const KeyRecord& key, MutableBytes out) noexcept;

}  // namespace pedigree::device
