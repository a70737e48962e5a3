// SPDX-License-Identifier: Apache-2.0
#include "station/flow/device.h"

#include <fmt/format.h>

#include "station/flow/payload.h"
#include "station/flow/transfer.h"
#include "station/link/text.h"

namespace pedigree::station {

namespace {

/// Larger than any request or chain of ours; keeps a broken device from filling our memory.
constexpr std::size_t kLargestObject = 64U << 10U;

std::vector<std::uint8_t> copy(Bytes octets) {
  return {octets.begin(), octets.end()};
}

/// An object that arrives in parts, in any order.
class Assembly {
 public:
  /// Errors: bad_offset, too_long, missing_field (no total with the first part).
  Result<void> add(const enrol::ChunkResponse& part, std::uint32_t asked) {
    if (part.offset != asked) return fail(ErrorCode::bad_offset, part.offset);
    if (part.offset == 0 && object_.empty()) {
      if (!part.total) return fail(ErrorCode::missing_field);
      if (*part.total > kLargestObject) return fail(ErrorCode::too_long, *part.total);
      object_.resize(*part.total);
      have_.resize(*part.total);
    }
    if (part.data.size() > object_.size() - std::min<std::size_t>(part.offset, object_.size())) {
      return fail(ErrorCode::too_long, part.offset);
    }
    std::ranges::copy(part.data, object_.begin() + part.offset);
    std::fill_n(have_.begin() + part.offset, part.data.size(), true);
    part_ = std::max(part_, part.data.size());
    return {};
  }
  /// Offsets of the parts still to be asked for; empty when complete.
  [[nodiscard]] std::vector<std::uint32_t> missing() const {
    std::vector<std::uint32_t> offsets;
    for (std::size_t i = 0; i < have_.size();) {
      if (have_[i]) {
        ++i;
        continue;
      }
      offsets.push_back(static_cast<std::uint32_t>(i));
      i += std::max<std::size_t>(part_, 1);
    }
    return offsets;
  }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(object_); }

 private:
  std::vector<std::uint8_t> object_;
  std::vector<bool> have_;
  std::size_t part_ = 0;
};

DeviceInfo owned(const enrol::InfoResponse& m) {
  return {.version = std::string(m.version),
          .id = hex(m.device_id),
          .lifecycle = m.lifecycle,
          .pinned_root = m.pinned_root ? hex(*m.pinned_root) : std::string(),
          .world = std::string(m.world),
          .dummy_key = m.dummy_key,
          .entropy = m.entropy,
          .slots_used = m.slots_used,
          .slots_total = m.slots_total,
          .max_chain = m.max_chain,
          .algorithms = m.algorithms,
          .origins = m.origins};
}

Slot owned(const enrol::SlotInfo& m) {
  return {.slot = m.slot,
          .purpose = m.purpose,
          .type = m.type,
          .state = m.state,
          .origin = m.origin,
          .key = hex(m.spki_sha256),
          .chain_size = m.chain_size,
          .chain_sha256 = m.chain_sha256 ? hex(*m.chain_sha256) : std::string(),
          .staged = m.staged};
}

}  // namespace

template <typename Message>
Request Device::request(smp::Operation operation, enrol::Command command, const Message& message, bool slow) {
  return {.operation = operation,
          .group = smp::kPedigreeGroup,
          .command = static_cast<std::uint8_t>(command),
          .payload = encoded(message),
          .slow = slow};
}

Outcome<DeviceInfo> Device::info() {
  const Request ask{.operation = smp::Operation::read,
                    .group = smp::kPedigreeGroup,
                    .command = static_cast<std::uint8_t>(enrol::Command::info),
                    .payload = {0xa0},
                    .slow = false};
  STATION_ASSIGN(const auto payload, call(link_, ask));
  STATION_ASSIGN(const auto message, decoded<enrol::InfoResponse>(payload, "the device's info"));
  return owned(message);
}

Outcome<std::vector<Slot>> Device::slots() {
  const Request ask{.operation = smp::Operation::read,
                    .group = smp::kPedigreeGroup,
                    .command = static_cast<std::uint8_t>(enrol::Command::slots),
                    .payload = {0xa0},
                    .slow = false};
  STATION_ASSIGN(const auto payload, call(link_, ask));
  STATION_ASSIGN(const auto message, decoded<enrol::SlotsResponse>(payload, "the device's list of slots"));
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < message.count; ++i) slots.push_back(owned(message.slots[i]));
  return slots;
}

Outcome<PendingKey> Device::begin(const KeyRequest& key) {
  const enrol::BeginRequest message{.slot = key.slot,
                                    .purpose = key.purpose,
                                    .type = key.type,
                                    .origin = key.origin,
                                    .label = {},
                                    .import_key = {},
                                    .replace = key.replace};
  STATION_ASSIGN(const auto payload,
                 call(link_, request(smp::Operation::write, enrol::Command::begin, message, true)));
  STATION_ASSIGN(const auto answer, decoded<enrol::BeginResponse>(payload, "the device's answer to begin"));
  return PendingKey{answer.slot, answer.reused, copy(answer.spki)};
}

template <typename At>
Outcome<std::vector<std::uint8_t>> Device::read_object(At at, std::string_view what) {
  Assembly assembly;
  std::vector<std::uint32_t> offsets{0};
  while (!offsets.empty()) {
    std::vector<Request> parts;
    for (const std::uint32_t offset : offsets) parts.push_back(at(offset));
    auto answers = link_.exchange(std::move(parts));
    std::size_t received = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      STATION_ASSIGN(const auto payload, payload_of(std::move(answers[i])));
      STATION_ASSIGN(const auto part, decoded<enrol::ChunkResponse>(payload, what));
      if (const auto added = assembly.add(part, offsets[i]); !added) {
        return unreadable(Side::device, added.error(), what);
      }
      received += part.data.size();
    }
    offsets = assembly.missing();
    if (received == 0 && !offsets.empty())
      return unreadable(Side::device, {ErrorCode::truncated, offsets[0]}, what);
  }
  return assembly.take();
}

Outcome<std::vector<std::uint8_t>> Device::csr(std::uint32_t slot, Bytes nonce, bool evidence) {
  // Only the first part makes the device sign; it keeps the request for the others.
  const auto at = [&](std::uint32_t offset) {
    return request(smp::Operation::read, enrol::Command::csr,
                   enrol::CsrRequest{.slot = slot, .nonce = nonce, .offset = offset, .evidence = evidence},
                   offset == 0);
  };
  return read_object(at, "the device's request (CSR)");
}

Outcome<std::vector<std::uint8_t>> Device::attest(std::uint32_t slot, Bytes challenge, bool chain) {
  const auto at = [&](std::uint32_t offset) {
    return request(smp::Operation::read, enrol::Command::attest,
                   enrol::AttestRequest{.slot = slot, .nonce = challenge, .chain = chain, .offset = offset},
                   offset == 0);
  };
  return read_object(at, "the device's token");
}

Outcome<std::vector<std::uint8_t>> Device::read_chain(std::uint32_t slot) {
  const auto at = [&](std::uint32_t offset) {
    return request(smp::Operation::read, enrol::Command::chain,
                   enrol::ChainReadRequest{.slot = slot, .offset = offset}, false);
  };
  return read_object(at, "the device's chain");
}

// The part from `offset` on, as large as a packet takes.
Request Device::chain_part(std::uint32_t slot, Bytes chain, const Sha256& sha256, std::size_t offset) {
  enrol::ChainWriteRequest message{.slot = slot,
                                   .offset = static_cast<std::uint32_t>(offset),
                                   .data = {},
                                   .total = std::nullopt,
                                   .sha256 = std::nullopt};
  if (offset == 0) {
    message.total = static_cast<std::uint32_t>(chain.size());
    message.sha256 = Bytes(sha256);
  }
  Writer size;
  enrol::encode(message, size);
  const std::size_t room = room_beside(size.size(), link_.limits().packet);
  message.data = chain.subspan(offset, std::min(room, chain.size() - offset));
  return request(smp::Operation::write, enrol::Command::chain, message, false);
}

// The first part announces the chain and learns where to start; then as many parts as the device buffers go
// out together. The device names the offset where it stands: lost and overtaken parts are sent again from
// there.
Outcome<void> Device::write_chain(std::uint32_t slot, Bytes chain, const Sha256& sha256) {
  std::size_t position = 0;
  std::size_t together = 1;
  for (unsigned standstills = 0; standstills < kStandstills;) {
    std::vector<Request> parts;
    for (std::size_t next = position; next < chain.size() && parts.size() < together;) {
      parts.push_back(chain_part(slot, chain, sha256, next));
      next += enrol::decode<enrol::ChainWriteRequest>(parts.back().payload)->data.size();
    }
    std::size_t reached = 0;
    for (auto& answer : link_.exchange(std::move(parts))) {
      auto payload = payload_of(std::move(answer));
      if (!payload && payload.error().code == ErrorCode::bad_offset) continue;
      if (!payload) return std::unexpected(std::move(payload).error());
      STATION_ASSIGN(const auto stands,
                     decoded<enrol::ChainWriteResponse>(*payload, "the device's answer to a chain"));
      reached = std::max<std::size_t>(reached, stands.offset);
    }
    if (reached == chain.size()) return {};
    if (reached > chain.size())
      return unreadable(Side::device, {ErrorCode::bad_offset, 0}, "the chain's transfer");
    standstills = reached > position ? 0 : standstills + 1;
    together = reached > position ? link_.limits().in_flight : 1;
    position = reached;
  }
  return failed_with(
      Side::device, ErrorCode::bad_offset,
      fmt::format("the device's transfer stands still at {} of {} octets", position, chain.size()));
}

Outcome<std::vector<std::uint8_t>> Device::commit(std::uint32_t slot, Bytes nonce) {
  for (unsigned tries = 1;; ++tries) {
    auto receipt = commit_once(slot, nonce);
    // Restarted in between: it has the slot active, and gives a receipt anew.
    const bool lost =
        !receipt && receipt.error().side == Side::device && receipt.error().code == ErrorCode::not_found;
    if (!lost || tries == kStandstills) return receipt;
  }
}

Outcome<std::vector<std::uint8_t>> Device::commit_once(std::uint32_t slot, Bytes nonce) {
  const enrol::CommitRequest message{.slot = slot, .nonce = nonce, .offset = 0};
  STATION_ASSIGN(const auto payload,
                 call(link_, request(smp::Operation::write, enrol::Command::commit, message, true)));
  STATION_ASSIGN(const auto answer, decoded<enrol::CommitResponse>(payload, "the device's answer to commit"));
  std::vector<std::uint8_t> receipt = copy(answer.receipt);
  const std::uint32_t total = answer.total.value_or(static_cast<std::uint32_t>(receipt.size()));
  if (total > kLargestObject) {
    return unreadable(Side::device, {ErrorCode::too_long, total}, "the device's answer to commit");
  }
  while (receipt.size() < total) {
    const auto offset = static_cast<std::uint32_t>(receipt.size());
    const enrol::CommitRequest more{.slot = slot, .nonce = nonce, .offset = offset};
    STATION_ASSIGN(const auto read,
                   call(link_, request(smp::Operation::read, enrol::Command::commit, more, false)));
    STATION_ASSIGN(const auto part, decoded<enrol::ChunkResponse>(read, "the device's receipt"));
    if (part.offset != offset || part.data.empty() || part.data.size() > total - receipt.size()) {
      return unreadable(Side::device, {ErrorCode::bad_offset, part.offset}, "the device's receipt");
    }
    receipt.insert(receipt.end(), part.data.begin(), part.data.end());
  }
  return receipt;
}

Outcome<void> Device::destroy(std::uint32_t slot) {
  STATION_TRY(
      call(link_, request(smp::Operation::write, enrol::Command::destroy, enrol::SlotRequest{slot}, true)));
  return {};
}

Outcome<Challenge> Device::challenge() {
  const Request ask{.operation = smp::Operation::read,
                    .group = smp::kPedigreeGroup,
                    .command = static_cast<std::uint8_t>(enrol::Command::challenge),
                    .payload = {0xa0},
                    .slow = false};
  STATION_ASSIGN(const auto payload, call(link_, ask));
  STATION_ASSIGN(const auto message, decoded<enrol::ChallengeResponse>(payload, "the device's challenge"));
  Challenge challenge{.max_size = message.max_size};
  std::ranges::copy(message.nonce, challenge.nonce.begin());
  return challenge;
}

Outcome<void> Device::send_grant(Bytes grant) {
  return send_object(link_, enrol::Command::challenge, grant, "the grant");
}

Outcome<void> Device::abort(std::uint32_t slot) {
  STATION_TRY(
      call(link_, request(smp::Operation::write, enrol::Command::abort, enrol::SlotRequest{slot}, false)));
  return {};
}

}  // namespace pedigree::station
