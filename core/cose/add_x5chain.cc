// SPDX-License-Identifier: Apache-2.0
#include "core/cose/cose.h"

namespace pedigree::cose {
namespace {

constexpr std::uint64_t kSign1Tag = 18;                            // RFC 9052 2
constexpr std::array<std::uint8_t, 2> kX5ChainKey = {0x18, 0x21};  // label 33 (RFC 9360 2)

/// Errors: duplicate where one of the pairs is an x5chain.
Result<void> check_absent(Reader pairs, std::size_t count) noexcept {
  PEDIGREE_ASSIGN(const bool present, cbor::has_key(pairs, count, kX5ChainKey));
  if (present) return fail(ErrorCode::duplicate, pairs.offset());
  return {};
}

Result<void> check_protected(Bytes header, std::uint32_t offset) noexcept {
  if (header.empty()) return {};
  Reader in(header, offset);
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_map(in));
  PEDIGREE_TRY(check_absent(in, count));
  for (std::size_t i = 0; i < 2 * count; ++i) PEDIGREE_TRY(cbor::skip(in));
  return in.finish();
}

Result<void> skip_payload_and_signature(Reader in) noexcept {
  if (cbor::next_is_null(in)) {
    PEDIGREE_TRY(cbor::read_null(in));
  } else {
    PEDIGREE_TRY(cbor::read_bstr(in));
  }
  PEDIGREE_TRY(cbor::read_bstr(in));
  return in.finish();
}

}  // namespace

Result<void> add_x5chain(Bytes message, Bytes x5chain, Writer& out) noexcept {
  Reader value(x5chain);
  if (!cbor::skip(value) || !value.empty()) return fail(ErrorCode::bad_header);
  Reader in(message);
  PEDIGREE_ASSIGN(const cbor::Major major, cbor::peek(in));
  if (major == cbor::Major::tag && cbor::read_tag(in) != kSign1Tag) return fail(ErrorCode::bad_tag);
  const std::uint32_t array = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count != 4) return fail(ErrorCode::bad_value, array);
  PEDIGREE_ASSIGN(const Bytes protected_header, cbor::read_bstr(in));
  const auto size = static_cast<std::uint32_t>(protected_header.size());
  PEDIGREE_TRY(check_protected(protected_header, in.offset() - size));

  const Bytes before = message.first(in.offset());
  PEDIGREE_ASSIGN(const std::size_t pairs, cbor::read_map(in));
  PEDIGREE_TRY(check_absent(in, pairs));
  if (pairs >= cbor::kMaxPairs) return fail(ErrorCode::too_many, in.offset());
  const Bytes rest = in.rest();
  for (std::size_t i = 0; i < 2 * pairs; ++i) PEDIGREE_TRY(cbor::skip(in));
  PEDIGREE_TRY(skip_payload_and_signature(in));

  cbor::Encoder encoder(out);
  encoder.raw(before);
  encoder.map(pairs + 1);
  encoder.raw(rest.first(rest.size() - in.size()));
  encoder.raw(kX5ChainKey);
  encoder.raw(x5chain);
  encoder.raw(in.rest());
  return {};
}

}  // namespace pedigree::cose
