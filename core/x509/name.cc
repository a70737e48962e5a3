// SPDX-License-Identifier: Apache-2.0
// Names: checking, comparing, writing. Printing is in name_print.cc.
#include "core/x509/name.h"

#include "core/x509/oids.h"
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

constexpr std::size_t kMaxAttributesInRdn = 8;
constexpr unsigned kMaxValueDepth = 8;

// One AttributeTypeAndValue.
NameAttribute read_attribute(der::Cursor& in) noexcept {
  der::Cursor fields = in.open(der::kSequence);
  const Bytes type = fields.oid();
  der::Cursor ahead = fields;
  const der::Element value = fields.any();
  fields.finish();
  if ((value.tag & 0x20U) != 0) ahead.nested(kMaxValueDepth);
  fields.require(is_well_formed_text(value.tag, value.content), ErrorCode::bad_name, ahead.offset());
  return {type, value.tag, value.content};
}

// RelativeDistinguishedName: SET SIZE (1..MAX), in DER order (X.690 11.6), no type twice (X.501 9.3).
void check_rdn(der::Cursor&& in) noexcept {
  const der::Cursor first = in;
  std::size_t count = 0;
  Bytes previous;
  do {
    const Bytes rest = in.reader().rest();
    const std::uint32_t offset = in.offset();
    in.require_more(ErrorCode::bad_name);
    in.require(count++ < kMaxAttributesInRdn, ErrorCode::too_many, offset);
    const Bytes type = read_attribute(in).type;
    if (!in.ok()) return;
    const Bytes whole = rest.first(rest.size() - in.reader().size());
    in.require(!less(whole, previous), ErrorCode::wrong_order, offset);
    for (der::Cursor earlier = first; in.ok() && earlier.offset() != offset;) {
      in.require(!equal(read_attribute(earlier).type, type), ErrorCode::duplicate, offset);
    }
    previous = whole;
  } while (in.more());
}

bool attributes_match(const NameAttribute& a, const NameAttribute& b) noexcept {
  if (!equal(a.type, b.type)) return false;
  if (a.string_tag == b.string_tag && equal(a.value, b.value)) return true;
  return is_text(a.string_tag) && is_text(b.string_tag) &&
         text_matches(Text(a.string_tag, a.value), Text(b.string_tag, b.value));
}

// The attributes of an RDN are a set. Their DER order depends on case, which does not count here, so that
// they are compared in any order. No type occurs twice, so a type has one partner at most.
bool rdns_match(der::Cursor&& as, const der::Cursor& b) noexcept {
  if (equal(as.reader().rest(), b.reader().rest())) return true;
  unsigned count = 0;
  while (as.more()) {
    const NameAttribute mine = read_attribute(as);
    bool found = false;
    for (der::Cursor bs = b; !found && bs.more();) found = attributes_match(mine, read_attribute(bs));
    if (!found) return false;
    ++count;
  }
  for (der::Cursor bs = b; bs.more(); --count) read_attribute(bs);
  return count == 0;
}

// Whether the RDNs of `prefix` are the first of `name`, or, where `all`, all of them.
bool starts_with(const Bytes& name, const Bytes& prefix, bool all) noexcept {
  Error first;
  der::Cursor rest = der::Cursor(Reader(name), first).open(der::kSequence);
  der::Cursor wanted = der::Cursor(Reader(prefix), first).open(der::kSequence);
  while (wanted.more()) {
    der::Cursor want = wanted.open(der::kSet);
    if (!rdns_match(std::move(want), rest.open(der::kSet))) return false;
  }
  return rest.ok() && !(all && rest.more());
}

der::Tag tag_to_write(const Bytes& oid) noexcept {
  if (equal(oid, oid::kCountryName) || equal(oid, oid::kSerialNumber)) return der::kPrintableString;
  if (equal(oid, oid::kDomainComponent) || equal(oid, oid::kEmailAddress)) return der::kIa5String;
  return der::kUtf8String;
}

}  // namespace

void check_name_content(der::Cursor&& rdns) noexcept {
  while (rdns.more()) check_rdn(rdns.open(der::kSet));
}

void check_name(der::Cursor&& in) noexcept {
  check_name_content(in.open_only(der::kSequence));
}

Result<void> check_name(Bytes name, std::uint32_t base) noexcept {
  Reader in(name, base);
  return der::read_with_cursor(in, [](der::Cursor& cursor) { check_name(std::move(cursor)); });
}

bool names_match(const Bytes& a, const Bytes& b) noexcept {
  return equal(a, b) || starts_with(a, b, true);
}

bool name_within(const Bytes& name, const Bytes& base) noexcept {
  return starts_with(name, base, false);
}

Attributes::Attributes(Bytes name) noexcept : rdns_(Reader(name), error_), set_(Reader(), error_) {
  rdns_ = rdns_.open(der::kSequence);
}

bool Attributes::next(NameAttribute& out) noexcept {
  first_of_rdn_ = false;
  while (!set_.more()) {
    if (!rdns_.more()) return false;
    set_ = rdns_.open(der::kSet);
    first_of_rdn_ = true;
  }
  der::Cursor fields = set_.open(der::kSequence);
  out.type = fields.oid();
  const der::Element value = fields.any();
  out.string_tag = value.tag;
  out.value = value.content;
  return fields.ok();
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
