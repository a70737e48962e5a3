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

/// Whose certificates a profile writes: of devices, which enrol; of CAs below the root or an intermediate; of
/// an OEM's firmware signers; of the system's own TLS clients and servers.
enum class ProfileKind : std::uint8_t { device, intermediate, firmware_signer, identity };
/// "device", "intermediate", "firmware-signer", "identity". Static storage.
[[nodiscard]] std::string_view name(ProfileKind kind) noexcept;
[[nodiscard]] std::optional<ProfileKind> parse_profile_kind(std::string_view text) noexcept;

/// An attribute of a subject, in an RDN of its own.
struct SubjectPart {
  std::vector<std::uint8_t> type;  ///< OID content octets
  std::string text;                ///< may contain placeholders
};
/// Forms of GeneralName (RFC 5280 4.2.1.6), with their tags.
enum class NameForm : std::uint8_t { email = 1, dns = 2, uri = 6 };
struct AlternativeName {
  NameForm form{};
  std::string text;  ///< may contain placeholders
};

/// What stands for a placeholder.
struct PlaceholderValues {
  std::string_view device;  ///< {device}: the device id, 66 hex digits
  std::string_view brief;   ///< {short}: its last 16 hex digits
  std::string_view name;    ///< {name}: the name of an intermediate or signer
};
[[nodiscard]] std::string expand(std::string_view text, const PlaceholderValues& values);
/// "CN=text" and the like: RFC 4514 names, serialNumber, matterVid, matterPid, or an OID in dotted decimal.
[[nodiscard]] std::optional<SubjectPart> parse_subject_part(std::string_view text);
[[nodiscard]] std::string subject_part_text(const SubjectPart& part);
/// "URI:text", "DNS:text", "email:text".
[[nodiscard]] std::optional<AlternativeName> parse_alternative_name(std::string_view text);
[[nodiscard]] std::string alternative_name_text(const AlternativeName& name);

struct Profile {
  std::string name;
  ProfileKind kind = ProfileKind::device;
  std::vector<crypto::KeyType> keys;                  ///< types of key that may be certified
  std::uint16_t key_usage = x509::kDigitalSignature;  ///< bits of x509::KeyUsage
  std::vector<std::vector<std::uint8_t>>
      key_purposes;  ///< extendedKeyUsage as OID content octets; empty: none
  std::optional<std::uint32_t>
      days;  ///< validity; empty: 99991231235959Z (RFC 5280 4.1.2.5, IEEE 802.1AR 8.7)
  bool hardware_module_name =
      false;                ///< SAN hardwareModuleName (RFC 4108 5) with the device id (IEEE 802.1AR 8.10.4)
  bool device_uri = false;  ///< SAN URI "urn:dev:ueid:" and the device id in hex (RFC 9711 10.2)
  std::vector<SubjectPart> subject;                ///< empty: the one that its kind has
  std::vector<AlternativeName> alternative_names;  ///< beside the two above
  bool basic_constraints = false;                  ///< state "no CA" (cA FALSE); for CAs it is always stated
  std::optional<std::uint32_t> path_len;           ///< of CAs; empty: not limited
  std::vector<std::string> permitted_dns;          ///< of CAs: nameConstraints, permitted dNSName subtrees
  std::vector<std::string> accepted_by;            ///< names of lint targets that must take its certificates
  bool test_keys = false;                          ///< certify published test keys too
  /// For attestation keys: a token request is taken in place of PKCS#10, and a token by such a key is
  /// evidence for the device's other keys.
  bool attestation = false;
  bool evidence_required = false;  ///< evidence = "required": only keys that the secure world vouches for
  /// States of the device's lifecycle in which evidence and token requests are taken.
  std::vector<psa_token::Lifecycle> evidence_lifecycles{psa_token::Lifecycle::assembly_and_test,
                                                        psa_token::Lifecycle::psa_rot_provisioning,
                                                        psa_token::Lifecycle::secured};
};

/// The profiles that every authority has unless its configuration changes them: of devices iak, idevid,
/// ldevid, tls-client, data, matter-dac; of CAs oem-intermediate and matter-pai; firmware-signer; and server,
/// station, operator, relying-party, bootstrap.
[[nodiscard]] std::vector<Profile> default_profiles();
/// What a profile of another name starts from: P-256, P-384 or Ed25519, digitalSignature, one year.
[[nodiscard]] Profile blank_profile(std::string name);
/// The profile's subject as Name, DER, with what stands for its placeholders; empty: it names none.
[[nodiscard]] std::vector<std::uint8_t> subject_of(const Profile& profile, const PlaceholderValues& values);
/// Whether the profile certifies keys of this type. Errors: wrong_key_type.
[[nodiscard]] Answer<void> check_key_type(const Profile& profile, crypto::KeyType type);
/// Whether a new authority's intermediates issue it: those that need nothing from their owner.
[[nodiscard]] bool is_issued_by_default(const Profile& profile) noexcept;
/// Refuses what no certificate of its kind may have (bad_configuration), naming the profile and the setting.
[[nodiscard]] Answer<void> check_profile(const Profile& profile);

}  // namespace pedigree::authority
