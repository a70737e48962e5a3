// SPDX-License-Identifier: Apache-2.0
// Names (RFC 5280 4.1.2.4): reading, comparing and writing without a heap.
#pragma once

#include "core/der/der.h"

namespace pedigree::x509 {

/// One AttributeTypeAndValue. `string_tag` is the value's DER tag, `value` its octets.
struct NameAttribute {
  Bytes type;  ///< OID content octets
  der::Tag string_tag{};
  Bytes value;
};

/// Checks that `name` (whole DER) is a well-formed RDNSequence. Errors: bad_name and those of strict DER.
[[nodiscard]] Result<void> check_name(Bytes name, std::uint32_t base = 0) noexcept;
/// RFC 5280 7.1 comparison: attributes in order; PrintableString and UTF8String compare without case (ASCII)
/// and with white space folded; other types octet by octet.
[[nodiscard]] bool names_match(Bytes a, Bytes b) noexcept;
/// Whether `name` lies in the subtree of `base`: base's RDNs are a prefix of name's (RFC 5280 4.2.1.10).
[[nodiscard]] bool name_within(Bytes name, Bytes base) noexcept;
/// The value of the first attribute of this type, empty if none.
[[nodiscard]] Bytes find_attribute(Bytes name, Bytes oid) noexcept;

/// Calls `visit(const NameAttribute&, bool first_of_rdn)` for each attribute in order. `name` = whole DER.
template <typename Visit>
Result<void> for_each_attribute(Bytes name, Visit visit) noexcept {
  Reader in(name);
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  Reader rdns = sequence.reader();
  while (!rdns.empty()) {
    PEDIGREE_ASSIGN(const der::Element set, der::read(rdns, der::kSet));
    Reader attributes = set.reader();
    for (bool first = true; !attributes.empty(); first = false) {
      PEDIGREE_ASSIGN(const der::Element pair, der::read(attributes, der::kSequence));
      Reader fields = pair.reader();
      PEDIGREE_ASSIGN(const Bytes type, der::read_oid(fields));
      PEDIGREE_ASSIGN(const der::Element value, der::read_any(fields));
      visit(NameAttribute{type, value.tag, value.content}, first);
    }
  }
  return {};
}

/// An attribute to write; `text` is UTF-8. countryName and serialNumber become PrintableString,
/// domainComponent and emailAddress IA5String, all others UTF8String (RFC 5280 4.1.2.4 and appendix A).
struct NamePart {
  Bytes oid;
  std::string_view text;
};
/// Writes an RDNSequence, one attribute in each RDN.
void write_name(std::span<const NamePart> parts, der::Builder& out) noexcept;

/// Writes the name as text for people, "CN=..., O=..." in the certificate's order, escapes after RFC
/// 4514 2.4; control characters and invalid UTF-8 as \xx. Unknown attributes as their dotted OID.
void print_name(Bytes name, Writer& out) noexcept;
/// Writes an OID's content octets as dotted decimal.
void print_oid(Bytes oid, Writer& out) noexcept;

}  // namespace pedigree::x509
