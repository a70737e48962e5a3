// SPDX-License-Identifier: Apache-2.0
#include "device/ports/qemu/probe.h"

#include "core/enrol/messages.h"

namespace pedigree::qemu {
namespace {

constexpr smp::Header kInfo{.operation = smp::Operation::read,
                            .group = smp::kPedigreeGroup,
                            .command = static_cast<std::uint8_t>(enrol::Command::info)};
constexpr std::uint8_t kEmptyMap = 0xa0;

std::string hex(Bytes octets) {
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += "0123456789abcdef"[octet >> 4U];
    text += "0123456789abcdef"[octet & 0x0fU];
  }
  return text;
}

std::string sentence_of(const smp::Status& status) {
  if (status.from_group && status.group == smp::kPedigreeGroup)
    return std::string(sentence(static_cast<ErrorCode>(status.rc)));
  return std::string(smp::sentence(static_cast<smp::Rc>(status.rc)));
}

}  // namespace

std::vector<std::uint8_t> Probe::request() {
  std::array<std::uint8_t, smp::kHeaderSize + 1> packet{};
  Writer out(packet);
  smp::write_packet(kInfo, Bytes(&kEmptyMap, 1), out);
  std::vector<std::uint8_t> line(smp::frame_size(packet.size()));
  Writer framed(line);
  smp::write_frame(packet, framed);
  return line;
}

bool Probe::feed(std::uint8_t octet) {
  const auto packet = deframer_.feed(octet);
  return packet && !packet->empty() && take(*packet);
}

bool Probe::take(Bytes octets) {
  const auto packet = smp::parse_packet(octets);
  if (!packet || packet->header.group != kInfo.group || packet->header.command != kInfo.command) return false;
  const auto status = smp::read_status(packet->payload);
  if (!status) return false;
  if (!status->ok()) {
    answer_ = std::unexpected(sentence_of(*status));
    return true;
  }
  const auto info = enrol::decode<enrol::InfoResponse>(packet->payload);
  if (!info) return false;
  answer_ = Identity{hex(info->device_id), std::string(info->world)};
  return true;
}

}  // namespace pedigree::qemu
