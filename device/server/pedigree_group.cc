// SPDX-License-Identifier: Apache-2.0
// Pedigree's SMP group: each command is one decode, one call of the service, one encode.
#include "core/enrol/image_group.h"
#include "device/server/result.h"
#include "device/server/server.h"
#include "pedigree/update.h"

namespace pedigree::device {
namespace {

/// Room that a part of an object leaves for its map: "off", "data", "len", with their heads.
constexpr std::size_t kChunkOverhead = 32;

struct Call {
  psa_handle_t service;
  Bytes payload;
  MutableBytes scratch;
  std::size_t room;
  HeldReceipt& receipt;
  Writer& out;

  /// Where a part of an object goes on its way through.
  [[nodiscard]] MutableBytes chunk_space() const noexcept {
    const std::size_t size = room > kChunkOverhead ? room - kChunkOverhead : 0;
    return scratch.first(std::min(scratch.size(), size));
  }
};

/// A text that ends in a zero.
template <std::size_t N>
std::string_view text_of(const char (&text)[N]) noexcept {
  return {text, static_cast<std::size_t>(std::ranges::find(text, '\0') - text)};
}

Result<void> info(const Call& call) noexcept {
  pedigree_info_t info{};
  PEDIGREE_TRY(as_result(pedigree_info(call.service, &info)));
  enrol::InfoResponse response;
  response.version = text_of(info.version);
  response.device_id = info.device_id;
  response.lifecycle = static_cast<enrol::Lifecycle>(info.lifecycle);
  if (info.root_pinned != 0) response.pinned_root = Bytes(info.pinned_root);
  response.world = text_of(info.world);
  response.dummy_key = info.dummy_key != 0;
  response.entropy = static_cast<enrol::Entropy>(info.entropy);
  response.slots_used = info.slots_used;
  response.slots_total = info.slots_total;
  response.max_chain = info.max_chain;
  response.algorithms = info.algorithms;
  response.origins = info.origins;
  enrol::encode(response, call.out);
  return {};
}

Result<void> slots(const Call& call) noexcept {
  std::array<pedigree_slot_info_t, PEDIGREE_MAX_SLOTS> list{};
  std::size_t count = 0;
  PEDIGREE_TRY(as_result(pedigree_list_slots(call.service, list.data(), &count)));
  enrol::SlotsResponse response;
  response.count = count;
  for (std::size_t i = 0; i < count; ++i) {
    const pedigree_slot_info_t& slot = list[i];
    enrol::SlotInfo& out = response.slots[i];
    out.slot = slot.slot;
    out.purpose = static_cast<enrol::Purpose>(slot.purpose);
    out.type = static_cast<crypto::KeyType>(slot.type);
    out.state = static_cast<enrol::SlotState>(slot.state);
    out.origin = static_cast<enrol::Origin>(slot.origin);
    out.spki_sha256 = slot.spki_sha256;
    out.chain_size = slot.chain_size;
    if (slot.chain_size > 0) out.chain_sha256 = Bytes(slot.chain_sha256);
    out.staged = slot.staged;
  }
  enrol::encode(response, call.out);
  return {};
}

Result<void> begin(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::BeginRequest>(call.payload));
  if (message.label.size() > PEDIGREE_MAX_LABEL) return fail(ErrorCode::too_long);
  pedigree_begin_request_t request{};
  request.slot = message.slot;
  request.purpose = static_cast<std::uint8_t>(message.purpose);
  request.type = static_cast<std::uint8_t>(message.type);
  request.origin = static_cast<std::uint8_t>(message.origin);
  request.replace = message.replace ? 1 : 0;
  request.label_size = static_cast<std::uint8_t>(message.label.size());
  std::ranges::copy(as_bytes(message.label), request.label);
  pedigree_begin_response_t answer{};
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> spki;
  std::size_t size = 0;
  PEDIGREE_TRY(as_result(pedigree_begin(call.service, &request, message.import_key.data(),
                                        message.import_key.size(), &answer, spki.data(), &size)));
  enrol::encode(enrol::BeginResponse{answer.slot, answer.reused != 0, Bytes(spki).first(size)}, call.out);
  return {};
}

void write_chunk(const Call& call, std::uint32_t offset, Bytes data, std::uint32_t total) noexcept {
  enrol::ChunkResponse response{offset, data, {}};
  if (offset == 0) response.total = total;
  enrol::encode(response, call.out);
}

Result<void> csr(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::CsrRequest>(call.payload));
  pedigree_csr_request_t request{};
  request.slot = message.slot;
  request.offset = message.offset;
  request.subject = PEDIGREE_SUBJECT_SERIAL_NUMBER;
  if (message.nonce.size() != sizeof request.nonce) return fail(ErrorCode::bad_value);
  std::ranges::copy(message.nonce, request.nonce);
  request.evidence = message.evidence ? 1 : 0;
  const MutableBytes space = call.chunk_space();
  std::size_t size = 0;
  std::uint32_t total = 0;
  PEDIGREE_TRY(as_result(pedigree_csr(call.service, &request, space.data(), space.size(), &size, &total)));
  write_chunk(call, message.offset, space.first(size), total);
  return {};
}

Result<void> attest(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::AttestRequest>(call.payload));
  pedigree_attest_request_t request{};
  request.slot = message.slot;
  request.offset = message.offset;
  request.chain = message.chain ? 1 : 0;
  request.challenge_size = static_cast<std::uint32_t>(message.nonce.size());
  if (message.nonce.size() > sizeof request.challenge) return fail(ErrorCode::bad_value);
  std::ranges::copy(message.nonce, request.challenge);
  const MutableBytes space = call.chunk_space();
  std::size_t size = 0;
  std::uint32_t total = 0;
  PEDIGREE_TRY(as_result(pedigree_attest(call.service, &request, space.data(), space.size(), &size, &total)));
  write_chunk(call, message.offset, space.first(size), total);
  return {};
}

Result<void> chain_read(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::ChainReadRequest>(call.payload));
  const pedigree_range_request_t request{message.slot, message.offset};
  const MutableBytes space = call.chunk_space();
  std::size_t size = 0;
  std::uint32_t total = 0;
  PEDIGREE_TRY(
      as_result(pedigree_chain_read(call.service, &request, space.data(), space.size(), &size, &total)));
  write_chunk(call, message.offset, space.first(size), total);
  return {};
}

Result<void> chain_write(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::ChainWriteRequest>(call.payload));
  pedigree_chain_write_request_t request{};
  request.slot = message.slot;
  request.offset = message.offset;
  request.total = message.total.value_or(0);
  if (message.sha256) {
    if (message.sha256->size() != sizeof request.sha256) return fail(ErrorCode::bad_value);
    request.has_sha = 1;
    std::ranges::copy(*message.sha256, request.sha256);
  }
  std::uint32_t next = 0;
  PEDIGREE_TRY(as_result(
      pedigree_chain_write(call.service, &request, message.data.data(), message.data.size(), &next)));
  enrol::encode(enrol::ChainWriteResponse{next}, call.out);
  return {};
}

Result<void> commit(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::CommitRequest>(call.payload));
  pedigree_commit_request_t request{};
  request.slot = message.slot;
  if (message.nonce.size() != sizeof request.nonce) return fail(ErrorCode::bad_value);
  std::ranges::copy(message.nonce, request.nonce);
  HeldReceipt& receipt = call.receipt;
  receipt.size = 0;
  std::size_t size = 0;
  PEDIGREE_TRY(as_result(
      pedigree_commit(call.service, &request, receipt.octets.data(), receipt.octets.size(), &size)));
  receipt.slot = message.slot;
  std::ranges::copy(message.nonce, receipt.nonce.begin());
  receipt.size = size;
  const Bytes whole = Bytes(receipt.octets).first(size);
  enrol::CommitResponse response{whole, {}};
  if (size > call.chunk_space().size()) {
    response = {whole.first(call.chunk_space().size()), static_cast<std::uint32_t>(size)};
  }
  enrol::encode(response, call.out);
  return {};
}

/// A further part of the receipt at hand. Errors: not_found where that is another one, or none.
Result<void> receipt_read(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::CommitRequest>(call.payload));
  const HeldReceipt& receipt = call.receipt;
  if (receipt.size == 0 || receipt.slot != message.slot || !equal(receipt.nonce, message.nonce)) {
    return fail(ErrorCode::not_found);
  }
  if (message.offset > receipt.size) return fail(ErrorCode::bad_offset);
  const Bytes rest = Bytes(receipt.octets).first(receipt.size).subspan(message.offset);
  write_chunk(call, message.offset, rest.first(std::min(rest.size(), call.chunk_space().size())),
              static_cast<std::uint32_t>(receipt.size));
  return {};
}

/// abort and destroy answer an empty map.
Result<void> on_slot(const Call& call, psa_status_t (*operation)(psa_handle_t, std::uint32_t)) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::SlotRequest>(call.payload));
  PEDIGREE_TRY(as_result(operation(call.service, message.slot)));
  cbor::Encoder(call.out).map(0);
  return {};
}

Result<void> public_key(const Call& call) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::SlotRequest>(call.payload));
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> spki;
  std::size_t size = 0;
  PEDIGREE_TRY(as_result(pedigree_public_key(call.service, message.slot, spki.data(), &size)));
  enrol::encode(enrol::PublicKeyResponse{Bytes(spki).first(size)}, call.out);
  return {};
}

Result<void> revocations_read(const Call& call) noexcept {
  pedigree_revocations_t kept{};
  PEDIGREE_TRY(as_result(pedigree_revocations_info(call.service, &kept)));
  enrol::encode(enrol::RevocationsResponse{kept.number, kept.size, kept.count, PEDIGREE_MAX_REVOCATIONS},
                call.out);
  return {};
}

/// A part of what comes in parts: a list of revoked signers, a grant.
template <typename PartRequest>
Result<void> write_part(const Call& call,
                        psa_status_t (*write)(psa_handle_t, const PartRequest*, const std::uint8_t*,
                                              std::size_t, std::uint32_t*)) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::RevocationsWrite>(call.payload));
  const PartRequest request{message.offset, message.total.value_or(0)};
  std::uint32_t next = 0;
  PEDIGREE_TRY(as_result(write(call.service, &request, message.data.data(), message.data.size(), &next)));
  enrol::encode(enrol::ChainWriteResponse{next}, call.out);
  return {};
}

Result<void> challenge(const Call& call) noexcept {
  pedigree_challenge_t challenge{};
  PEDIGREE_TRY(as_result(pedigree_challenge(call.service, &challenge)));
  enrol::encode(enrol::ChallengeResponse{challenge.nonce, challenge.max_grant}, call.out);
  return {};
}

Result<void> serve_read(enrol::Command command, const Call& call) noexcept {
  switch (command) {
    case enrol::Command::info:
      return info(call);
    case enrol::Command::slots:
      return slots(call);
    case enrol::Command::csr:
      return csr(call);
    case enrol::Command::attest:
      return attest(call);
    case enrol::Command::chain:
      return chain_read(call);
    case enrol::Command::commit:
      return receipt_read(call);
    case enrol::Command::public_key:
      return public_key(call);
    case enrol::Command::challenge:
      return challenge(call);
    case enrol::Command::revocations:
      return revocations_read(call);
    default:
      return fail(ErrorCode::unknown_command);
  }
}

Result<void> serve_write(enrol::Command command, const Call& call) noexcept {
  switch (command) {
    case enrol::Command::begin:
      return begin(call);
    case enrol::Command::chain:
      return chain_write(call);
    case enrol::Command::commit:
      return commit(call);
    case enrol::Command::abort:
      return on_slot(call, pedigree_abort);
    case enrol::Command::destroy:
      return on_slot(call, pedigree_destroy);
    case enrol::Command::challenge:
      return write_part(call, pedigree_grant_write);
    case enrol::Command::revocations:
      return write_part(call, pedigree_revocations_write);
    default:
      return fail(ErrorCode::unknown_command);
  }
}

}  // namespace

Result<void> serve_pedigree_group(psa_handle_t service, const smp::Packet& request, MutableBytes scratch,
                                  std::size_t room, HeldReceipt& receipt, Writer& out) noexcept {
  const Call call{service, request.payload, scratch, room, receipt, out};
  const auto command = static_cast<enrol::Command>(request.header.command);
  return request.header.operation == smp::Operation::read ? serve_read(command, call)
                                                          : serve_write(command, call);
}

}  // namespace pedigree::device
