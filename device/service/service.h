// SPDX-License-Identifier: Apache-2.0
// The secure service: key slots, requests, chains, receipts. One object is one device; a port calls it with
// each psa_call it receives (docs/security-model.md lists the rules that no caller can get round).
#pragma once

#include "core/evidence/challenge.h"
#include "core/grant/grant.h"
#include "device/service/chain_check.h"
#include "device/service/key_store.h"
#include "device/service/message.h"
#include "device/service/store.h"
#include "pedigree/service.h"

namespace pedigree::device {

/// Version of the service, as info tells it.
inline constexpr std::string_view kServiceVersion = "0.1.0";

/// Whether the service attests: a build for a platform without an attestation service leaves it out.
#ifndef PEDIGREE_ATTESTATION
#define PEDIGREE_ATTESTATION 1
#endif
inline constexpr bool kAttests = PEDIGREE_ATTESTATION != 0;

/// Whether a secured device takes grants: without them it can be given keys no more, for good.
#ifndef PEDIGREE_GRANTS
#define PEDIGREE_GRANTS 1
#endif
inline constexpr bool kTakesGrants = PEDIGREE_GRANTS != 0;

class Service {
 public:
  /// `workspace` holds a chain, and behind it kMaxRootSpki octets for the root's key; its size decides the
  /// largest chain. All three are borrowed. The PSA crypto library has been initialised.
  constexpr Service(const Platform& platform, const crypto::Crypto& crypto, MutableBytes workspace) noexcept
      : platform_(platform), crypto_(crypto), keys_(platform), store_(platform), workspace_(workspace) {}

  /// To be called once at boot: removes what an operation cut short has left, keys above all. What cannot be
  /// removed now is met again at the next boot or operation on that slot. Of a device that was decommissioned
  /// everything is removed.
  void recover() noexcept;

  /// Serves one call. Returns 0, or the number of an ErrorCode; no output has been written then.
  [[nodiscard]] std::int32_t call(Message& message) noexcept;

 private:
  /// What the workspace holds at present: a copy that can always be made again.
  struct Resident {
    enum class Kind : std::uint8_t { nothing, staged_chain, request, token, grant };
    Kind kind = Kind::nothing;
    std::uint32_t slot = 0;
    std::size_t size = 0;
    std::uint32_t form = 0;                                 ///< request: form_of; grant: octets of the whole
    std::array<std::uint8_t, PEDIGREE_NONCE_SIZE> nonce{};  ///< request
  };
  /// What a grant has permitted, until it is done, or the next reset, or the next grant.
  struct Permission {
    grant::Operation operation{};
    std::uint32_t slot = 0;    ///< 0: nothing is permitted
    enrol::Purpose purpose{};  ///< begin, replace
    crypto::KeyType type{};    ///< begin, replace
  };
  struct Found {
    std::uint32_t slot = 0;
    SlotRecord record;
  };
  /// A SubjectPublicKeyInfo of a key of ours.
  struct Spki {
    std::array<std::uint8_t, PEDIGREE_MAX_SPKI> octets;
    std::size_t size = 0;
    [[nodiscard]] Bytes view() const noexcept { return Bytes(octets).first(size); }
  };

  Status dispatch(Message& message) noexcept;
  Status info(Message& message) noexcept;
  Status list_slots(Message& message) noexcept;
  Status begin(Message& message) noexcept;
  Status csr(Message& message) noexcept;
  Status chain_write(Message& message) noexcept;
  Status chain_read(Message& message) noexcept;
  static Status chain_digest(Message& message, const SlotRecord& record) noexcept;
  Status commit(Message& message) noexcept;
  Status attest(Message& message) noexcept;
  /// The calls whose first input is a slot's number alone; abort and destroy are here.
  Status on_slot(Message& message) noexcept;
  Status sign_hash(Message& message, std::uint32_t slot, const SlotRecord& record) const noexcept;
  static Status public_key(Message& message, const SlotRecord& record) noexcept;

  [[nodiscard]] enrol::Lifecycle lifecycle() const noexcept;
  /// Whether keys may be made and destroyed without a grant.
  [[nodiscard]] bool is_open() const noexcept;
  /// Rule 3: whether the device is open, or a grant has permitted just this. Errors: grant_required,
  /// grant_other_operation, grant_other_slot, grant_other_key.
  Status check_permission(const Permission& wanted) const noexcept;
  /// Errors: slot_not_found (number out of range), storage_corrupt, storage_failure.
  Status load_any(std::uint32_t slot, SlotRecord& record) const noexcept;
  /// The same; an empty slot is not found either.
  Status load(std::uint32_t slot, SlotRecord& record) const noexcept;
  /// The same for a slot with an active key. Errors also: wrong_state.
  Status load_active(std::uint32_t slot, SlotRecord& record) const noexcept;
  [[nodiscard]] static Spki spki_of(const KeyRecord& key) noexcept;
  Status hash_spki(const KeyRecord& key, Sha256& out) const noexcept;
  Status hash(std::span<const Bytes> parts, Sha256& out) const noexcept;
  Status note_test_key(const std::optional<KeyRecord>& key, pedigree_info_t& out) const noexcept;
  Status fill_slot_info(std::uint32_t slot, const SlotRecord& record,
                        pedigree_slot_info_t& out) const noexcept;

  Status find_slot(std::uint32_t slot, const KeyRequest& request, Found& found) const noexcept;
  Status check_same_request(const KeyRecord& key, const KeyRequest& request,
                            ErrorCode otherwise) const noexcept;
  Status check_making(const Found& found, const KeyRequest& wanted, bool replace) const noexcept;
  Status make_pending(Found& found, const KeyRequest& request) noexcept;

  Status compose_request(const pedigree_csr_request_t& request) noexcept;
  Status write_pkcs10(const pedigree_csr_request_t& request, const KeyRecord& key, Bytes spki,
                      std::size_t& size) noexcept;
  /// Writes the part of what is resident that starts at `offset`: its size to output vector 0, octets to 1.
  /// Errors: bad_offset.
  Status write_resident(Message& message, std::uint32_t offset) const noexcept;
  Status start_transfer(const pedigree_chain_write_request_t& request, SlotRecord& record) noexcept;
  Status load_staged(std::uint32_t slot, const KeyRecord& pending) noexcept;
  Status store_full_parts(std::uint32_t slot, const KeyRecord& pending, std::size_t received) noexcept;
  Status activate(std::uint32_t slot, KeyRecord& key) noexcept;
  /// Errors: not_found where no root is pinned.
  Status load_pinned_root(PinnedRoot& root) noexcept;
  Status write_receipt(const pedigree_commit_request_t& request, const KeyRecord& key,
                       Bytes& receipt) noexcept;
  // grant.cc
  [[nodiscard]] std::size_t max_grant() const noexcept;
  Status challenge(Message& message) noexcept;
  Status grant_write(Message& message) noexcept;
  Status accept_grant(Bytes message) noexcept;
  Status close() noexcept;
  Status wipe(std::uint32_t slot, const SlotRecord& empty) const noexcept;
  // attest.cc
  /// A chain in storage, without its root.
  struct StoredChain {
    std::uint8_t bank = 0;
    std::uint8_t certificates = 0;
    std::size_t size = 0;
  };
  /// Errors: buffer_too_small, bad_value (challenge), attestation_failure.
  static Status get_token(Bytes challenge, MutableBytes out, std::size_t& size) noexcept;
  Status get_statement(evidence::Statement statement, std::span<const Bytes> parts, MutableBytes out,
                       std::size_t& size) const noexcept;
  /// Errors: no_attestation_chain.
  Status find_attestation_slot(std::uint32_t& slot, StoredChain& chain) const noexcept;
  Status add_chain(std::uint32_t slot, const StoredChain& chain, MutableBytes space,
                   std::size_t& size) const noexcept;
  Status compose_token(const pedigree_attest_request_t& request) noexcept;
  Status write_token_request(Bytes nonce, Bytes spki, std::size_t& size) noexcept;
  Status write_evidence(Bytes nonce, Bytes spki, Bytes& value) noexcept;
  Status write_token_receipt(Bytes receipt, Bytes& token) noexcept;

  [[nodiscard]] crypto::PrivateKey private_key(std::uint32_t slot, const KeyRecord& key) const noexcept;
  /// Sets the record and removes keys and parts that it does not name.
  Status settle(std::uint32_t slot, const SlotRecord& record) noexcept;
  void tidy(std::uint32_t slot, const SlotRecord& record) const noexcept;
  void forget(std::uint32_t slot) noexcept;
  void clear_workspace() noexcept;

  [[nodiscard]] std::size_t max_chain() const noexcept;
  [[nodiscard]] MutableBytes chain_space() const noexcept { return workspace_.first(max_chain()); }
  [[nodiscard]] MutableBytes root_space() const noexcept { return workspace_.last(kMaxRootSpki); }

  const Platform& platform_;
  const crypto::Crypto& crypto_;
  KeyStore keys_;
  Store store_;
  MutableBytes workspace_;
  Resident resident_;
  bool opened_ = false;      ///< secured and without a pinned root when recover() ran
  bool closed_ = false;      ///< decommissioned by a grant
  bool challenged_ = false;  ///< nonce_ was handed out, and no grant was tried with it
  std::array<std::uint8_t, PEDIGREE_NONCE_SIZE> nonce_{};
  Permission permission_;
  /// Rule 6: only its owner uses a slot's key, or ends or replaces it (not_owner). Provisioning is open to
  /// others: requests, chains and receipts say nothing that a caller chose.
  std::uint32_t caller_ = 0;  ///< of the call at hand, as SlotRecord::owner: the non-secure side is one
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

}  // namespace pedigree::device
