// SPDX-License-Identifier: Apache-2.0
#include "authority/issuer.h"

#include "authority/encode.h"
#include "core/cose/cose.h"
#include "core/x509/oids.h"
#include "registry/crl_partition.h"

namespace pedigree::authority {
namespace {

namespace oid = x509::oid;

// Placeholders are written where a certificate differs from the next, found once, and overwritten in copies.
// They are of octets that no text of a profile has.
constexpr std::size_t kHexIdSize = 2 * enrol::kDeviceIdSize;
constexpr std::size_t kBriefIdSize = 16;
constexpr registry::DeviceId kRawPlaceholder = [] {
  registry::DeviceId id{};
  id.fill(0xa5);
  return id;
}();
constexpr KeyIdentifier kKeyPlaceholder = [] {
  KeyIdentifier id{};
  id.fill(0x03);
  return id;
}();
constexpr std::string_view kUriPrefix = "urn:dev:ueid:";

const std::string& hex_placeholder() {
  static const std::string kText(kHexIdSize, '\x01');
  return kText;
}

const std::string& brief_placeholder() {
  static const std::string kText(kBriefIdSize, '\x02');
  return kText;
}

const std::string& partition_placeholder() {
  static const std::string kText(8, '\x04');
  return kText;
}

std::string with_placeholders(std::string_view text) {
  return expand(text, {hex_placeholder(), brief_placeholder(), {}});
}

std::optional<std::size_t> find(const Der& in, Bytes what, std::size_t from) {
  const auto at =
      std::search(in.begin() + static_cast<std::ptrdiff_t>(from), in.end(), what.begin(), what.end());
  if (at == in.end()) return std::nullopt;
  return static_cast<std::size_t>(at - in.begin());
}

void patch(MutableBytes der, std::size_t at, Bytes value) {
  std::copy(value.begin(), value.end(), der.begin() + static_cast<std::ptrdiff_t>(at));
}

/// GeneralNames content: hardwareModuleName (RFC 4108 5), the device's URN, and what the profile names.
Der alternative_names(const Config& config, const Profile& profile) {
  return encode([&](der::Builder& out) {
    if (profile.hardware_module_name) {
      const std::size_t other_name = out.open(der::context_constructed(0));
      out.oid(oid::kHardwareModuleName);
      const std::size_t value = out.open(der::context_constructed(0));
      const std::size_t module = out.open(der::kSequence);
      out.oid(config.hardware_type);
      out.element(der::kOctetString, kRawPlaceholder);
      out.close(module);
      out.close(value);
      out.close(other_name);
    }
    if (profile.device_uri) {
      out.element(der::context(6), as_bytes(std::string(kUriPrefix) + hex_placeholder()));
    }
    for (const AlternativeName& name : profile.alternative_names) {
      out.element(der::context(static_cast<std::uint8_t>(name.form)), as_bytes(with_placeholders(name.text)));
    }
  });
}

std::array<std::uint8_t, kHexIdSize> hex_digits(const registry::DeviceId& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, kHexIdSize> digits{};
  for (std::size_t i = 0; i < id.size(); ++i) {
    digits.at(2 * i) = static_cast<std::uint8_t>(kDigits[id.at(i) >> 4U]);
    digits.at(2 * i + 1) = static_cast<std::uint8_t>(kDigits[id.at(i) & 15U]);
  }
  return digits;
}

std::array<std::uint8_t, 16> crl_number(der::UnixTime when, std::uint64_t total) {
  std::array<std::uint8_t, 16> number{};
  Writer out(number);
  out.big_endian(static_cast<std::uint64_t>(when), 8);
  out.big_endian(total, 8);
  return number;
}

/// The profile's subject; where it names none, the serialNumber.
Der subject_name(const Profile& profile) {
  if (!profile.subject.empty()) return subject_of(profile, {hex_placeholder(), brief_placeholder(), {}});
  const x509::NamePart parts[] = {{oid::kSerialNumber, hex_placeholder()}};
  return encode([&](der::Builder& out) { x509::write_name(parts, out); });
}

/// Of a device that is known by a UUID: brokers look for that in the commonName.
void write_uuid_subject(const registry::Uuid& uuid, std::string_view hex_id, der::Builder& out) {
  const std::string text = registry::uuid_text(uuid);
  const x509::NamePart parts[] = {{oid::kCommonName, text}, {oid::kSerialNumber, hex_id}};
  x509::write_name(parts, out);
}

}  // namespace

der::UnixTime not_after(const Profile& profile, der::UnixTime not_before) noexcept {
  if (!profile.days) return der::kNoWellDefinedExpiration;
  return not_before + static_cast<der::UnixTime>(*profile.days) * 86400 - 1;  // notAfter is inclusive
}

Result<Issuer> Issuer::make(const Config& config, const IssuerConfig& issuer, std::vector<Der> chain,
                            std::optional<crypto::PrivateKey> key) {
  Issuer made(issuer, std::move(chain), key);
  if (made.chain_.empty()) return fail(ErrorCode::empty_chain);
  if (!config.crl_url.empty()) made.crl_url_ = config.crl_url + "/" + issuer.name;
  made.names_crl_partitions_ = !config.crl_url.empty() && config.crl_partitions;
  PEDIGREE_ASSIGN(const x509::Certificate certificate, x509::Certificate::parse(made.chain_.front()));
  made.from_ = std::max(certificate.not_before(), issuer.from.value_or(certificate.not_before()));
  made.until_ = std::min(certificate.not_after(), issuer.until.value_or(certificate.not_after()));
  for (const std::string& profile : issuer.profiles) {
    const auto found = config.profiles.find(profile);
    if (found == config.profiles.end()) return fail(ErrorCode::bad_configuration);
    PEDIGREE_ASSIGN(Template ready, made.make_template(config, found->second));
    made.templates_.emplace(profile, std::move(ready));
  }
  return made;
}

void Issuer::find_holes(const Der& der, std::vector<Hole>& out) {
  const std::pair<Hole::Content, Bytes> kinds[] = {
      {Hole::Content::octets, kRawPlaceholder},
      {Hole::Content::hex, as_bytes(hex_placeholder())},
      {Hole::Content::brief, as_bytes(brief_placeholder())},
      {Hole::Content::crl_partition, as_bytes(partition_placeholder())}};
  for (const auto& [content, what] : kinds) {
    for (auto at = find(der, what, 0); at; at = find(der, what, *at + what.size()))
      out.push_back({content, *at});
  }
}

Result<Issuer::Template> Issuer::make_template(const Config& config, const Profile& profile) const {
  PEDIGREE_ASSIGN(const x509::Certificate certificate, x509::Certificate::parse(chain_.front()));
  if (!certificate.spki().key) return fail(ErrorCode::unsupported_algorithm);
  const std::string url = names_crl_partitions_ ? crl_url_ + "/" + partition_placeholder() : crl_url_;
  const Der names = alternative_names(config, profile);
  const std::vector<Bytes> purposes(profile.key_purposes.begin(), profile.key_purposes.end());
  x509::ExtensionSet extensions;
  if (profile.basic_constraints) extensions.basic_constraints = x509::BasicConstraints{};
  extensions.key_usage = profile.key_usage;
  extensions.ext_key_usage = purposes;
  extensions.subject_alt_name = names;
  extensions.crl_distribution_point = url;
  extensions.subject_key_identifier = kKeyPlaceholder;
  extensions.authority_key_identifier = certificate.extensions().subject_key_identifier.value_or(Bytes{});
  Template made;
  made.head = encode([&](der::Builder& out) {
    x509::write_signature_algorithm(crypto::default_algorithm(certificate.spki().key->type), out);
    out.raw(certificate.subject());
  });
  made.subject = subject_name(profile);
  made.is_plain_subject = profile.subject.empty();
  made.extensions = encode([&](der::Builder& out) {
    const std::size_t outer = out.open(der::context_constructed(3));
    const std::size_t list = out.open(der::kSequence);
    x509::write_extensions(extensions, out);
    out.close(list);
    out.close(outer);
  });
  find_holes(made.subject, made.subject_holes);
  find_holes(made.extensions, made.extension_holes);
  const auto key_at = find(made.extensions, kKeyPlaceholder, 0);
  if (!key_at) return fail(ErrorCode::bad_configuration);
  made.key_identifier = *key_at;
  return made;
}

Result<Der> Issuer::issue(const crypto::Crypto& crypto, const Profile& profile,
                          const LeafFields& fields) const {
  const auto found = templates_.find(profile.name);
  if (found == templates_.end() || !fields.spki.key) return fail(ErrorCode::unknown_profile);
  if (!key_) return fail(ErrorCode::key_not_found);
  const Template& ready = found->second;
  PEDIGREE_ASSIGN(const KeyIdentifier identifier, key_identifier(crypto, fields.spki.key->key));
  const auto digits = hex_digits(fields.device);
  const std::string partition = registry::crl_partition_text(fields.crl_partition);
  std::array<std::uint8_t, 4096> buffer;  // NOLINT: every octet that is read was written
  Writer out(buffer);
  der::Builder der(out);
  const std::size_t tbs = der.open(der::kSequence);
  const std::size_t version = der.open(der::context_constructed(0));
  der.integer(2);
  der.close(version);
  der.unsigned_integer(fields.serial);
  der.raw(ready.head);
  const std::size_t validity = der.open(der::kSequence);
  der.time(fields.not_before);
  der.time(not_after(profile, fields.not_before));
  der.close(validity);
  const std::size_t subject_at = out.size();
  const auto uuid = ready.is_plain_subject ? registry::uuid_of_device(fields.device) : std::nullopt;
  if (uuid) {
    write_uuid_subject(*uuid, as_text(digits), der);
  } else {
    der.raw(ready.subject);
  }
  der.raw(fields.spki.whole);
  const std::size_t extensions_at = out.size();
  der.raw(ready.extensions);
  if (!out.fits()) return fail(ErrorCode::buffer_too_small);
  const auto fill = [&](std::size_t start, const std::vector<Hole>& holes) {
    for (const Hole& hole : holes) {
      const Bytes value = hole.content == Hole::Content::octets          ? Bytes(fields.device)
                          : hole.content == Hole::Content::hex           ? Bytes(digits)
                          : hole.content == Hole::Content::crl_partition ? as_bytes(partition)
                                                                         : Bytes(digits).last(kBriefIdSize);
      patch(buffer, start + hole.at, value);
    }
  };
  if (!uuid) fill(subject_at, ready.subject_holes);
  fill(extensions_at, ready.extension_holes);
  patch(buffer, extensions_at + ready.key_identifier, identifier);
  der.close(tbs);
  PEDIGREE_TRY(x509::sign_and_close(crypto, *key_, crypto::default_algorithm(key_->type), 0, der));
  const Bytes written = out.written();
  return Der(written.begin(), written.end());
}

std::string crl_partition_url(std::string_view base, std::uint32_t partition) {
  return std::string(base) + "/" + registry::crl_partition_text(partition);
}

Result<Der> Issuer::make_crl(const crypto::Crypto& crypto, std::span<const x509::RevokedEntry> entries,
                             const CrlSpec& spec) const {
  if (!key_) return fail(ErrorCode::key_not_found);
  PEDIGREE_ASSIGN(const x509::Certificate certificate, x509::Certificate::parse(chain_.front()));
  const auto number = crl_number(spec.this_update, spec.total);
  const auto base = crl_number(spec.base.value_or(0), 0);
  x509::CrlFields fields;
  fields.issuer = certificate.subject();
  fields.this_update = spec.this_update;
  fields.next_update = spec.next_update;
  fields.crl_number = number;
  if (spec.base) fields.base_crl_number = base;
  fields.distribution_point = spec.distribution_point;
  fields.distribution_point_critical = spec.critical;
  fields.freshest_crl = spec.freshest;
  fields.authority_key_identifier = certificate.extensions().subject_key_identifier.value_or(Bytes{});
  fields.entries = entries;
  Der buffer(2048 + entries.size() * 64);
  PEDIGREE_ASSIGN(const Bytes written,
                  x509::write_crl(crypto, fields, *key_, crypto::default_algorithm(key_->type), buffer));
  buffer.resize(written.size());  // it begins where the buffer does
  return buffer;
}

Result<Der> Issuer::certify_delegate(const crypto::Crypto& crypto, DelegateFields fields) const {
  if (!key_) return fail(ErrorCode::key_not_found);
  PEDIGREE_ASSIGN(const x509::Certificate certificate, x509::Certificate::parse(chain_.front()));
  fields.issuer = {chain_.front(), *key_};
  fields.not_after = std::min(fields.not_after, certificate.not_after());
  return make_delegate(crypto, fields);
}

Result<Der> Issuer::sign_statement(const crypto::Crypto& crypto, Bytes statement,
                                   std::string_view context) const {
  if (!key_) return fail(ErrorCode::key_not_found);
  const std::vector<Bytes> chain(chain_.begin(), chain_.end());
  std::size_t chain_size = 0;
  for (const Bytes certificate : chain) chain_size += certificate.size();
  Der buffer(2 * statement.size() + chain_size + context.size() + 512);
  PEDIGREE_ASSIGN(
      const Bytes message,
      cose::write_sign1(crypto, {.payload = statement, .external_aad = as_bytes(context), .x5chain = chain},
                        *key_, buffer));
  return Der(message.begin(), message.end());
}

}  // namespace pedigree::authority
