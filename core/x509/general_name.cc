// SPDX-License-Identifier: Apache-2.0
#include "core/x509/general_name.h"

#include "core/x509/name.h"
#include "core/x509/signed.h"
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
  if (!kNameConstraints || use == NameUse::name) return value.size() == 4 || value.size() == 16;
  return (value.size() == 8 || value.size() == 32) && is_contiguous(value.subspan(value.size() / 2));
}

// GeneralSubtrees: SEQUENCE SIZE (1..MAX) OF { base, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }; RFC 5280
// wants minimum 0, which DER leaves out, and no maximum.
void check_subtrees(der::Cursor& in) noexcept {
  do {
    const der::Inside subtree(in, der::kSequence);
    read_general_name(in, NameUse::constraint);
    if (in.more()) in.fail(ErrorCode::bad_extension, in.at());
  } while (in.more());
}

}  // namespace

void read_general_name(der::Cursor& in, NameUse use) noexcept {
  in.any();
  const Bytes content = in.content();
  bool good = false;
  switch (in.tag()) {
    case kRfc822Name:
    case kDnsName:
    case kUri:
      good = is_well_formed_text(der::kIa5String, content);
      break;
    case kIpAddress:
      good = is_address(content, use);
      break;
    case kRegisteredId:
      good = !content.empty() && content.back() < 0x80;
      break;
    case kDirectoryName: {
      const der::Inside name(in);
      return check_name(in);
    }
    case kOtherName:
    case kX400Address:
    case kEdiPartyName:
      return in.nested_content(kMaxOtherNameDepth);
    default:
      break;
  }
  in.require(good, ErrorCode::bad_extension);
}

Result<GeneralName> read_general_name(Reader& in, NameUse use) noexcept {
  Reader ahead = in;
  PEDIGREE_TRY(der::read_with_cursor(in, [use](der::Cursor& cursor) { read_general_name(cursor, use); }));
  // Reading it has left the cursor at the last element that it contains.
  PEDIGREE_ASSIGN(const der::Element element, der::read_any(ahead));
  return GeneralName{element.tag, element.content};
}

void check_general_names(der::Cursor& in) noexcept {
  in.require_more(ErrorCode::bad_extension);
  while (in.more()) read_general_name(in, NameUse::name);
}

void check_name_constraints(der::Cursor& in) noexcept {
  in.require_more(ErrorCode::bad_extension);
  for (unsigned n = 0; n < 2; ++n) {
    if (!in.next_is(der::context_constructed(n))) continue;
    const der::Inside subtrees(in, der::context_constructed(n));
    check_subtrees(in);
  }
}

}  // namespace pedigree::x509
