// SPDX-License-Identifier: Apache-2.0
#include "station/link/link.h"

#include <array>

#include "core/cbor/cbor.h"

namespace pedigree::station {

namespace {

std::vector<std::uint8_t> encoded(const auto& write) {
  Writer size;
  cbor::Encoder counting(size);
  write(counting);
  std::vector<std::uint8_t> payload(size.size());
  Writer out(payload);
  cbor::Encoder encoder(out);
  write(encoder);
  return payload;
}

Request os_request(smp::Operation operation, smp::OsCommand command, std::vector<std::uint8_t> payload) {
  return {.operation = operation,
          .group = smp::kOsGroup,
          .command = static_cast<std::uint8_t>(command),
          .payload = std::move(payload),
          .slow = false};
}

Result<Limits> read_parameters(Bytes payload) {
  Reader in(payload);
  Limits limits;
  PEDIGREE_ASSIGN(const std::size_t pairs, cbor::read_map(in));
  for (std::size_t i = 0; i < pairs; ++i) {
    PEDIGREE_ASSIGN(const std::string_view key, cbor::read_tstr(in));
    if (key != "buf_size" && key != "buf_count") {
      PEDIGREE_TRY(cbor::skip(in));
      continue;
    }
    PEDIGREE_ASSIGN(const std::uint64_t value, cbor::read_uint(in));
    // Less than 64 octets carries none of our messages.
    if (value < (key == "buf_size" ? 64 : 1) || value > 0xffffffff)
      return fail(ErrorCode::bad_value, in.offset());
    if (key == "buf_size") limits.packet = static_cast<std::size_t>(value);
    if (key == "buf_count") limits.in_flight = static_cast<unsigned>(value);
  }
  PEDIGREE_TRY(in.finish());
  limits.negotiated = true;
  return limits;
}

}  // namespace

Outcome<std::vector<std::uint8_t>> payload_of(Outcome<Response> response) {
  if (!response) return std::unexpected(std::move(response).error());
  const auto status = status_of(*response);
  if (!status) return unreadable(Side::device, status.error(), "the device's answer");
  if (!status->ok()) return failed_with(Side::device, code_of(*status), sentence(*status));
  return std::move(response->payload);
}

Outcome<std::vector<std::uint8_t>> call(Link& link, Request request) {
  std::vector<Request> one;
  one.push_back(std::move(request));
  return payload_of(std::move(link.exchange(std::move(one)).front()));
}

Outcome<Limits> negotiate(Link& link) {
  auto answer = call(link, os_request(smp::Operation::read, smp::OsCommand::parameters,
                                      encoded([](cbor::Encoder& e) { e.map(0); })));
  if (answer) {
    const auto limits = read_parameters(*answer);
    if (!limits) return unreadable(Side::device, limits.error(), "the device's buffer parameters");
    link.set_limits(*limits);
  } else if (answer.error().code != ErrorCode::unknown_command &&
             answer.error().code != ErrorCode::device_refused) {
    return std::unexpected(std::move(answer).error());
  }
  return link.limits();
}

Outcome<void> echo(Link& link, std::string_view text) {
  STATION_ASSIGN(const auto answer, call(link, os_request(smp::Operation::write, smp::OsCommand::echo,
                                                          encoded([&](cbor::Encoder& e) {
                                                            e.map(1);
                                                            e.tstr("d");
                                                            e.tstr(text);
                                                          }))));
  Reader in(answer);
  const auto pairs = cbor::read_map(in);
  for (std::size_t i = 0; pairs && i < *pairs; ++i) {
    const auto key = cbor::read_tstr(in);
    if (key && *key == "r") {
      const auto returned = cbor::read_tstr(in);
      if (returned && *returned == text) return {};
    } else if (!cbor::skip(in)) {
      break;
    }
  }
  return failed(Side::device, ErrorCode::bad_value, "echo");
}

Outcome<void> reset(Link& link) {
  STATION_TRY(call(link, os_request(smp::Operation::write, smp::OsCommand::reset,
                                    encoded([](cbor::Encoder& e) { e.map(0); }))));
  return {};
}

}  // namespace pedigree::station
