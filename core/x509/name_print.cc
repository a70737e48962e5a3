// SPDX-License-Identifier: Apache-2.0
// Names and OIDs as text for people.
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

struct ShortName {
  Bytes oid;
  std::string_view text;
};

// RFC 4514 3, and the two that RFC 5280 and IEEE 802.1AR use besides.
constexpr ShortName kShortNames[] = {
    {oid::kCommonName, "CN"},
    {oid::kSerialNumber, "serialNumber"},
    {oid::kCountryName, "C"},
    {oid::kLocalityName, "L"},
    {oid::kStateOrProvinceName, "ST"},
    {oid::kOrganizationName, "O"},
    {oid::kOrganizationalUnitName, "OU"},
    {oid::kDomainComponent, "DC"},
    {oid::kEmailAddress, "emailAddress"},
};

void print_hex(std::uint8_t octet, Writer& out) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.u8(static_cast<std::uint8_t>(kDigits[octet >> 4U]));
  out.u8(static_cast<std::uint8_t>(kDigits[octet & 0xfU]));
}

void print_escaped(std::uint8_t octet, Writer& out) noexcept {
  out.u8('\\');
  print_hex(octet, out);
}

void print_decimal(std::uint64_t value, Writer& out) noexcept {
  std::array<std::uint8_t, 20> digits;
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<std::uint8_t>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  out.bytes(Bytes(digits).subspan(at));
}

// Controls would act on a terminal; C1 controls and the bidirectional overrides too, so they go out as
// octets.
bool acts_on_terminal(std::uint32_t point) noexcept {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x200b && point <= 0x200f) ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void print_point(std::uint32_t point, bool at_edge, Writer& out) noexcept {
  if ((point & Text::kInvalid) != 0) return print_escaped(static_cast<std::uint8_t>(point), out);
  if (acts_on_terminal(point)) {
    std::array<std::uint8_t, 4> octets;
    Writer encoded(octets);
    write_utf8(point, encoded);
    for (const std::uint8_t octet : encoded.written()) print_escaped(octet, out);
    return;
  }
  const bool special =
      point < 0x80 && std::string_view("\"+,;<>\\").find(static_cast<char>(point)) != std::string_view::npos;
  if (special || (at_edge && (point == ' ' || point == '#'))) out.u8('\\');
  write_utf8(point, out);
}

void print_text(Text text, Writer& out) noexcept {
  bool first = true;
  std::uint32_t point = text.next();
  while (point != Text::kEnd) {
    const std::uint32_t following = text.next();
    print_point(point, first || (following == Text::kEnd && point == ' '), out);
    point = following;
    first = false;
  }
}

void print_attribute(const NameAttribute& attribute, Writer& out) noexcept {
  const auto* known = std::find_if(std::begin(kShortNames), std::end(kShortNames),
                                   [&](const ShortName& entry) { return equal(entry.oid, attribute.type); });
  if (known != std::end(kShortNames)) {
    out.bytes(as_bytes(known->text));
  } else {
    print_oid(attribute.type, out);
  }
  out.u8('=');
  if (is_text(attribute.string_tag)) return print_text(Text(attribute.string_tag, attribute.value), out);
  // RFC 4514 2.4: '#' and hexadecimal where the value has no string form.
  out.u8('#');
  for (const std::uint8_t octet : attribute.value) print_hex(octet, out);
}

}  // namespace

void print_name(Bytes name, Writer& out) noexcept {
  bool first = true;
  const auto printed = for_each_attribute(name, [&](const NameAttribute& attribute, bool first_of_rdn) {
    if (!first) out.bytes(as_bytes(first_of_rdn ? ", " : "+"));
    first = false;
    print_attribute(attribute, out);
  });
  // A name that is not well-formed prints as far as it can be read.
  if (!printed) out.bytes(as_bytes(first ? "?" : ", ?"));
}

void print_oid(Bytes oid, Writer& out) noexcept {
  bool first = true;
  while (!oid.empty()) {
    std::uint64_t arc = 0;
    std::size_t size = 0;
    bool more = true;
    for (; more && size < oid.size(); ++size) {
      arc = (arc << 7U) | (oid[size] & 0x7fU);
      more = oid[size] >= 0x80;
    }
    if (!first) out.u8('.');
    if (size > 9) {
      // An arc of more than 63 bits (2.25 makes them from UUIDs): hexadecimal of its octets.
      out.bytes(as_bytes("0x"));
      for (const std::uint8_t octet : oid.first(size)) print_hex(octet, out);
    } else if (first) {
      // X.690 8.19.4: the first number holds two arcs.
      const std::uint64_t root = std::min<std::uint64_t>(arc / 40, 2);
      print_decimal(root, out);
      out.u8('.');
      print_decimal(arc - 40 * root, out);
    } else {
      print_decimal(arc, out);
    }
    first = false;
    oid = oid.subspan(size);
  }
}

}  // namespace pedigree::x509
