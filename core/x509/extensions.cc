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

// Whether it is one of those, of numbers that can be RFC 5280's.
bool is_standard(const Bytes& oid) noexcept {
  return oid.size() == 3 && oid[0] == 0x55 && oid[1] == 0x1d && oid[2] < 64;
}

// RFC 5280 4.2.1.9.
void read_basic_constraints(der::Cursor&& fields, BasicConstraints& constraints) noexcept {
  constraints.ca = fields.boolean_or_false();
  if (fields.next_is(der::kInteger)) constraints.path_len = fields.u32();
  fields.finish();
}

// RFC 5280 4.2.1.12: SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER.
void check_ext_key_usage(der::Cursor&& purposes) noexcept {
  purposes.require_more(ErrorCode::bad_extension);
  while (purposes.more()) purposes.oid();
}

// RFC 5280 4.2.1.1: { keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2] }, the last
// two both or neither.
void check_authority_key_identifier(der::Cursor&& fields) noexcept {
  const std::uint32_t offset = fields.offset();
  fields.skip_if(der::context(0));
  const bool has_issuer = fields.next_is(der::context_constructed(1));
  if (has_issuer) check_general_names(fields.open(der::context_constructed(1)));
  const bool has_serial = fields.skip_if(der::context(2));
  fields.finish();
  fields.require(has_issuer == has_serial, ErrorCode::bad_extension, offset);
}

// The extensions of RFC 5280; `value` = content of the OCTET STRING, one element.
void read_standard(const Extension& extension, der::Cursor&& value, Extensions& out) noexcept {
  const std::uint8_t number = extension.oid[2];
  if (number == last(oid::kKeyUsage)) {  // RFC 5280 4.2.1.3: at least one bit
    out.key_usage = value.named_bits();
    value.finish();
    value.require(*out.key_usage != 0, ErrorCode::bad_extension, extension.value_offset);
    return;
  }
  if (number == last(oid::kSubjectKeyIdentifier)) {
    out.subject_key_identifier = value.open_only(der::kOctetString).reader().rest();
    return;
  }
  der::Cursor sequence = value.open_only(der::kSequence);
  const Bytes content = sequence.reader().rest();
  switch (number) {
    case last(oid::kBasicConstraints):
      read_basic_constraints(std::move(sequence), out.basic_constraints.emplace());
      break;
    case last(oid::kExtKeyUsage):
      check_ext_key_usage(std::move(sequence));
      out.ext_key_usage = content;
      break;
    case last(oid::kSubjectAltName):
      check_general_names(std::move(sequence));
      out.subject_alt_name = content;
      out.subject_alt_name_critical = extension.critical;
      break;
    case last(oid::kNameConstraints):
      check_name_constraints(std::move(sequence));
      out.name_constraints = content;
      break;
    default:
      check_authority_key_identifier(std::move(sequence));
      out.authority_key_identifier = content;
      break;
  }
}

void read_known(const Extension& extension, const der::Cursor& in, Extensions& out) noexcept {
  switch (is_standard(extension.oid) ? extension.oid[2] : 0) {
    case last(oid::kBasicConstraints):
    case last(oid::kKeyUsage):
    case last(oid::kExtKeyUsage):
    case last(oid::kSubjectAltName):
    case last(oid::kNameConstraints):
    case last(oid::kSubjectKeyIdentifier):
    case last(oid::kAuthorityKeyIdentifier):
      return read_standard(extension, in.inside(extension.value, extension.value_offset), out);
    case last(oid::kCertificatePolicies):
    case last(oid::kPolicyMappings):
    case last(oid::kPolicyConstraints):
    case last(oid::kInhibitAnyPolicy):
      out.policies_critical = out.policies_critical || extension.critical;
      return;
    default:
      if (extension.critical && !out.unknown_critical) out.unknown_critical = extension.oid;
  }
}

// No extension twice. The bound on those that RFC 5280 does not number bounds the work too.
void check_unique(der::Cursor earlier, const Bytes& oid, der::Cursor& in, std::uint32_t offset) noexcept {
  std::size_t others = 0;
  while (in.ok() && earlier.offset() != offset) {
    const Bytes other = read_extension(earlier).oid;
    if (equal(other, oid)) in.fail(ErrorCode::duplicate_extension, offset);
    if (!is_standard(other)) ++others;
  }
  if (others == kMaxOtherExtensions && !is_standard(oid)) in.fail(ErrorCode::too_many, offset);
}

}  // namespace

Extension read_extension(der::Cursor& in) noexcept {
  der::Cursor fields = in.open(der::kSequence);
  Extension extension;
  extension.oid = fields.oid();
  extension.critical = fields.boolean_or_false();
  const der::Element value = fields.read(der::kOctetString);
  fields.finish();
  extension.value = value.content;
  extension.value_offset = value.content_offset;
  return extension;
}

Result<Extension> read_extension(Reader& in) noexcept {
  return der::read_with_cursor(in, [](der::Cursor& cursor) { return read_extension(cursor); });
}

void parse_extensions(der::Cursor&& in, Extensions& out) noexcept {
  const der::Cursor first = in;
  in.require_more(ErrorCode::bad_extension);
  while (in.more()) {
    const std::uint32_t offset = in.offset();
    const Extension extension = read_extension(in);
    check_unique(first, extension.oid, in, offset);
    if (in.ok()) read_known(extension, in, out);
  }
}

Result<Extensions> parse_extensions(Reader in) noexcept {
  return der::read_with_cursor(in, [](der::Cursor& cursor) {
    Extensions extensions;
    parse_extensions(std::move(cursor), extensions);
    return extensions;
  });
}

}  // namespace pedigree::x509
