// SPDX-License-Identifier: Apache-2.0
// Subjects and alternative names as profiles write them.
#include <array>
#include <utility>

#include "authority/encode.h"
#include "authority/profile.h"
#include "authority/text.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

namespace oid = x509::oid;

const std::pair<std::string_view, Bytes> kAttributes[] = {
    {"CN", oid::kCommonName},
    {"O", oid::kOrganizationName},
    {"OU", oid::kOrganizationalUnitName},
    {"C", oid::kCountryName},
    {"L", oid::kLocalityName},
    {"ST", oid::kStateOrProvinceName},
    {"DC", oid::kDomainComponent},
    {"serialNumber", oid::kSerialNumber},
    {"matterVid", oid::kMatterVendorId},
    {"matterPid", oid::kMatterProductId},
};
constexpr std::pair<std::string_view, NameForm> kForms[] = {
    {"URI", NameForm::uri}, {"DNS", NameForm::dns}, {"email", NameForm::email}};

}  // namespace

std::string expand(std::string_view text, const PlaceholderValues& values) {
  const std::pair<std::string_view, std::string_view> known[] = {
      {"{device}", values.device}, {"{short}", values.brief}, {"{name}", values.name}};
  std::string out;
  while (!text.empty()) {
    bool found = false;
    for (const auto& [word, value] : known) {
      if (value.empty() || !text.starts_with(word)) continue;
      out += value;
      text.remove_prefix(word.size());
      found = true;
      break;
    }
    if (found) continue;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::optional<SubjectPart> parse_subject_part(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view type = text.substr(0, equals);
  SubjectPart part;
  part.text = text.substr(equals + 1);
  for (const auto& [name, octets] : kAttributes) {
    if (name == type) part.type.assign(octets.begin(), octets.end());
  }
  if (part.type.empty()) part.type = parse_oid(type);
  if (part.type.empty()) return std::nullopt;
  return part;
}

std::string subject_part_text(const SubjectPart& part) {
  for (const auto& [name, octets] : kAttributes) {
    if (equal(octets, part.type)) return std::string(name) + "=" + part.text;
  }
  return dotted(part.type) + "=" + part.text;
}

std::optional<AlternativeName> parse_alternative_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  for (const auto& [name, form] : kForms) {
    if (name == text.substr(0, colon)) return AlternativeName{form, std::string(text.substr(colon + 1))};
  }
  return std::nullopt;
}

std::string alternative_name_text(const AlternativeName& name) {
  for (const auto& [word, form] : kForms) {
    if (form == name.form) return std::string(word) + ":" + name.text;
  }
  return name.text;
}

std::vector<std::uint8_t> subject_of(const Profile& profile, const PlaceholderValues& values) {
  if (profile.subject.empty()) return {};
  std::vector<std::string> texts;
  std::vector<x509::NamePart> parts;
  texts.reserve(profile.subject.size());  // the parts borrow them
  for (const SubjectPart& part : profile.subject) {
    texts.push_back(expand(part.text, values));
    parts.push_back({part.type, texts.back()});
  }
  return encode([&](der::Builder& out) { x509::write_name(parts, out); });
}

}  // namespace pedigree::authority
