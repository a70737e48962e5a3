// SPDX-License-Identifier: Apache-2.0
// Names: checking, comparing, writing. Printing is in name_print.cc.
#include "core/x509/name.h"

#include "core/x509/oids.h"
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

constexpr std::size_t kMaxAttributesInRdn = 8;
constexpr unsigned kMaxValueDepth = 8;

// One AttributeTypeAndValue of a name that has been checked, or an error.
Result<NameAttribute> read_attribute(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const der::Element pair, der::read(in, der::kSequence));
  Reader fields = pair.reader();
  PEDIGREE_ASSIGN(const Bytes type, der::read_oid(fields));
  const std::uint32_t offset = fields.offset();
  PEDIGREE_ASSIGN(const der::Element value, der::read_any(fields));
  PEDIGREE_TRY(fields.finish());
  if ((value.tag & 0x20U) != 0) PEDIGREE_TRY(der::check_nesting(value.whole, offset, kMaxValueDepth));
  if (!is_well_formed_text(value.tag, value.content)) return fail(ErrorCode::bad_name, offset);
  return NameAttribute{type, value.tag, value.content};
}

// RelativeDistinguishedName: SET SIZE (1..MAX), in DER order (X.690 11.6), no type twice (X.501 9.3).
Result<void> check_rdn(const der::Element& set) noexcept {
  Reader in = set.reader();
  std::array<Bytes, kMaxAttributesInRdn> types;
  std::size_t count = 0;
  Bytes previous;
  do {
    const Bytes rest = in.rest();
    const std::uint32_t offset = in.offset();
    if (in.empty()) return fail(ErrorCode::bad_name, offset);
    if (count == types.size()) return fail(ErrorCode::too_many, offset);
    PEDIGREE_ASSIGN(const NameAttribute attribute, read_attribute(in));
    const Bytes whole = rest.first(rest.size() - in.size());
    if (std::lexicographical_compare(whole.begin(), whole.end(), previous.begin(), previous.end())) {
      return fail(ErrorCode::wrong_order, offset);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (equal(types[i], attribute.type)) return fail(ErrorCode::duplicate, offset);
    }
    types[count++] = attribute.type;
    previous = whole;
  } while (!in.empty());
  return {};
}

bool attributes_match(const NameAttribute& a, const NameAttribute& b) noexcept {
  if (!equal(a.type, b.type)) return false;
  if (a.string_tag == b.string_tag && equal(a.value, b.value)) return true;
  return is_text(a.string_tag) && is_text(b.string_tag) &&
         text_matches(Text(a.string_tag, a.value), Text(b.string_tag, b.value));
}

// The attributes of an RDN are a set. Their DER order depends on case, which does not count here, so that
// they are compared in any order. No type occurs twice, so a type has one partner at most.
bool rdns_match(const der::Element& a, const der::Element& b) noexcept {
  if (equal(a.content, b.content)) return true;
  Reader as = a.reader();
  unsigned count = 0;
  while (!as.empty()) {
    const auto mine = read_attribute(as);
    if (!mine) return false;
    bool found = false;
    for (Reader bs = b.reader(); !found && !bs.empty();) {
      const auto theirs = read_attribute(bs);
      if (!theirs) return false;
      found = attributes_match(*mine, *theirs);
    }
    if (!found) return false;
    ++count;
  }
  for (Reader bs = b.reader(); !bs.empty(); --count) {
    if (!read_attribute(bs)) return false;
  }
  return count == 0;
}

// Whether the RDNs of `prefix` are the first of `name`; `rest` are those that follow.
bool starts_with(Bytes name, Bytes prefix, Reader& rest) noexcept {
  Reader name_in(name);
  Reader prefix_in(prefix);
  const auto name_sequence = der::read(name_in, der::kSequence);
  const auto prefix_sequence = der::read(prefix_in, der::kSequence);
  if (!name_sequence || !prefix_sequence) return false;
  rest = name_sequence->reader();
  for (Reader in = prefix_sequence->reader(); !in.empty();) {
    const auto wanted = der::read(in, der::kSet);
    const auto have = der::read(rest, der::kSet);
    if (!wanted || !have || !rdns_match(*wanted, *have)) return false;
  }
  return true;
}

der::Tag tag_to_write(Bytes oid) noexcept {
  if (equal(oid, oid::kCountryName) || equal(oid, oid::kSerialNumber)) return der::kPrintableString;
  if (equal(oid, oid::kDomainComponent) || equal(oid, oid::kEmailAddress)) return der::kIa5String;
  return der::kUtf8String;
}

}  // namespace

Result<void> check_name(Bytes name, std::uint32_t base) noexcept {
  Reader in(name, base);
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  PEDIGREE_TRY(in.finish());
  for (Reader rdns = sequence.reader(); !rdns.empty();) {
    PEDIGREE_ASSIGN(const der::Element set, der::read(rdns, der::kSet));
    PEDIGREE_TRY(check_rdn(set));
  }
  return {};
}

bool names_match(Bytes a, Bytes b) noexcept {
  if (equal(a, b)) return true;
  Reader rest;
  return starts_with(a, b, rest) && rest.empty();
}

bool name_within(Bytes name, Bytes base) noexcept {
  Reader rest;
  return starts_with(name, base, rest);
}

Bytes find_attribute(Bytes name, Bytes oid) noexcept {
  Bytes found;
  bool done = false;
  const auto visited = for_each_attribute(name, [&](const NameAttribute& attribute, bool) {
    if (done || !equal(attribute.type, oid)) return;
    found = attribute.value;
    done = true;
  });
  return visited ? found : Bytes();
}

void write_name(std::span<const NamePart> parts, der::Builder& out) noexcept {
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
