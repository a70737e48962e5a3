// SPDX-License-Identifier: Apache-2.0
// The service's client interface with C++ values, for tests; and a device in memory. What stands on Client
// alone also runs against a device that is not simulated.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/ports/sim/device.h"
#include "device/ports/sim/test_authority.h"

namespace pedigree::sim {

/// What a call returned: success, or which error. Negative statuses of the framework throw.
using Outcome = Result<void>;

/// Arguments of begin (BeginRequest), owned.
struct BeginWish {
  std::uint32_t slot = 0;
  enrol::Purpose purpose = enrol::Purpose::tls;
  crypto::KeyType type = crypto::KeyType::p256;
  enrol::Origin origin = enrol::Origin::generate;
  std::string label = {};
  Octets import_key = {};
  bool replace = false;
};

/// What begin answered (BeginResponse), owned.
struct Begun {
  std::uint32_t slot = 0;
  bool reused = false;
  Octets spki;
};

class Client {
 public:
  explicit Client(psa_handle_t service) : service_(service) {}
  [[nodiscard]] pedigree_info_t info() const;
  [[nodiscard]] std::vector<pedigree_slot_info_t> slots() const;
  /// The slot's line, or all zeros.
  [[nodiscard]] pedigree_slot_info_t slot(std::uint32_t number) const;
  [[nodiscard]] Result<Begun> begin(const BeginWish& wish) const;
  /// The whole request, fetched in parts of `part` octets.
  [[nodiscard]] Result<Octets> csr(std::uint32_t slot, std::uint8_t nonce, std::size_t part = 1024,
                                   std::uint32_t subject = PEDIGREE_SUBJECT_SERIAL_NUMBER,
                                   std::uint32_t evidence = 0) const;
  /// The whole token, fetched in parts of `part` octets. `challenge` has up to PEDIGREE_MAX_CHALLENGE octets.
  [[nodiscard]] Result<Octets> attest(Bytes challenge, bool chain, std::uint32_t slot = 0,
                                      std::size_t part = 200) const;
  /// One part; `announce` sends total and SHA-256 as a station does at offset 0.
  [[nodiscard]] Result<std::uint32_t> write_part(std::uint32_t slot, Bytes chain, std::size_t offset,
                                                 std::size_t size, bool announce = true) const;
  /// Writes from where the device says, in parts of `part` octets, to the end.
  [[nodiscard]] Outcome write_chain(std::uint32_t slot, Bytes chain, std::size_t part = 300) const;
  [[nodiscard]] Result<Octets> read_chain(std::uint32_t slot, std::size_t part = 200) const;
  [[nodiscard]] Result<pedigree_chain_digest_t> chain_digest(std::uint32_t slot) const;
  [[nodiscard]] Result<Octets> commit(std::uint32_t slot, std::uint8_t nonce = 9,
                                      std::size_t capacity = PEDIGREE_MAX_TOKEN_RECEIPT) const;
  [[nodiscard]] Outcome abort(std::uint32_t slot) const;
  [[nodiscard]] Outcome destroy(std::uint32_t slot) const;
  /// What the device asks a grant to answer.
  struct Challenge {
    Octets nonce;
    std::uint32_t max_size = 0;
  };
  [[nodiscard]] Result<Challenge> challenge() const;
  /// One part of a grant; `total` is announced at offset 0. What the device answers: where to go on.
  [[nodiscard]] Result<std::uint32_t> grant_part(Bytes grant, std::size_t offset, std::size_t size,
                                                 std::uint32_t total) const;
  /// The whole of it, in parts of `part` octets.
  [[nodiscard]] Outcome grant(Bytes grant, std::size_t part = 300) const;
  [[nodiscard]] Result<Octets> sign_hash(std::uint32_t slot, Bytes digest) const;
  [[nodiscard]] Result<Octets> public_key(std::uint32_t slot) const;
  /// begin, chain with root, commit. Throws where one of them fails; returns the slot.
  std::uint32_t provision(const TestAuthority& authority, const BeginWish& wish) const;

 private:
  psa_handle_t service_;
};

/// Opens a simulated device on storage in memory. Throws where that fails.
[[nodiscard]] std::unique_ptr<Device> open_in_memory(
    enrol::Lifecycle lifecycle = enrol::Lifecycle::assembly_and_test);
[[nodiscard]] std::unique_ptr<Device> open_in_memory(const DeviceOptions& options);
/// The same on a copy of another storage's assets, as if flash were moved to a new board.
[[nodiscard]] std::unique_ptr<Device> open_copy(
    const std::map<std::uint64_t, std::vector<std::uint8_t>>& assets);

}  // namespace pedigree::sim
