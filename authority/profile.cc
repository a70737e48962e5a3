// SPDX-License-Identifier: Apache-2.0
#include "authority/profile.h"

#include <fmt/format.h>

#include <algorithm>

#include "authority/lint_target.h"
#include "authority/text.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

constexpr std::uint32_t kMaxDays = 36500;
constexpr std::size_t kMaxParts = 8;
constexpr std::size_t kMaxNames = 8;
constexpr std::size_t kMaxUri = 256;

template <std::size_t N>
std::vector<std::uint8_t> octets(const x509::oid::Oid<N>& oid) {
  return {oid.begin(), oid.end()};
}

Profile identity(std::string name, std::vector<std::uint8_t> purpose) {
  Profile profile = blank_profile(std::move(name));
  profile.kind = ProfileKind::identity;
  profile.days = 730;
  profile.key_purposes = {std::move(purpose)};
  return profile;
}

Profile intermediate(std::string name) {
  Profile profile = blank_profile(std::move(name));
  profile.kind = ProfileKind::intermediate;
  profile.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  profile.days = 3650;
  profile.path_len = 0;
  return profile;
}

/// Longest text that an attribute may have: RFC 5280 appendix A.1. A device id of 66 digits in serialNumber
/// is above its bound of 64, which no verifier that we know minds.
std::size_t bound(const std::vector<std::uint8_t>& type) {
  if (type == octets(x509::oid::kCountryName)) return 2;
  if (type == octets(x509::oid::kSerialNumber)) return 66;
  if (type == octets(x509::oid::kLocalityName) || type == octets(x509::oid::kStateOrProvinceName)) return 128;
  if (type == octets(x509::oid::kMatterVendorId) || type == octets(x509::oid::kMatterProductId)) return 4;
  return 64;
}

/// The text with placeholders as long as what will stand for them; empty: a placeholder is not known here.
std::string longest(std::string_view text, ProfileKind kind) {
  const bool device = kind == ProfileKind::device;
  const std::string name(device ? 0 : 1, 'x');
  const std::string digits(66, '0');
  std::string out =
      expand(text, {device ? std::string_view(digits) : std::string_view(),
                    device ? std::string_view(digits).substr(0, 16) : std::string_view(), name});
  return out.find('{') == std::string::npos && out.find('}') == std::string::npos ? out : std::string();
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : text) {
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (c == '.' && label == 0) return false;
    if (c != '.' && !letter) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

/// What is wrong with a name; empty: nothing.
std::string fault_of(const AlternativeName& name, ProfileKind kind) {
  const std::string text = longest(name.text, kind);
  if (text.empty()) return "is empty, or has a placeholder that is not known here";
  if (!is_printable_ascii(text) || text.size() > kMaxUri) return "must be at most 256 characters of ASCII";
  if (name.form == NameForm::dns && !is_host(text))
    return "is no DNS name (labels have at most 63 characters)";
  if (name.form == NameForm::uri && text.find(':') == std::string::npos) return "has no scheme";
  if (name.form == NameForm::email && text.find('@') == std::string::npos) return "is no mailbox";
  return {};
}

std::string fault_of(const SubjectPart& part, ProfileKind kind) {
  const std::string text = longest(part.text, kind);
  if (text.empty()) return "is empty, or has a placeholder that is not known here";
  if (text.size() > bound(part.type)) return fmt::format("is longer than {} octets", bound(part.type));
  const bool control = std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return control ? "has control characters" : "";
}

Answer<void> check_names(const Profile& profile) {
  const auto wrong = [&](std::string_view what) {
    return refuse(ErrorCode::bad_configuration, fmt::format("profile {}: {}", profile.name, what));
  };
  if (profile.subject.size() > kMaxParts) return wrong("subject has more than 8 attributes");
  if (profile.alternative_names.size() > kMaxNames) return wrong("subject_alt_names has more than 8 names");
  for (const SubjectPart& part : profile.subject) {
    const std::string fault = fault_of(part, profile.kind);
    if (!fault.empty()) return wrong(fmt::format("subject: \"{}\" {}", subject_part_text(part), fault));
  }
  for (const AlternativeName& name : profile.alternative_names) {
    const std::string fault = fault_of(name, profile.kind);
    if (!fault.empty()) {
      return wrong(fmt::format("subject_alt_names: \"{}\" {}", alternative_name_text(name), fault));
    }
  }
  for (const std::string& subtree : profile.permitted_dns) {
    const std::string_view host = std::string_view(subtree).substr(subtree.starts_with('.') ? 1 : 0);
    if (!is_host(host)) return wrong(fmt::format("permitted_dns: \"{}\" is no DNS name", subtree));
  }
  for (const std::string& target : profile.accepted_by) {
    if (!parse_lint_target(target)) return wrong(fmt::format("accepted_by does not know \"{}\"", target));
  }
  // Two devices must not be told apart by nothing but their keys.
  const bool says_who = profile.kind != ProfileKind::device || profile.subject.empty() ||
                        std::ranges::any_of(profile.subject, [](const SubjectPart& part) {
                          return part.text.find("{device}") != std::string::npos ||
                                 part.text.find("{short}") != std::string::npos;
                        });
  if (!says_who)
    return wrong("subject names no device: write {device} or {short} into one of its attributes");
  return {};
}

Answer<void> check_kind(const Profile& profile) {
  const auto wrong = [&](std::string_view what) {
    return refuse(ErrorCode::bad_configuration, fmt::format("profile {}: {}", profile.name, what));
  };
  constexpr std::uint16_t kCa = x509::kKeyCertSign | x509::kCrlSign;
  if (profile.kind == ProfileKind::intermediate) {
    if ((profile.key_usage & x509::kKeyCertSign) == 0)
      return wrong("key_usage of a CA must name keyCertSign");
    if (profile.hardware_module_name || profile.device_uri) return wrong("a CA has no name of a device");
    if (!profile.days) return wrong("a CA's validity must be a number of days");
    return {};
  }
  if ((profile.key_usage & kCa) != 0) {
    return wrong("key_usage may contain keyCertSign or cRLSign only where kind is \"intermediate\"");
  }
  if (profile.path_len || !profile.permitted_dns.empty()) {
    return wrong("path_len and permitted_dns are for kind \"intermediate\"");
  }
  if (profile.kind != ProfileKind::device && (profile.attestation || profile.evidence_required ||
                                              profile.hardware_module_name || profile.device_uri)) {
    return wrong("attestation, evidence and names of devices are for kind \"device\"");
  }
  return {};
}

}  // namespace

std::string_view name(ProfileKind kind) noexcept {
  switch (kind) {
    case ProfileKind::device:
      return "device";
    case ProfileKind::intermediate:
      return "intermediate";
    case ProfileKind::firmware_signer:
      return "firmware-signer";
    case ProfileKind::identity:
      break;
  }
  return "identity";
}

std::optional<ProfileKind> parse_profile_kind(std::string_view text) noexcept {
  using enum ProfileKind;
  for (const ProfileKind kind : {device, intermediate, firmware_signer, identity}) {
    if (name(kind) == text) return kind;
  }
  return std::nullopt;
}

Profile blank_profile(std::string name) {
  using enum crypto::KeyType;
  Profile profile;
  profile.name = std::move(name);
  profile.keys = {p256, p384, ed25519};
  profile.days = 365;
  return profile;
}

std::vector<Profile> default_profiles() {
  Profile iak = blank_profile("iak");
  iak.days.reset();
  iak.attestation = true;
  // So that no other key of the device, which may sign what the non-secure world chose, passes for this one.
  iak.key_purposes = {octets(x509::oid::kAttestationKey)};
  Profile idevid = blank_profile("idevid");
  idevid.days.reset();
  idevid.hardware_module_name = true;
  Profile ldevid = blank_profile("ldevid");
  ldevid.days = 90;
  ldevid.key_purposes = {octets(x509::oid::kClientAuth)};
  Profile tls_client = blank_profile("tls-client");
  tls_client.key_purposes = {octets(x509::oid::kClientAuth)};
  tls_client.device_uri = true;
  Profile data = blank_profile("data");
  data.key_purposes = {octets(x509::oid::kDocumentSigning)};
  // With the ids that are for tests (Matter 6.2.2): a vendor writes his own.
  Profile dac = blank_profile("matter-dac");
  dac.keys = {crypto::KeyType::p256};
  dac.days.reset();
  dac.basic_constraints = true;
  dac.subject = {{octets(x509::oid::kCommonName), "Matter DAC {short}"},
                 {octets(x509::oid::kMatterVendorId), "FFF1"},
                 {octets(x509::oid::kMatterProductId), "8000"}};
  Profile pai = intermediate("matter-pai");
  pai.keys = {crypto::KeyType::p256};
  pai.subject = {{octets(x509::oid::kCommonName), "{name}"}, {octets(x509::oid::kMatterVendorId), "FFF1"}};
  Profile oem = intermediate("oem-intermediate");
  oem.key_purposes = {octets(x509::oid::kCodeSigning)};
  Profile signer = blank_profile("firmware-signer");
  signer.kind = ProfileKind::firmware_signer;
  signer.keys = {crypto::KeyType::p256, crypto::KeyType::p384, crypto::KeyType::ed25519,
                 crypto::KeyType::rsa2048, crypto::KeyType::rsa3072};
  signer.days = 1825;
  signer.key_purposes = {octets(x509::oid::kCodeSigning)};
  std::vector<Profile> all{std::move(iak),        std::move(idevid), std::move(ldevid),
                           std::move(tls_client), std::move(data),   std::move(dac),
                           std::move(pai),        std::move(oem),    std::move(signer)};
  all.push_back(identity("server", octets(x509::oid::kServerAuth)));
  for (const char* role : {"station", "operator", "relying-party", "auditor", "bootstrap"}) {
    all.push_back(identity(role, octets(x509::oid::kClientAuth)));
  }
  return all;
}

bool is_issued_by_default(const Profile& profile) noexcept {
  return profile.kind == ProfileKind::device && profile.subject.empty();
}

Answer<void> check_key_type(const Profile& profile, crypto::KeyType type) {
  if (std::ranges::find(profile.keys, type) != profile.keys.end()) return {};
  return refuse(ErrorCode::wrong_key_type,
                fmt::format("profile {} does not certify {} keys", profile.name, crypto::name(type)));
}

Answer<void> check_profile(const Profile& profile) {
  const auto wrong = [&](std::string_view what) {
    return refuse(ErrorCode::bad_configuration, fmt::format("profile {}: {}", profile.name, what));
  };
  if (profile.keys.empty()) return wrong("keys must name at least one type of key");
  if (profile.key_usage == 0) return wrong("key_usage must name at least one use");
  if (profile.days && (*profile.days == 0 || *profile.days > kMaxDays)) {
    return wrong("validity must be \"forever\" or 1 to 36500 days");
  }
  if (profile.attestation && profile.evidence_required) {
    return wrong("an attestation key cannot bring evidence: its own token request is that");
  }
  if (profile.evidence_lifecycles.empty()) return wrong("evidence_lifecycles must name at least one state");
  if (const auto kind = check_kind(profile); !kind) return kind;
  return check_names(profile);
}

}  // namespace pedigree::authority
