// SPDX-License-Identifier: Apache-2.0
#include "core/x509/extensions.h"

#include "core/x509/general_name.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

// The last octet of an OID below 2.5.29, which is all that tells RFC 5280's extensions apart.
constexpr std::uint8_t last(const oid::Oid<3>& oid) noexcept {
  return oid[2];
}

// That octet where it is one of those, of numbers that can be RFC 5280's; 0 for any other OID.
unsigned standard_number(const Bytes& oid) noexcept {
  return oid.size() == 3 && oid[0] == 0x55 && oid[1] == 0x1d && oid[2] < 64 ? oid[2] : 0U;
}

// RFC 5280 4.2.1.9.
void read_basic_constraints(der::Cursor& in, BasicConstraints& constraints) noexcept {
  constraints.ca = in.boolean_or_false();
  if (in.next_is(der::kInteger)) constraints.path_len = in.u32();
}

// RFC 5280 4.2.1.12: SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER.
void check_ext_key_usage(der::Cursor& in) noexcept {
  in.require_more(ErrorCode::bad_extension);
  while (in.more()) in.oid();
}

// RFC 5280 4.2.1.1: { keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2] }, the last
// two both or neither.
void check_authority_key_identifier(der::Cursor& in) noexcept {
  const std::uint8_t* const start = in.at();
  in.skip_if(der::context(0));
  const bool has_issuer = in.next_is(der::context_constructed(1));
  if (has_issuer) {
    const der::Inside names(in, der::context_constructed(1));
    check_general_names(in);
  }
  const bool has_serial = in.skip_if(der::context(2));
  in.finish();
  in.require(has_issuer == has_serial, ErrorCode::bad_extension, start);
}

void skip(der::Cursor& in) noexcept {
  in.skip_rest();
}

// The extensions that are kept as they are: what their value is, and what its content must be.
struct Kept {
  std::uint8_t number;
  der::Tag tag;
  std::optional<Bytes> Extensions::* content;
  void (*check)(der::Cursor&) noexcept;
};
constexpr Kept kKept[] = {
    {last(oid::kSubjectKeyIdentifier), der::kOctetString, &Extensions::subject_key_identifier, skip},
    {last(oid::kSubjectAltName), der::kSequence, &Extensions::subject_alt_name, check_general_names},
#ifndef PEDIGREE_NO_NAME_CONSTRAINTS
    {last(oid::kNameConstraints), der::kSequence, &Extensions::name_constraints, check_name_constraints},
#endif
    {last(oid::kAuthorityKeyIdentifier), der::kSequence, &Extensions::authority_key_identifier,
     check_authority_key_identifier},
    {last(oid::kExtKeyUsage), der::kSequence, &Extensions::ext_key_usage, check_ext_key_usage},
};

// An extension whose value is not read.
void note_other(unsigned number, const Bytes& oid, bool critical, Extensions& out) noexcept {
  switch (number) {
    case last(oid::kCertificatePolicies):
    case last(oid::kPolicyMappings):
    case last(oid::kPolicyConstraints):
    case last(oid::kInhibitAnyPolicy):
      out.policies_critical = out.policies_critical || critical;
      return;
    case last(oid::kNameConstraints):  // a device that cannot apply them
      critical = true;
      break;
    default:
      break;
  }
  if (critical && !out.unknown_critical) out.unknown_critical.emplace(oid);
}

// What is inside the OCTET STRING.
void read_value(const Bytes& oid, bool critical, der::Cursor& in, Extensions& out) noexcept {
  const unsigned number = standard_number(oid);
  if (number == last(oid::kKeyUsage)) {  // RFC 5280 4.2.1.3: at least one bit
    out.key_usage.emplace(in.named_bits());
    return in.require(*out.key_usage != 0, ErrorCode::bad_extension, in.start());
  }
  if (number == last(oid::kBasicConstraints)) {
    const der::Inside sequence(in, der::kSequence);
    return read_basic_constraints(in, out.basic_constraints.emplace());
  }
  for (const Kept& kept : kKept) {
    if (kept.number != number) continue;
    const der::Inside value(in, kept.tag);
    (out.*kept.content).emplace(in.content());
    // RFC 5280 4.1.2.6 asks.
    if (number == last(oid::kSubjectAltName)) out.subject_alt_name_critical = critical;
    return kept.check(in);
  }
  in.skip_rest();
  note_other(number, oid, critical, out);
}

}  // namespace

void read_extensions(der::Cursor& in, Extensions& out) noexcept {
  const std::uint8_t* const first = in.at();
  std::size_t count = 0;
  in.require_more(ErrorCode::bad_extension);
  while (in.more()) {
    const std::uint8_t* const start = in.at();
    const der::Inside extension(in, der::kSequence);
    in.oid();
    const Bytes oid = in.content();
    const bool critical = in.boolean_or_false();
    in.require(!has_type({first, start}, oid), ErrorCode::duplicate_extension, start);
    in.require(count++ < kMaxExtensions, ErrorCode::too_many, start);
    const der::Inside value(in, der::kOctetString);
    read_value(oid, critical, in, out);
  }
}

Extension read_extension(der::Cursor& in) noexcept {
  const der::Inside sequence(in, der::kSequence);
  Extension extension;
  in.oid();
  extension.oid = in.content();
  extension.critical = in.boolean_or_false();
  in.read(der::kOctetString);
  extension.value = in.content();
  extension.value_offset = in.element().content_offset;
  return extension;
}

Result<Extension> read_extension(Reader& in) noexcept {
  return der::read_with_cursor(in, [](der::Cursor& cursor) { return read_extension(cursor); });
}

Result<Extensions> parse_extensions(Reader in) noexcept {
  return der::read_with_cursor(in, [](der::Cursor& cursor) {
    Extensions extensions;
    read_extensions(cursor, extensions);
    return extensions;
  });
}

}  // namespace pedigree::x509
