// SPDX-License-Identifier: Apache-2.0
#include "core/x509/extensions.h"

#include "core/x509/general_name.h"
#include "core/x509/oids.h"

namespace pedigree::x509 {
namespace {

// The last octet of an OID below 2.5.29, which is all that tells RFC 5280's extensions apart.
constexpr std::uint8_t last(const oid::Oid<3>& oid) noexcept {
  return oid[2];
}

bool is_standard(Bytes oid) noexcept {
  return oid.size() == 3 && oid[0] == 0x55 && oid[1] == 0x1d;
}

// The one element that a known extension's value consists of.
Result<der::Element> read_only(const Extension& extension, der::Tag tag) noexcept {
  Reader in(extension.value, extension.value_offset);
  PEDIGREE_ASSIGN(const der::Element element, der::read(in, tag));
  PEDIGREE_TRY(in.finish());
  return element;
}

// RFC 5280 4.2.1.9.
Result<BasicConstraints> parse_basic_constraints(const Extension& extension) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, read_only(extension, der::kSequence));
  Reader fields = sequence.reader();
  BasicConstraints constraints;
  if (der::next_is(fields, der::kBoolean)) {
    const std::uint32_t offset = fields.offset();
    PEDIGREE_ASSIGN(constraints.ca, der::read_boolean(fields));
    if (!constraints.ca) return fail(ErrorCode::bad_value, offset);  // DER leaves a default out (X.690 11.5)
  }
  if (der::next_is(fields, der::kInteger)) {
    PEDIGREE_ASSIGN(constraints.path_len, der::read_u32(fields));
  }
  PEDIGREE_TRY(fields.finish());
  return constraints;
}

// RFC 5280 4.2.1.3: at least one bit.
Result<std::uint16_t> parse_key_usage(const Extension& extension) noexcept {
  Reader in(extension.value, extension.value_offset);
  PEDIGREE_ASSIGN(const std::uint16_t bits, der::read_named_bits(in));
  PEDIGREE_TRY(in.finish());
  if (bits == 0) return fail(ErrorCode::bad_extension, extension.value_offset);
  return bits;
}

// RFC 5280 4.2.1.12: SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER.
Result<Bytes> parse_ext_key_usage(const Extension& extension) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, read_only(extension, der::kSequence));
  Reader purposes = sequence.reader();
  if (purposes.empty()) return fail(ErrorCode::bad_extension, sequence.content_offset);
  while (!purposes.empty()) PEDIGREE_TRY(der::read_oid(purposes));
  return sequence.content;
}

// RFC 5280 4.2.1.1: { keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2] }, the last
// two both or neither.
Result<Bytes> parse_authority_key_identifier(const Extension& extension) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, read_only(extension, der::kSequence));
  Reader fields = sequence.reader();
  if (der::next_is(fields, der::context(0))) PEDIGREE_TRY(der::read_any(fields));
  const bool has_issuer = der::next_is(fields, der::context_constructed(1));
  if (has_issuer) {
    PEDIGREE_ASSIGN(const der::Element issuer, der::read_any(fields));
    PEDIGREE_TRY(check_general_names(issuer.reader()));
  }
  const bool has_serial = der::next_is(fields, der::context(2));
  if (has_serial) PEDIGREE_TRY(der::read_any(fields));
  PEDIGREE_TRY(fields.finish());
  if (has_issuer != has_serial) return fail(ErrorCode::bad_extension, sequence.content_offset);
  return sequence.content;
}

Result<Bytes> parse_subject_alt_name(const Extension& extension) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, read_only(extension, der::kSequence));
  PEDIGREE_TRY(check_general_names(sequence.reader()));
  return sequence.content;
}

Result<Bytes> parse_name_constraints(const Extension& extension) noexcept {
  PEDIGREE_ASSIGN(const der::Element sequence, read_only(extension, der::kSequence));
  PEDIGREE_TRY(check_name_constraints(sequence.reader()));
  return sequence.content;
}

Result<Bytes> parse_subject_key_identifier(const Extension& extension) noexcept {
  PEDIGREE_ASSIGN(const der::Element octets, read_only(extension, der::kOctetString));
  return octets.content;
}

void note_unknown(const Extension& extension, Extensions& out) noexcept {
  if (extension.critical && !out.unknown_critical) out.unknown_critical = extension.oid;
}

Result<void> parse_standard(const Extension& extension, Extensions& out) noexcept {
  switch (extension.oid[2]) {
    case last(oid::kBasicConstraints): {
      PEDIGREE_ASSIGN(out.basic_constraints, parse_basic_constraints(extension));
      return {};
    }
    case last(oid::kKeyUsage): {
      PEDIGREE_ASSIGN(out.key_usage, parse_key_usage(extension));
      return {};
    }
    case last(oid::kExtKeyUsage): {
      PEDIGREE_ASSIGN(out.ext_key_usage, parse_ext_key_usage(extension));
      return {};
    }
    case last(oid::kSubjectAltName): {
      PEDIGREE_ASSIGN(out.subject_alt_name, parse_subject_alt_name(extension));
      return {};
    }
    case last(oid::kNameConstraints): {
      PEDIGREE_ASSIGN(out.name_constraints, parse_name_constraints(extension));
      return {};
    }
    case last(oid::kSubjectKeyIdentifier): {
      PEDIGREE_ASSIGN(out.subject_key_identifier, parse_subject_key_identifier(extension));
      return {};
    }
    case last(oid::kAuthorityKeyIdentifier): {
      PEDIGREE_ASSIGN(out.authority_key_identifier, parse_authority_key_identifier(extension));
      return {};
    }
    case last(oid::kCertificatePolicies):
    case last(oid::kPolicyMappings):
    case last(oid::kPolicyConstraints):
    case last(oid::kInhibitAnyPolicy):
      out.policies_critical = out.policies_critical || extension.critical;
      return {};
    default:
      note_unknown(extension, out);
      return {};
  }
}

// Finds an extension that occurs twice: the standard ones by a bit each, others in a short list.
class Seen {
 public:
  Result<void> add(const Extension& extension, std::uint32_t offset) noexcept {
    if (is_standard(extension.oid) && extension.oid[2] < 64) {
      const std::uint64_t bit = std::uint64_t{1} << extension.oid[2];
      if ((standard_ & bit) != 0) return fail(ErrorCode::duplicate_extension, offset);
      standard_ |= bit;
      return {};
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (equal(others_[i], extension.oid)) return fail(ErrorCode::duplicate_extension, offset);
    }
    if (count_ == others_.size()) return fail(ErrorCode::too_many, offset);
    others_[count_++] = extension.oid;
    return {};
  }

 private:
  std::array<Bytes, kMaxOtherExtensions> others_;
  std::size_t count_ = 0;
  std::uint64_t standard_ = 0;
};

}  // namespace

Result<Extension> read_extension(Reader& in) noexcept {
  Reader ahead = in;
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(ahead, der::kSequence));
  Reader fields = sequence.reader();
  Extension extension;
  PEDIGREE_ASSIGN(extension.oid, der::read_oid(fields));
  if (der::next_is(fields, der::kBoolean)) {
    const std::uint32_t offset = fields.offset();
    PEDIGREE_ASSIGN(extension.critical, der::read_boolean(fields));
    if (!extension.critical) return fail(ErrorCode::bad_value, offset);  // X.690 11.5: the default
  }
  PEDIGREE_ASSIGN(const der::Element value, der::read(fields, der::kOctetString));
  PEDIGREE_TRY(fields.finish());
  extension.value = value.content;
  extension.value_offset = value.content_offset;
  in = ahead;
  return extension;
}

Result<Extensions> parse_extensions(Reader in) noexcept {
  if (in.empty()) return fail(ErrorCode::bad_extension, in.offset());
  Extensions extensions;
  Seen seen;
  while (!in.empty()) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const Extension extension, read_extension(in));
    PEDIGREE_TRY(seen.add(extension, offset));
    if (is_standard(extension.oid)) {
      PEDIGREE_TRY(parse_standard(extension, extensions));
    } else {
      note_unknown(extension, extensions);
    }
  }
  return extensions;
}

}  // namespace pedigree::x509
