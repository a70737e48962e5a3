// SPDX-License-Identifier: Apache-2.0
// Initial attestation of a simulated device: what its boot recorded, and who is asking.
#pragma once

#include <memory>
#include <string>

#include "device/ports/common/initial_attestation.h"

namespace pedigree::sim {

struct AttestationOptions {
  std::string certification_reference;  ///< "[0-9]{13}-[0-9]{5}"; empty: none
  std::string verification_service;     ///< empty: none
};

/// One boot of one device. The measured component is the running program's own file.
class Attestation {
 public:
  /// Draws the boot seed. Null where there is no entropy. All is borrowed.
  [[nodiscard]] static std::unique_ptr<Attestation> boot(const device::Platform& platform,
                                                         const crypto::Crypto& crypto,
                                                         const AttestationOptions& options);
  [[nodiscard]] device::InitialAttestation& service();

 private:
  Attestation(const device::Platform& platform, const crypto::Crypto& crypto)
      : service_(platform, crypto, record_), crypto_(crypto) {}
  device::BootRecord record_;
  psa_token::SoftwareComponent component_;
  device::InitialAttestation service_;
  const crypto::Crypto& crypto_;
};

/// While it lives, psa_initial_attest_* are called by this client of this device (null: of none).
class AttestationCaller {
 public:
  AttestationCaller(Attestation* attestation, std::int32_t client) noexcept;
  ~AttestationCaller();
  AttestationCaller(const AttestationCaller&) = delete;
  AttestationCaller& operator=(const AttestationCaller&) = delete;

 private:
  Attestation* attestation_before_;
  std::int32_t client_before_;
};

}  // namespace pedigree::sim
