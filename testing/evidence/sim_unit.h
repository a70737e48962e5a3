// SPDX-License-Identifier: Apache-2.0
// A simulated device as a station uses it, without the wire, against a served authority.
#pragma once

#include "device/ports/sim/device.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {

class SimUnit {
 public:
  /// A new device on storage in memory. Every failure here and below throws std::runtime_error.
  explicit SimUnit(const sim::DeviceOptions& options = {});

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] sim::Device& device() noexcept { return *device_; }

  /// Boots it in another state of its life, which only moves on.
  void move_to(enrol::Lifecycle lifecycle);

  struct Key {
    std::uint32_t slot = 0;
    Octets spki;
  };
  [[nodiscard]] Key begin(enrol::Purpose purpose, enrol::Origin origin = enrol::Origin::generate);
  /// PKCS#10, or a token request; `nonce` in hex.
  [[nodiscard]] Octets request(std::uint32_t slot, std::string_view nonce, bool evidence = false);
  /// A token over a challenge of the caller's choice. Errors: those of the service.
  [[nodiscard]] Result<Octets> attest(Bytes challenge, bool chain = true);
  /// Stores the chain with the root behind it, and gives the receipt.
  [[nodiscard]] Octets store(std::uint32_t slot, std::vector<Octets> chain, const Octets& root,
                             std::string_view nonce);

 private:
  std::unique_ptr<sim::Device> device_;
  std::string id_;
};

/// The whole way: key, request, chain, receipt. Returns the answer to enrol; throws where the device or the
/// receipt fails.
Answer provision(const AuthorityFolder& authority, Client& station, SimUnit& unit, const std::string& profile,
                 enrol::Purpose purpose, bool evidence = false);

}  // namespace pedigree::testing
