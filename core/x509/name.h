// SPDX-License-Identifier: Apache-2.0
// Names (RFC 5280 4.1.2.4): reading, comparing and writing without a heap.
#pragma once

#include "core/der/cursor.h"

namespace pedigree::x509 {

/// One AttributeTypeAndValue. `string_tag` is the value's DER tag, `value` its octets.
struct NameAttribute {
  Bytes type;  ///< OID content octets
  der::Tag string_tag{};
  Bytes value;
};

/// Checks that `name` (whole DER) is a well-formed RDNSequence. Errors: bad_name and those of strict DER.
[[nodiscard]] Result<void> check_name(Bytes name, std::uint32_t base = 0) noexcept;
/// The same for the next element.
void check_name(der::Cursor& in) noexcept;
/// RFC 5280 7.1 comparison: attributes in order; PrintableString and UTF8String compare without case (ASCII)
/// and with white space folded; other types octet by octet.
[[nodiscard]] bool names_match(const Bytes& a, const Bytes& b) noexcept;
/// Whether `name` lies in the subtree of `base`: base's RDNs are a prefix of name's (RFC 5280 4.2.1.10).
[[nodiscard]] bool name_within(const Bytes& name, const Bytes& base) noexcept;
/// The value of the first attribute of this type, empty if none.
[[nodiscard]] Bytes find_attribute(Bytes name, Bytes oid) noexcept;

/// Walks the attributes of a name (whole DER) in order.
class Attributes {
 public:
  explicit Attributes(Bytes name) noexcept;
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  /// Reads the next one into `out`. False at the end, and where the name is not well-formed (error).
  [[nodiscard]] bool next(NameAttribute& out) noexcept;
  /// Whether the one read last is the first of its RDN.
  [[nodiscard]] bool first_of_rdn() const noexcept { return first_of_rdn_; }
  [[nodiscard]] const Error& error() const noexcept { return rdns_.ok() ? set_.error() : rdns_.error(); }

 private:
  der::Cursor rdns_;
  der::Cursor set_;
  bool first_of_rdn_ = false;
};

/// Calls `visit(const NameAttribute&, bool first_of_rdn)` for each attribute in order. `name` = whole DER.
template <typename Visit>
Result<void> for_each_attribute(Bytes name, Visit visit) noexcept {
  Attributes attributes(name);
  for (NameAttribute attribute; attributes.next(attribute);) visit(attribute, attributes.first_of_rdn());
  if (attributes.error().code != ErrorCode{}) return std::unexpected(attributes.error());
  return {};
}

/// An attribute to write; `text` is UTF-8. countryName and serialNumber become PrintableString,
/// domainComponent and emailAddress IA5String, all others UTF8String (RFC 5280 4.1.2.4 and appendix A).
struct NamePart {
  Bytes oid;
  std::string_view text;
};
/// Writes an RDNSequence, one attribute in each RDN.
void write_name(const std::span<const NamePart>& parts, der::Builder& out) noexcept;

/// Writes the name as text for people, "CN=..., O=..." in the certificate's order, escapes after RFC
/// 4514 2.4; control characters and invalid UTF-8 as \xx. Unknown attributes as their dotted OID.
void print_name(Bytes name, Writer& out) noexcept;
/// Writes an OID's content octets as dotted decimal.
void print_oid(Bytes oid, Writer& out) noexcept;

}  // namespace pedigree::x509
