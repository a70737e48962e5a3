// SPDX-License-Identifier: Apache-2.0
// Extensions in words.
#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/files.h"
#include "cli/image_values.h"
#include "cli/inspect.h"
#include "core/firmware_image/revocation_list.h"
#include "core/grant/grant.h"
#include "core/x509/extensions.h"
#include "core/x509/general_name.h"
#include "core/x509/oids.h"

namespace pedigree::cli {
namespace {

namespace oid = x509::oid;

struct Name {
  Bytes oid;
  const char* text;
};
const Name kExtensionNames[] = {
    {oid::kSubjectKeyIdentifier, "subject key identifier"},
    {oid::kKeyUsage, "key usage"},
    {oid::kSubjectAltName, "subject alternative name"},
    {oid::kIssuerAltName, "issuer alternative name"},
    {oid::kBasicConstraints, "basic constraints"},
    {oid::kNameConstraints, "name constraints"},
    {oid::kCrlDistributionPoints, "CRL distribution points"},
    {oid::kCertificatePolicies, "certificate policies"},
    {oid::kPolicyMappings, "policy mappings"},
    {oid::kAuthorityKeyIdentifier, "authority key identifier"},
    {oid::kPolicyConstraints, "policy constraints"},
    {oid::kExtKeyUsage, "extended key usage"},
    {oid::kInhibitAnyPolicy, "inhibit any policy"},
    {oid::kAuthorityInfoAccess, "authority information access"},
    {image::kFirmwareLimitsOid, "firmware limits"},
};
const Name kPurposes[] = {{oid::kServerAuth, "serverAuth"},
                          {oid::kClientAuth, "clientAuth"},
                          {oid::kCodeSigning, "codeSigning"},
                          {oid::kOcspSigning, "OCSPSigning"},
                          {oid::kDocumentSigning, "documentSigning"},
                          {oid::kAttestationKey, "attestationKey"},
                          {image::kSignerRevocationPurpose, "signerRevocation"},
                          {grant::kKeyPurpose, "deviceGrant"},
                          {oid::kAnyExtendedKeyUsage, "anyExtendedKeyUsage"}};
constexpr const char* kUsages[] = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                   "dataEncipherment", "keyAgreement",   "keyCertSign",
                                   "cRLSign",          "encipherOnly",   "decipherOnly"};

std::string find_name(std::span<const Name> names, Bytes oid_octets) {
  for (const Name& name : names) {
    if (equal(name.oid, oid_octets)) return name.text;
  }
  return oid_text(oid_octets);
}

void append(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

std::string usage_text(std::uint16_t bits) {
  std::string text;
  for (unsigned bit = 0; bit < std::size(kUsages); ++bit) {
    if (((bits >> bit) & 1U) != 0) append(text, kUsages[bit]);
  }
  return text;
}

std::string address_text(Bytes value) {
  std::string text;
  if (value.size() != 4 && value.size() != 8) return to_hex(value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i == 4 ? "/" : ".", value[i]);
  }
  return text;
}

std::string general_name_text(const x509::GeneralName& name) {
  switch (name.form) {
    case x509::kRfc822Name:
      return "email:" + printable(as_text(name.value));
    case x509::kDnsName:
      return "dns:" + printable(as_text(name.value));
    case x509::kUri:
      return "uri:" + printable(as_text(name.value));
    case x509::kIpAddress:
      return "ip:" + address_text(name.value);
    case x509::kDirectoryName:
      return "name:" + name_text(name.value);
    case x509::kRegisteredId:
      return "oid:" + oid_text(name.value);
    default:
      break;
  }
  Reader in(name.value);
  const auto type = der::read_oid(in);
  if (name.form != x509::kOtherName || !type) return "other:" + to_hex(name.value);
  const std::string label = equal(*type, oid::kHardwareModuleName) ? "hardwareModuleName" : oid_text(*type);
  return fmt::format("{}:{}", label, to_hex(in.rest()));
}

std::string names_text(Reader in, x509::NameUse use) {
  std::string text;
  while (!in.empty()) {
    const auto name = x509::read_general_name(in, use);
    if (!name) break;
    append(text, general_name_text(*name));
  }
  return text;
}

/// GeneralSubtrees: SEQUENCE { base } one after another.
std::string subtrees_text(Reader in) {
  std::string text;
  while (!in.empty()) {
    const auto subtree = der::read(in, der::kSequence);
    if (!subtree) break;
    append(text, names_text(subtree->reader(), x509::NameUse::constraint));
  }
  return text;
}

std::string constraints_text(Bytes content) {
  std::string text;
  Reader in(content);
  while (!in.empty()) {
    const auto element = der::read_any(in);
    if (!element) break;
    append(text, (element->tag == der::context_constructed(0) ? "permitted " : "excluded ") +
                     subtrees_text(element->reader()));
  }
  return text;
}

/// Every uniformResourceIdentifier inside, at any depth to 8.
void collect_uris(Reader in, unsigned depth, std::string& text) {
  while (!in.empty()) {
    const auto element = der::read_any(in);
    if (!element) return;
    if (element->tag == x509::kUri) append(text, printable(as_text(element->content)));
    if ((element->tag & 0x20U) != 0 && depth < 8) collect_uris(element->reader(), depth + 1, text);
  }
}

std::string purposes_text(Bytes content) {
  std::string text;
  Reader in(content);
  while (!in.empty()) {
    const auto purpose = der::read_oid(in);
    if (!purpose) break;
    append(text, find_name(kPurposes, *purpose));
  }
  return text;
}

/// The text of an extension that parse_extensions knows; empty for others.
std::string known_text(Bytes type, const x509::Extensions& extensions) {
  if (equal(type, oid::kBasicConstraints) && extensions.basic_constraints) {
    const auto& constraints = *extensions.basic_constraints;
    if (!constraints.ca) return "not a CA";
    return constraints.path_len ? fmt::format("CA, pathLen {}", *constraints.path_len) : "CA";
  }
  if (equal(type, oid::kKeyUsage) && extensions.key_usage) return usage_text(*extensions.key_usage);
  if (equal(type, oid::kExtKeyUsage) && extensions.ext_key_usage) {
    return purposes_text(*extensions.ext_key_usage);
  }
  if (equal(type, oid::kSubjectAltName) && extensions.subject_alt_name) {
    return names_text(Reader(*extensions.subject_alt_name), x509::NameUse::name);
  }
  if (equal(type, oid::kNameConstraints) && extensions.name_constraints) {
    return constraints_text(*extensions.name_constraints);
  }
  if (equal(type, oid::kSubjectKeyIdentifier) && extensions.subject_key_identifier) {
    return to_hex(*extensions.subject_key_identifier);
  }
  if (equal(type, oid::kAuthorityKeyIdentifier) && extensions.authority_key_identifier) {
    Reader in(*extensions.authority_key_identifier);
    const auto identifier = der::read(in, der::context(0));
    return identifier ? to_hex(identifier->content) : to_hex(*extensions.authority_key_identifier);
  }
  return {};
}

}  // namespace

std::string general_names_text(Bytes names) {
  return names_text(Reader(names), x509::NameUse::name);
}

std::vector<Report> extension_parts(Bytes content) {
  std::vector<Report> parts;
  if (content.empty()) return parts;
  const auto extensions = x509::parse_extensions(Reader(content));
  Reader in(content);
  while (!in.empty()) {
    const auto extension = x509::read_extension(in);
    if (!extension) break;
    Report part{.kind = find_name(kExtensionNames, extension->oid)};
    std::string text;
    if (extensions) text = known_text(extension->oid, *extensions);
    if (text.empty() && (equal(extension->oid, oid::kCrlDistributionPoints) ||
                         equal(extension->oid, oid::kAuthorityInfoAccess))) {
      collect_uris(Reader(extension->value), 0, text);
    }
    if (equal(extension->oid, image::kFirmwareLimitsOid)) {
      const auto limits = image::parse_limits(extension->value);
      if (limits) text = limits_text(*limits);
    }
    if (text.empty()) text = to_hex(extension->value);
    part.title = fmt::format("{}: {}", part.kind, text);
    part.remark = extension->critical ? "critical" : "";
    part.add("oid", oid_text(extension->oid));
    part.add("critical", extension->critical ? "yes" : "no", boost::json::value(extension->critical));
    part.add("value", text);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace pedigree::cli
