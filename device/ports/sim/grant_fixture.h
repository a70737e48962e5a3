// SPDX-License-Identifier: Apache-2.0
// What the tests of grants start from: a device in the field, and whom its root has named.
#pragma once

#include <gtest/gtest.h>

#include "device/ports/sim/test_grants.h"
#include "device/ports/sim/test_unit.h"

namespace pedigree::sim {

/// The names that these tests write most.
using enrol::Lifecycle;
using enrol::Purpose;    ///< likewise
using grant::Grant;      ///< likewise
using grant::Operation;  ///< likewise
/// What is in a device's flash.
using Assets = std::map<std::uint64_t, std::vector<std::uint8_t>>;

/// A device in the field: slot 1 has an attestation key and slot 2 a TLS key, and the root is pinned.
class GrantTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kTls = 2;
  static const TestAuthority& authority() {
    static const TestAuthority instance;
    return instance;
  }
  static const TestAuthority& other_authority() {
    static const TestAuthority instance("Other");
    return instance;
  }
  static const GrantSigner& signer() {
    static const GrantSigner instance(authority(), {});
    return instance;
  }

  static std::unique_ptr<Device> make() {
    auto device = open_in_memory();
    const Client client(device->service_handle());
    client.provision(authority(), {.slot = 1, .purpose = Purpose::iak});
    client.provision(authority(), {.slot = kTls});
    device->platform().lifecycle = Lifecycle::secured;
    return device;
  }
  /// A copy of the device as it is in flash, booted, secured.
  static std::unique_ptr<Device> boot(const Assets& flash) {
    auto device = open_copy(flash);
    device->platform().lifecycle = Lifecycle::secured;
    return device;
  }

  Grant wanted(Operation operation, std::uint32_t slot = 3) const {
    return wanted_of(*device_, operation, slot);
  }
  static Grant wanted_of(Device& device, Operation operation, std::uint32_t slot = 3) {
    static Octets device_id;
    static Octets nonce;
    static const Sha256 other_root = other_authority().root_spki_sha256();
    device_id.assign(device.id().begin(), device.id().end());
    nonce = Client(device.service_handle()).challenge().value().nonce;
    Grant grant{.operation = operation,
                .device_id = device_id,
                .nonce = nonce,
                .issued_at = GrantSigner::kNow,
                .expires_at = GrantSigner::kNow + 600};
    if (operation <= Operation::destroy) grant.slot = static_cast<std::uint8_t>(slot);
    if (operation <= Operation::replace) {
      grant.purpose = Purpose::tls;
      grant.type = crypto::KeyType::p256;
    }
    if (operation == Operation::repin) grant.root = other_root;
    return grant;
  }
  Outcome give(const Grant& grant) const { return client_.grant(signer().sign(grant)); }

  const std::unique_ptr<Device> device_ = make();
  const Client client_{device_->service_handle()};
};

}  // namespace pedigree::sim
