// SPDX-License-Identifier: Apache-2.0
// Messages of core/enrol as payloads of packets.
#pragma once

#include <vector>

#include "core/enrol/messages.h"
#include "station/link/failure.h"

namespace pedigree::station {

/// The message as CBOR.
template <typename Message>
std::vector<std::uint8_t> encoded(const Message& message) {
  Writer size;
  enrol::encode(message, size);
  std::vector<std::uint8_t> payload(size.size());
  Writer out(payload);
  enrol::encode(message, out);
  return payload;
}

/// Reads what a device sent. `what` for the sentence: "the device's info". Errors: those of enrol::decode.
template <typename Message>
Outcome<Message> decoded(Bytes payload, std::string_view what) {
  const auto message = enrol::decode<Message>(payload);
  if (!message) return unreadable(Side::device, message.error(), what);
  return *message;
}

/// Octets of data that a part may carry beside the rest of its message.
inline std::size_t room_beside(std::size_t message, std::size_t packet) {
  // The empty byte string's head is one octet; that of a longer one is up to three.
  const std::size_t overhead = smp::kHeaderSize + message + 2;
  return packet > overhead ? packet - overhead : 1;
}

}  // namespace pedigree::station
