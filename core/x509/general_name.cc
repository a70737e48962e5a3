// SPDX-License-Identifier: Apache-2.0
#include "core/x509/general_name.h"

#include "core/x509/name.h"
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

constexpr unsigned kMaxOtherNameDepth = 8;

// A mask is ones and then zeros (RFC 4632 3.1).
bool is_contiguous(const Bytes& mask) noexcept {
  bool ended = false;
  for (const std::uint8_t octet : mask) {
    if (ended && octet != 0) return false;
    const unsigned inverted = ~unsigned{octet} & 0xffU;
    if ((inverted & (inverted + 1)) != 0) return false;
    ended = octet != 0xff;
  }
  return true;
}

bool is_address(const Bytes& value, NameUse use) noexcept {
  if (use == NameUse::name) return value.size() == 4 || value.size() == 16;
  return (value.size() == 8 || value.size() == 32) && is_contiguous(value.subspan(value.size() / 2));
}

void check_content(const der::Element& element, NameUse use, der::Cursor& in) noexcept {
  bool good = false;
  switch (element.tag) {
    case kRfc822Name:
    case kDnsName:
    case kUri:
      good = is_well_formed_text(der::kIa5String, element.content);
      break;
    case kIpAddress:
      good = is_address(element.content, use);
      break;
    case kDirectoryName:
      return check_name(in.inside(element));
    case kOtherName:
    case kX400Address:
    case kEdiPartyName:
      return in.inside(element).nested(kMaxOtherNameDepth);
    case kRegisteredId:
      good = !element.content.empty() && element.content.back() < 0x80;
      break;
    default:
      break;
  }
  in.require(good, ErrorCode::bad_extension, element.content_offset);
}

// GeneralSubtrees: SEQUENCE SIZE (1..MAX) OF { base, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }; RFC 5280
// wants minimum 0, which DER leaves out, and no maximum.
void check_subtrees(der::Cursor&& in) noexcept {
  do {
    der::Cursor fields = in.open(der::kSequence);
    read_general_name(fields, NameUse::constraint);
    fields.require(!fields.more(), ErrorCode::bad_extension, fields.offset());
  } while (in.more());
}

}  // namespace

GeneralName read_general_name(der::Cursor& in, NameUse use) noexcept {
  const der::Element element = in.any();
  check_content(element, use, in);
  return {element.tag, element.content};
}

Result<GeneralName> read_general_name(Reader& in, NameUse use) noexcept {
  return der::read_with_cursor(in, [use](der::Cursor& cursor) { return read_general_name(cursor, use); });
}

void check_general_names(der::Cursor&& in) noexcept {
  in.require_more(ErrorCode::bad_extension);
  while (in.more()) read_general_name(in, NameUse::name);
}

void check_name_constraints(der::Cursor&& in) noexcept {
  in.require_more(ErrorCode::bad_extension);
  for (unsigned n = 0; n < 2; ++n) {
    if (in.next_is(der::context_constructed(n))) check_subtrees(in.open(der::context_constructed(n)));
  }
  in.finish();
}

}  // namespace pedigree::x509
