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

bool is_standard(Bytes oid) noexcept {
  return oid.size() == 3 && oid[0] == 0x55 && oid[1] == 0x1d;
}

// RFC 5280 4.2.1.9.
BasicConstraints read_basic_constraints(der::Cursor&& fields) noexcept {
  BasicConstraints constraints;
  constraints.ca = fields.boolean_or_false();
  if (fields.next_is(der::kInteger)) constraints.path_len = fields.u32();
  fields.finish();
  return constraints;
}

// RFC 5280 4.2.1.12: SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER.
void check_ext_key_usage(der::Cursor&& purposes) noexcept {
  purposes.require(purposes.more(), ErrorCode::bad_extension, purposes.offset());
  while (purposes.more()) purposes.oid();
}

// RFC 5280 4.2.1.1: { keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2] }, the last
// two both or neither.
void check_authority_key_identifier(der::Cursor&& fields) noexcept {
  const std::uint32_t offset = fields.offset();
  if (fields.next_is(der::context(0))) fields.any();
  const bool has_issuer = fields.next_is(der::context_constructed(1));
  if (has_issuer) check_general_names(fields.inside(fields.any()));
  const bool has_serial = fields.next_is(der::context(2));
  if (has_serial) fields.any();
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
      out.basic_constraints = read_basic_constraints(std::move(sequence));
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

// Finds an extension that occurs twice: the standard ones by a bit each, others in a short list.
class Seen {
 public:
  void add(const Extension& extension, der::Cursor& in, std::uint32_t offset) noexcept {
    if (!in.ok()) return;
    if (is_standard(extension.oid) && extension.oid[2] < 64) {
      std::uint32_t& bits = standard_[extension.oid[2] / 32];
      const std::uint32_t bit = std::uint32_t{1} << extension.oid[2] % 32;
      in.require((bits & bit) == 0, ErrorCode::duplicate_extension, offset);
      bits |= bit;
      return;
    }
    for (const Bytes other : std::span(others_).first(count_)) {
      in.require(!equal(other, extension.oid), ErrorCode::duplicate_extension, offset);
    }
    if (count_ == others_.size()) return in.fail(ErrorCode::too_many, offset);
    others_[count_++] = extension.oid;
  }

 private:
  std::array<Bytes, kMaxOtherExtensions> others_;
  std::size_t count_ = 0;
  std::array<std::uint32_t, 2> standard_{};
};

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
  in.require(in.more(), ErrorCode::bad_extension, in.offset());
  Seen seen;
  while (in.more()) {
    const std::uint32_t offset = in.offset();
    const Extension extension = read_extension(in);
    seen.add(extension, in, offset);
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
