// SPDX-License-Identifier: Apache-2.0
#include "core/x509/crl.h"

#include "core/x509/builder.h"
#include "core/x509/crl_scope.h"
#include "core/x509/extension_writer.h"
#include "core/x509/extensions.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

constexpr der::Tag kEnumerated = 0x0a;
// RFC 5280 5.3.2: invalidityDate says more about an entry and changes nothing.
constexpr oid::Oid<3> kInvalidityDate{0x55, 0x1d, 0x18};

bool is_reason(std::uint8_t value) noexcept {
  return value <= 10 && value != 7;
}

Bytes without_leading_zeros(Bytes number) noexcept {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  return number;
}

// CRLReason ::= ENUMERATED (RFC 5280 5.3.1).
Result<RevocationReason> parse_reason(const Extension& extension) noexcept {
  Reader in(extension.value, extension.value_offset);
  PEDIGREE_ASSIGN(const der::Element element, der::read(in, kEnumerated));
  PEDIGREE_TRY(in.finish());
  if (element.content.size() != 1 || !is_reason(element.content[0])) {
    return fail(ErrorCode::bad_extension, element.content_offset);
  }
  return static_cast<RevocationReason>(element.content[0]);
}

Result<void> parse_entry_extensions(Reader in, RevokedEntry& entry) noexcept {
  if (in.empty()) return fail(ErrorCode::bad_extension, in.offset());
  bool has_reason = false;
  while (!in.empty()) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const Extension extension, read_extension(in));
    if (equal(extension.oid, oid::kReasonCode)) {
      if (has_reason) return fail(ErrorCode::duplicate_extension, offset);
      has_reason = true;
      PEDIGREE_ASSIGN(entry.reason, parse_reason(extension));
    } else if (extension.critical && !equal(extension.oid, kInvalidityDate)) {
      return fail(ErrorCode::unknown_critical_extension, offset);
    }
  }
  return {};
}

// cRLNumber and BaseCRLNumber: INTEGER of up to 20 octets (RFC 5280 5.2.3).
Result<Bytes> parse_crl_number(const Extension& extension) noexcept {
  Reader in(extension.value, extension.value_offset);
  PEDIGREE_ASSIGN(const Bytes number, der::read_unsigned(in));
  PEDIGREE_TRY(in.finish());
  if (number.size() > 20) return fail(ErrorCode::too_long, extension.value_offset);
  return number;
}

// revokedCertificates: absent, or SEQUENCE OF one entry at least (RFC 5280 5.1.2.6).
Result<Bytes> read_entries(Reader& tbs) noexcept {
  if (!der::next_is(tbs, der::kSequence)) return Bytes();
  PEDIGREE_ASSIGN(const der::Element list, der::read_any(tbs));
  Reader entries = list.reader();
  if (entries.empty()) return fail(ErrorCode::bad_value, list.content_offset);
  while (!entries.empty()) PEDIGREE_TRY(Crl::read_entry(entries));
  return list.content;
}

void write_reason(RevocationReason reason, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid::kReasonCode, false);
  const auto value = static_cast<std::uint8_t>(reason);
  out.element(kEnumerated, Bytes(&value, 1));
}

void write_entry(const RevokedEntry& entry, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  out.unsigned_integer(entry.serial);
  out.time(entry.when);
  // RFC 5280 5.3.1: unspecified is said by leaving the reason out.
  if (entry.reason != RevocationReason::unspecified) {
    const std::size_t extensions = out.open(der::kSequence);
    write_reason(entry.reason, out);
    out.close(extensions);
  }
  out.close(sequence);
}

void write_number(Bytes oid, bool critical, Bytes number, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid, critical);
  out.unsigned_integer(number);
}

void write_crl_extensions(const CrlFields& fields, der::Builder& out) noexcept {
  const std::size_t field = out.open(der::context_constructed(0));
  const std::size_t extensions = out.open(der::kSequence);
  ExtensionSet set;
  set.authority_key_identifier = fields.authority_key_identifier;
  write_extensions(set, out);
  write_number(oid::kCrlNumber, false, fields.crl_number, out);
  if (!fields.base_crl_number.empty()) {
    write_number(oid::kDeltaCrlIndicator, true, fields.base_crl_number, out);
  }
  if (!fields.distribution_point.empty()) write_crl_scope(fields, out);
  if (!fields.freshest_crl.empty()) {
    write_distribution_points(oid::kFreshestCrl, fields.freshest_crl, out);
  }
  out.close(extensions);
  out.close(field);
}

void write_tbs(const CrlFields& fields, crypto::SignatureAlgorithm algorithm, der::Builder& out) noexcept {
  const std::size_t tbs = out.open(der::kSequence);
  out.integer(1);
  write_signature_algorithm(algorithm, out);
  out.raw(fields.issuer);
  out.time(fields.this_update);
  out.time(fields.next_update);
  if (!fields.entries.empty()) {
    const std::size_t entries = out.open(der::kSequence);
    for (const RevokedEntry& entry : fields.entries) write_entry(entry, out);
    out.close(entries);
  }
  write_crl_extensions(fields, out);
  out.close(tbs);
}

}  // namespace

std::string_view name(RevocationReason reason) noexcept {
  switch (reason) {
    case RevocationReason::key_compromise:
      return "keyCompromise";
    case RevocationReason::ca_compromise:
      return "cACompromise";
    case RevocationReason::affiliation_changed:
      return "affiliationChanged";
    case RevocationReason::superseded:
      return "superseded";
    case RevocationReason::cessation_of_operation:
      return "cessationOfOperation";
    case RevocationReason::certificate_hold:
      return "certificateHold";
    case RevocationReason::remove_from_crl:
      return "removeFromCRL";
    case RevocationReason::privilege_withdrawn:
      return "privilegeWithdrawn";
    case RevocationReason::aa_compromise:
      return "aACompromise";
    case RevocationReason::unspecified:
      break;
  }
  return "unspecified";
}

Result<RevokedEntry> Crl::read_entry(Reader& in) noexcept {
  Reader ahead = in;
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(ahead, der::kSequence));
  Reader fields = sequence.reader();
  RevokedEntry entry;
  PEDIGREE_ASSIGN(entry.serial, der::read_with_cursor(fields, [](der::Cursor& cursor) {
                    read_serial(cursor);
                    return cursor.content();
                  }));
  PEDIGREE_ASSIGN(entry.when, der::read_time(fields));
  if (!fields.empty()) {
    PEDIGREE_ASSIGN(const der::Element extensions, der::read(fields, der::kSequence));
    PEDIGREE_TRY(parse_entry_extensions(extensions.reader(), entry));
  }
  PEDIGREE_TRY(fields.finish());
  in = ahead;
  return entry;
}

// The rules are those of a certificate's extensions: none twice, known ones well-formed.
struct CrlParser {
  static Result<void> extensions(Reader in, Crl& crl) noexcept {
    PEDIGREE_TRY(parse_extensions(in));
    while (!in.empty()) {
      const std::uint32_t offset = in.offset();
      PEDIGREE_ASSIGN(const Extension extension, read_extension(in));
      if (equal(extension.oid, oid::kCrlNumber)) {
        PEDIGREE_ASSIGN(crl.number_, parse_crl_number(extension));
      } else if (equal(extension.oid, oid::kDeltaCrlIndicator)) {
        PEDIGREE_ASSIGN(crl.base_number_, parse_crl_number(extension));
      } else if (equal(extension.oid, oid::kIssuingDistributionPoint)) {
        PEDIGREE_ASSIGN(crl.scope_, parse_crl_scope(extension));
        crl.scope_whole_ = extension.value;
      } else if (extension.critical && !equal(extension.oid, oid::kAuthorityKeyIdentifier)) {
        return fail(ErrorCode::unknown_critical_extension, offset);
      }
    }
    return {};
  }
};

Result<Crl> Crl::parse_any(Bytes der) noexcept {
  Reader whole(der);
  SignedObject object;
  PEDIGREE_ASSIGN(Reader tbs, der::read_with_cursor(
                                  whole, [&object](der::Cursor& in) { return read_signed(in, object); }));
  Crl crl;
  crl.tbs_ = object.to_be_signed;
  crl.algorithm_ = object.algorithm;
  crl.signature_ = object.signature;
  const std::uint32_t version_offset = tbs.offset();
  if (!der::next_is(tbs, der::kInteger)) return fail(ErrorCode::unsupported_version, version_offset);
  PEDIGREE_ASSIGN(const std::uint32_t version, der::read_u32(tbs));
  if (version != 1) return fail(ErrorCode::unsupported_version, version_offset);
  const std::uint32_t algorithm_offset = tbs.offset();
  PEDIGREE_ASSIGN(const der::Element algorithm, der::read(tbs, der::kSequence));
  if (!equal(algorithm.whole, object.algorithm.whole)) {
    return fail(ErrorCode::algorithm_mismatch, algorithm_offset);
  }
  PEDIGREE_ASSIGN(crl.issuer_, der::read_with_cursor(tbs, [](der::Cursor& in) { return read_name(in); }));
  PEDIGREE_ASSIGN(crl.this_update_, der::read_time(tbs));
  if (der::next_is(tbs, der::kUtcTime) || der::next_is(tbs, der::kGeneralizedTime)) {
    PEDIGREE_ASSIGN(crl.next_update_, der::read_time(tbs));
  }
  PEDIGREE_ASSIGN(crl.entries_, read_entries(tbs));
  if (der::next_is(tbs, der::context_constructed(0))) {
    PEDIGREE_ASSIGN(const der::Element field, der::read_any(tbs));
    Reader content = field.reader();
    PEDIGREE_ASSIGN(const der::Element sequence, der::read(content, der::kSequence));
    PEDIGREE_TRY(content.finish());
    PEDIGREE_TRY(CrlParser::extensions(sequence.reader(), crl));
  }
  PEDIGREE_TRY(tbs.finish());
  return crl;
}

Result<Crl> Crl::parse(Bytes der) noexcept {
  PEDIGREE_ASSIGN(const Crl crl, parse_any(der));
  for (const Bytes partial : {crl.scope_whole_, crl.base_number_}) {
    if (partial.empty()) continue;
    return fail(ErrorCode::unknown_critical_extension,
                static_cast<std::uint32_t>(partial.data() - der.data()));
  }
  return crl;
}

std::optional<RevokedEntry> Crl::find(Bytes serial) const noexcept {
  const Bytes wanted = without_leading_zeros(serial);
  for (Reader in(entries_); !in.empty();) {
    const auto entry = read_entry(in);
    if (!entry) return {};
    if (equal(entry->serial, wanted)) return *entry;
  }
  return {};
}

Result<Bytes> write_crl(const crypto::Crypto& crypto, const CrlFields& fields, const crypto::PrivateKey& key,
                        crypto::SignatureAlgorithm algorithm, MutableBytes buffer) noexcept {
  Writer writer(buffer);
  der::Builder out(writer);
  write_tbs(fields, algorithm, out);
  return sign_and_close(crypto, key, algorithm, 0, out);
}

}  // namespace pedigree::x509
