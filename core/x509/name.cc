// SPDX-License-Identifier: Apache-2.0
// Names: checking, comparing, writing. Printing is in name_print.cc.
#include "core/x509/name.h"

#include "core/x509/oids.h"
#include "core/x509/signed.h"
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

constexpr std::size_t kMaxAttributesInRdn = 8;
constexpr unsigned kMaxValueDepth = 8;

// One AttributeTypeAndValue, whatever its value.
[[gnu::noinline]] NameAttribute read_attribute(der::Cursor& in) noexcept {
  const der::Inside attribute(in, der::kSequence);
  in.oid();
  const Bytes type = in.content();
  in.any();
  return {type, in.tag(), in.content()};
}

// The value of the attribute that was read last.
void check_value(der::Cursor& in, const NameAttribute& attribute) noexcept {
  in.require(is_well_formed_text(attribute.string_tag, attribute.value), ErrorCode::bad_name, in.start());
  if ((attribute.string_tag & 0x20U) != 0) in.nested_content(kMaxValueDepth - 1);
}

// RelativeDistinguishedName: SET SIZE (1..MAX), in DER order (X.690 11.6), no type twice (X.501 9.3).
void check_rdn(der::Cursor& in) noexcept {
  const std::uint8_t* const first = in.at();
  std::size_t count = 0;
  Bytes previous;
  in.require_more(ErrorCode::bad_name);
  while (in.more()) {
    const std::uint8_t* const start = in.at();
    in.require(count++ < kMaxAttributesInRdn, ErrorCode::too_many, start);
    const NameAttribute attribute = read_attribute(in);
    check_value(in, attribute);
    if (!in.ok()) return;
    const Bytes whole(start, in.at());
    in.require(!less(whole, previous), ErrorCode::wrong_order, start);
    previous = whole;
    in.require(!has_type({first, start}, attribute.type), ErrorCode::duplicate, start);
  }
}

bool attributes_match(const NameAttribute& a, const NameAttribute& b) noexcept {
  if (!equal(a.type, b.type)) return false;
  if (a.string_tag == b.string_tag && equal(a.value, b.value)) return true;
  return is_text(a.string_tag) && is_text(b.string_tag) &&
         text_matches(Text(a.string_tag, a.value), Text(b.string_tag, b.value));
}

// The attributes of an RDN are a set. Their DER order depends on case, which does not count here, so that
// they are compared in any order. No type occurs twice, so a type has one partner at most.
bool rdns_match(const Bytes& a, const Bytes& b) noexcept {
  der::Cursor as(a);
  der::Cursor bs(b);
  while (as.more()) {
    const NameAttribute mine = read_attribute(as);
    bool found = false;
    for (der::Cursor candidates(b); !found && candidates.more();) {
      found = attributes_match(mine, read_attribute(candidates));
    }
    if (!found) return false;
    read_attribute(bs);  // one for one
  }
  return bs.ok() && !bs.more();
}

// Whether the RDNs of `prefix` are the first of `name`, or, where `all`, all of them.
bool starts_with(const Bytes& name, const Bytes& prefix, bool all) noexcept {
  der::Cursor rest(name);
  der::Cursor wanted(prefix);
  rest.open(der::kSequence);
  wanted.open(der::kSequence);
  while (wanted.more()) {
    rest.read(der::kSet);
    wanted.read(der::kSet);
    if (!rdns_match(rest.content(), wanted.content())) return false;
  }
  return rest.ok() && !(all && rest.more());
}

der::Tag tag_to_write(const Bytes& oid) noexcept {
  static constexpr struct {
    Bytes oid;
    der::Tag tag;
  } kOthers[] = {{oid::kCountryName, der::kPrintableString},
                 {oid::kSerialNumber, der::kPrintableString},
                 {oid::kDomainComponent, der::kIa5String},
                 {oid::kEmailAddress, der::kIa5String}};
  for (const auto& other : kOthers) {
    if (equal(oid, other.oid)) return other.tag;
  }
  return der::kUtf8String;
}

}  // namespace

bool has_type(const Bytes& earlier, const Bytes& oid) noexcept {
  for (der::Cursor in(earlier); in.more();) {
    const der::Inside element(in, der::kSequence);
    in.oid();
    if (equal(in.content(), oid)) return true;
    in.skip_rest();
  }
  return false;
}

void read_name(der::Cursor& in, Bytes& whole) noexcept {
  const der::Inside name(in, der::kSequence, whole);
  while (in.more()) {
    const der::Inside rdn(in, der::kSet);
    check_rdn(in);
  }
}

void check_name(der::Cursor& in) noexcept {
  Bytes whole;
  read_name(in, whole);
}

Result<void> check_name(Bytes name, std::uint32_t base) noexcept {
  Reader in(name, base);
  return der::read_with_cursor(in, [](der::Cursor& cursor) {
    check_name(cursor);
    cursor.finish();
  });
}

bool names_match(const Bytes& a, const Bytes& b) noexcept {
  return equal(a, b) || starts_with(a, b, true);
}

bool name_within(const Bytes& name, const Bytes& base) noexcept {
  return starts_with(name, base, false);
}

Attributes::Attributes(Bytes name) noexcept : rdns_(Reader(name)), set_(Reader()) {
  rdns_.open(der::kSequence);
}

bool Attributes::next(NameAttribute& out) noexcept {
  first_of_rdn_ = false;
  while (set_.ok() && !set_.more()) {
    if (!rdns_.more()) return false;
    rdns_.read(der::kSet);
    set_ = der::Cursor(rdns_.element().reader());
    first_of_rdn_ = true;
  }
  out = read_attribute(set_);
  return set_.ok();
}

Bytes find_attribute(Bytes name, Bytes oid) noexcept {
  Attributes attributes(name);
  for (NameAttribute attribute; attributes.next(attribute);) {
    if (equal(attribute.type, oid)) return attribute.value;
  }
  return {};
}

void write_name(const std::span<const NamePart>& parts, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  for (const NamePart& part : parts) {
    const std::size_t set = out.open(der::kSet);
    const std::size_t pair = out.open(der::kSequence);
    out.oid(part.oid);
    out.element(tag_to_write(part.oid), as_bytes(part.text));
    out.close(pair);
    out.close(set);
  }
  out.close(sequence);
}

}  // namespace pedigree::x509
