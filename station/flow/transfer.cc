// SPDX-License-Identifier: Apache-2.0
#include "station/flow/transfer.h"

namespace pedigree::station {

Outcome<void> send_object(Link& link, enrol::Command command, Bytes object, std::string what) {
  const auto part = [&](std::size_t offset, std::size_t& sent) {
    enrol::RevocationsWrite message;
    message.offset = static_cast<std::uint32_t>(offset);
    if (offset == 0) message.total = static_cast<std::uint32_t>(object.size());
    Writer size;
    enrol::encode(message, size);
    const std::size_t room = room_beside(size.size(), link.limits().packet);
    message.data = object.subspan(offset, std::min(room, object.size() - offset));
    sent = message.data.size();
    return Request{.operation = smp::Operation::write,
                   .group = smp::kPedigreeGroup,
                   .command = static_cast<std::uint8_t>(command),
                   .payload = encoded(message),
                   // With the last part the device verifies the object.
                   .slow = offset + sent == object.size()};
  };
  const std::string answer_to = "the device's answer to " + what;
  const auto stands = [&](Bytes payload) -> Outcome<std::size_t> {
    STATION_ASSIGN(const auto answer, decoded<enrol::ChainWriteResponse>(payload, answer_to));
    return answer.offset;
  };
  STATION_TRY(Transfer(link, object.size(), std::move(what)).run(part, stands, [](std::size_t) {}));
  return {};
}

}  // namespace pedigree::station
