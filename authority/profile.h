// SPDX-License-Identifier: Apache-2.0
// A profile: the rules by which a certificate is written. A request decides nothing but its public key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authority/refusal.h"
#include "core/crypto/crypto.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/certificate.h"

namespace pedigree::authority {

struct Profile {
  std::string name;
  std::vector<crypto::KeyType> keys;                  ///< types of key that may be certified
  std::uint16_t key_usage = x509::kDigitalSignature;  ///< bits of x509::KeyUsage
  std::vector<std::vector<std::uint8_t>>
      key_purposes;  ///< extendedKeyUsage as OID content octets; empty: none
  std::optional<std::uint32_t>
      days;  ///< validity; empty: 99991231235959Z (RFC 5280 4.1.2.5, IEEE 802.1AR 8.7)
  bool hardware_module_name =
      false;                ///< SAN hardwareModuleName (RFC 4108 5) with the device id (IEEE 802.1AR 8.10.4)
  bool device_uri = false;  ///< SAN URI "urn:dev:ueid:" and the device id in hex (RFC 9711 10.2)
  bool test_keys = false;   ///< certify published test keys too
  /// For attestation keys: a token request is taken in place of PKCS#10, and a token by such a key is
  /// evidence for the device's other keys.
  bool attestation = false;
  bool evidence_required = false;  ///< evidence = "required": only keys that the secure world vouches for
  /// States of the device's lifecycle in which evidence and token requests are taken.
  std::vector<psa_token::Lifecycle> evidence_lifecycles{psa_token::Lifecycle::assembly_and_test,
                                                        psa_token::Lifecycle::psa_rot_provisioning,
                                                        psa_token::Lifecycle::secured};
};

/// The profiles that every authority has unless its configuration changes them: iak, idevid, tls-client,
/// data.
[[nodiscard]] std::vector<Profile> default_profiles();
/// What a profile of another name starts from: P-256, P-384 or Ed25519, digitalSignature, one year.
[[nodiscard]] Profile blank_profile(std::string name);
/// Refuses what no device certificate may have (bad_configuration), naming the profile and the setting.
[[nodiscard]] Answer<void> check_profile(const Profile& profile);

}  // namespace pedigree::authority
