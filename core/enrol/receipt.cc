// SPDX-License-Identifier: Apache-2.0
#include "core/enrol/messages.h"

namespace pedigree::enrol {
namespace {

constexpr std::uint64_t kSlot = 1;
constexpr std::uint64_t kChainSha256 = 2;
constexpr std::uint64_t kNonce = 3;
constexpr std::uint64_t kDeviceId = 4;
constexpr std::size_t kFieldCount = 4;

Result<void> read_key(Reader& in, std::uint64_t expected) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t key, cbor::read_uint(in));
  if (key < kSlot || key > kDeviceId) return fail(ErrorCode::unknown_field, offset);
  if (key != expected) return fail(ErrorCode::wrong_order, offset);
  return {};
}

Result<Bytes> read_octets(Reader& in, std::uint64_t key, std::size_t size) noexcept {
  PEDIGREE_TRY(read_key(in, key));
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const Bytes value, cbor::read_bstr(in));
  if (value.size() != size) return fail(ErrorCode::bad_value, offset);
  return value;
}

}  // namespace

void encode(const Receipt& m, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(kFieldCount);
  encoder.uint(kSlot);
  encoder.uint(m.slot);
  encoder.uint(kChainSha256);
  encoder.bstr(m.chain_sha256);
  encoder.uint(kNonce);
  encoder.bstr(m.nonce);
  encoder.uint(kDeviceId);
  encoder.bstr(m.device_id);
}

template <>
Result<Receipt> decode<Receipt>(Bytes payload) noexcept {
  Reader in(payload);
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  if (count < kFieldCount) return fail(ErrorCode::missing_field, 0);
  if (count > kFieldCount) return fail(ErrorCode::unknown_field, 0);
  Receipt m;
  PEDIGREE_TRY(read_key(in, kSlot));
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t slot, cbor::read_uint(in));
  if (slot > UINT32_MAX) return fail(ErrorCode::bad_value, offset);
  m.slot = static_cast<std::uint32_t>(slot);
  PEDIGREE_ASSIGN(m.chain_sha256, read_octets(in, kChainSha256, sizeof(Sha256)));
  PEDIGREE_ASSIGN(m.nonce, read_octets(in, kNonce, kNonceSize));
  PEDIGREE_ASSIGN(m.device_id, read_octets(in, kDeviceId, kDeviceIdSize));
  if (m.device_id[0] != 0x01) return fail(ErrorCode::bad_value, in.offset() - std::uint32_t{kDeviceIdSize});
  PEDIGREE_TRY(in.finish());
  return m;
}

}  // namespace pedigree::enrol
