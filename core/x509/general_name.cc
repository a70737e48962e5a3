// SPDX-License-Identifier: Apache-2.0
#include "core/x509/general_name.h"

#include "core/x509/name.h"
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

constexpr unsigned kMaxOtherNameDepth = 8;

// A mask is ones and then zeros (RFC 4632 3.1).
bool is_contiguous(Bytes mask) noexcept {
  bool ended = false;
  for (const std::uint8_t octet : mask) {
    if (ended && octet != 0) return false;
    const unsigned inverted = ~unsigned{octet} & 0xffU;
    if ((inverted & (inverted + 1)) != 0) return false;
    ended = octet != 0xff;
  }
  return true;
}

bool is_address(Bytes value, NameUse use) noexcept {
  if (use == NameUse::name) return value.size() == 4 || value.size() == 16;
  return (value.size() == 8 || value.size() == 32) && is_contiguous(value.subspan(value.size() / 2));
}

Result<void> check_content(const der::Element& element, NameUse use) noexcept {
  switch (element.tag) {
    case kRfc822Name:
    case kDnsName:
    case kUri:
      if (is_well_formed_text(der::kIa5String, element.content)) return {};
      break;
    case kIpAddress:
      if (is_address(element.content, use)) return {};
      break;
    case kDirectoryName:
      return check_name(element.content, element.content_offset);
    case kOtherName:
    case kX400Address:
    case kEdiPartyName:
      return der::check_nesting(element.content, element.content_offset, kMaxOtherNameDepth);
    case kRegisteredId:
      if (!element.content.empty() && element.content.back() < 0x80) return {};
      break;
    default:
      break;
  }
  return fail(ErrorCode::bad_extension, element.content_offset);
}

// GeneralSubtrees: SEQUENCE SIZE (1..MAX) OF { base, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }; RFC 5280
// wants minimum 0, which DER leaves out, and no maximum.
Result<void> check_subtrees(Reader in) noexcept {
  do {
    PEDIGREE_ASSIGN(const der::Element subtree, der::read(in, der::kSequence));
    Reader fields = subtree.reader();
    PEDIGREE_TRY(read_general_name(fields, NameUse::constraint));
    if (!fields.empty()) return fail(ErrorCode::bad_extension, fields.offset());
  } while (!in.empty());
  return {};
}

}  // namespace

Result<GeneralName> read_general_name(Reader& in, NameUse use) noexcept {
  Reader ahead = in;
  PEDIGREE_ASSIGN(const der::Element element, der::read_any(ahead));
  PEDIGREE_TRY(check_content(element, use));
  in = ahead;
  return GeneralName{element.tag, element.content};
}

Result<void> check_general_names(Reader in) noexcept {
  if (in.empty()) return fail(ErrorCode::bad_extension, in.offset());
  while (!in.empty()) PEDIGREE_TRY(read_general_name(in, NameUse::name));
  return {};
}

Result<void> check_name_constraints(Reader in) noexcept {
  if (in.empty()) return fail(ErrorCode::bad_extension, in.offset());
  for (unsigned n = 0; n < 2; ++n) {
    if (!der::next_is(in, der::context_constructed(n))) continue;
    PEDIGREE_ASSIGN(const der::Element subtrees, der::read_any(in));
    PEDIGREE_TRY(check_subtrees(subtrees.reader()));
  }
  return in.finish();
}

}  // namespace pedigree::x509
