// SPDX-License-Identifier: Apache-2.0
// The protocol itself: headers, versions, what is malformed, what is too large.
#include <fmt/format.h>

#include "core/cbor/cbor.h"
#include "core/smp/console.h"
#include "station/conformance/bench.h"

namespace pedigree::station::conformance {
namespace {

using enrol::Command;
using smp::Operation;
using smp::Version;
using std::chrono::milliseconds;

/// How long silence is listened to, and how often a packet is sent whose first answer is looked at.
constexpr milliseconds kSilence{400};
constexpr unsigned kTries = 4;

Octets text_map(std::string_view key, std::string_view value) {
  Octets octets(value.size() + key.size() + 16);
  Writer out(octets);
  cbor::Encoder encoder(out);
  encoder.map(1);
  encoder.tstr(key);
  encoder.tstr(value);
  octets.resize(out.size());
  return octets;
}

Request echo_request(std::string_view text) {
  return {.operation = Operation::write,
          .group = smp::kOsGroup,
          .command = static_cast<std::uint8_t>(smp::OsCommand::echo),
          .payload = text_map("d", text),
          .slow = false};
}

Request request_of(Operation operation, std::uint16_t group, std::uint8_t command, Octets payload = {0xa0}) {
  return {.operation = operation,
          .group = group,
          .command = command,
          .payload = std::move(payload),
          .slow = false};
}

/// Sends a packet on a quiet line; the first packet that comes back, whatever it answers.
Outcome<Response> first_answer(Bench& bench, Bytes packet) {
  bench.wire.drain();
  for (unsigned i = 0; i < kTries; ++i) {
    STATION_TRY(bench.wire.send(packet));
    const auto wait = std::min<Duration>(bench.wire.give_up(), std::chrono::seconds(4));
    const auto received = bench.wire.next(wait);
    if (!received) continue;
    const auto answer = smp::parse_packet(*received);
    if (!answer) return unreadable(Side::device, answer.error(), "the answer's header");
    return Response{answer->header, Octets(answer->payload.begin(), answer->payload.end())};
  }
  return failed(Side::device, ErrorCode::timeout);
}

/// After something bad: the device answers, and answers right.
Checked still_works(Bench& bench, std::string_view after) {
  const auto back = bench.wire.wait_until_back();
  if (!back) return wrong(fmt::format("it does not go on after {}: {}", after, back.error().message));
  return {};
}

/// What deserves no success: an error or silence, and the device goes on.
Checked expect_no_success(Bench& bench, Bytes packet, std::string_view what) {
  bench.wire.drain();
  STATION_TRY(bench.wire.send(packet));
  if (const auto received = bench.wire.next(kSilence)) {
    const auto answer = smp::parse_packet(*received);
    if (!answer) return unreadable(Side::device, answer.error(), "the answer's header");
    const auto status = smp::read_status(answer->payload);
    if (!status) return unreadable(Side::device, status.error(), "the answer");
    if (status->ok()) return wrong(fmt::format("{} was accepted", what));
  }
  return still_works(bench, what);
}

Checked check_echo(Bench& bench) {
  for (const std::string_view text : {"", "x", "Pedigree", "Prüfstück ✓", "0123456789012345678901234"}) {
    STATION_TRY(echo(bench.wire, text));
  }
  return {};
}

Checked check_header(Bench& bench) {
  for (const Version version : {Version::v1, Version::v2}) {
    Octets packet = bench.wire.packet(echo_request("header"), version);
    for (const unsigned number : {0U, 1U, 127U, 128U, 255U}) {
      const auto sequence = static_cast<std::uint8_t>(number);
      packet[6] = sequence;
      STATION_ASSIGN(const Response answer, first_answer(bench, packet));
      const smp::Header& header = answer.header;
      if (header.sequence != sequence) {
        return wrong(fmt::format("sequence number {} was answered with {}", sequence, header.sequence));
      }
      if (header.operation != Operation::write_response || header.group != smp::kOsGroup ||
          header.command != 0) {
        return wrong("an answer names another operation, group or command than its request");
      }
      if (header.version != version) return wrong("an answer is of another version than its request");
    }
  }
  return {};
}

/// What a request's error looks like. Errors of SMP itself are a bare rc in both versions.
Checked expect_status(Bench& bench, const Request& request, Version version, bool from_group,
                      std::uint16_t rc) {
  STATION_ASSIGN(const Response answer, bench.wire.ask(request, version));
  const auto status = status_of(answer);
  if (!status) return unreadable(Side::device, status.error(), "an error's map");
  if (status->from_group == from_group && status->rc == rc) return {};
  return wrong(fmt::format("group {} command {} in version {}: {} rc {}, and should be {} rc {}",
                           request.group, request.command, version == Version::v1 ? 1 : 2,
                           status->from_group ? "the group's" : "SMP's", status->rc,
                           from_group ? "the group's" : "SMP's", rc));
}

constexpr auto kNotSupported = static_cast<std::uint16_t>(smp::Rc::not_supported);

Checked check_unknown_group(Bench& bench) {
  for (const Version version : {Version::v1, Version::v2}) {
    for (const std::uint16_t group : {std::uint16_t{79}, std::uint16_t{4711}, std::uint16_t{65535}}) {
      if (group == bench.wire.pedigree_group()) continue;
      STATION_TRY(expect_status(bench, request_of(Operation::read, group, 0), version, false, kNotSupported));
    }
  }
  return {};
}

Checked check_unknown_command(Bench& bench) {
  const auto unknown = static_cast<std::uint16_t>(ErrorCode::unknown_command);
  for (const std::uint8_t command : {std::uint8_t{12}, std::uint8_t{64}, std::uint8_t{255}}) {
    for (const Operation operation : {Operation::read, Operation::write}) {
      const Request request = request_of(operation, smp::kPedigreeGroup, command);
      STATION_TRY(expect_status(bench, request, Version::v2, true, unknown));
      STATION_TRY(expect_status(bench, request, Version::v1, false, kNotSupported));
    }
  }
  const Request os = request_of(Operation::read, smp::kOsGroup, 200);
  STATION_TRY(expect_status(bench, os, Version::v2, false, kNotSupported));
  return expect_status(bench, os, Version::v1, false, kNotSupported);
}

Checked check_wrong_operation(Bench& bench) {
  const auto ask = [&](Operation operation, Command command) {
    return bench.call(operation, command, encoded(enrol::SlotRequest{1}));
  };
  for (const Command command : {Command::info, Command::slots, Command::csr, Command::public_key}) {
    STATION_TRY(expect_error(ask(Operation::write, command), "a write of a command that is read",
                             {ErrorCode::unknown_command}));
  }
  for (const Command command : {Command::begin, Command::abort, Command::destroy}) {
    STATION_TRY(expect_error(ask(Operation::read, command), "a read of a command that is written",
                             {ErrorCode::unknown_command}));
  }
  return {};
}

Checked check_version_1(Bench& bench) {
  const Request info = request_of(Operation::read, smp::kPedigreeGroup, 0);
  STATION_ASSIGN(const Response first, bench.wire.ask(info, Version::v1));
  STATION_ASSIGN(const Response second, bench.wire.ask(info, Version::v2));
  if (first.payload != second.payload) return wrong("info differs between version 1 and 2");
  const auto decoded_info = decoded<enrol::InfoResponse>(first.payload, "info in version 1");
  if (!decoded_info) return std::unexpected(decoded_info.error());
  return {};
}

struct Malformed {
  const char* what;
  Octets payload;
  std::initializer_list<ErrorCode> errors;
};

Octets many_pairs() {
  Octets map{0xb8, 33};
  for (std::uint8_t i = 0; i < 33; ++i) {
    const std::uint8_t pair[] = {0x62, 'a', static_cast<std::uint8_t>('A' + i), 0x01};
    map.insert(map.end(), std::begin(pair), std::end(pair));
  }
  return map;
}

Octets deep_map() {
  Octets map{0xa1, 0x61, 'x'};
  map.insert(map.end(), 40, 0x81);
  map.push_back(0x00);
  return map;
}

std::vector<Malformed> malformed() {
  using enum ErrorCode;
  return {
      {"an empty payload", {}, {truncated}},
      {"a map that is cut off", {0xa1}, {truncated}},
      {"a map of 2^64 - 1 pairs", {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {truncated}},
      {"a map of indefinite length", {0xbf, 0xff}, {indefinite_length}},
      {"a number in a longer form", {0xa1, 0x64, 's', 'l', 'o', 't', 0x18, 0x01}, {non_minimal}},
      {"an array in place of a map", {0x80}, {bad_tag}},
      {"an octet after the map", {0xa1, 0x64, 's', 'l', 'o', 't', 0x01, 0x00}, {trailing_data}},
      {"a key twice", {0xa2, 0x64, 's', 'l', 'o', 't', 0x01, 0x64, 's', 'l', 'o', 't', 0x01}, {duplicate}},
      {"text in place of a number", {0xa1, 0x64, 's', 'l', 'o', 't', 0x61, '1'}, {bad_tag, bad_value}},
      {"a negative number", {0xa1, 0x64, 's', 'l', 'o', 't', 0x20}, {bad_tag, bad_value, negative_number}},
      {"a number of 33 bits",
       {0xa1, 0x64, 's', 'l', 'o', 't', 0x1b, 0, 0, 0, 1, 0, 0, 0, 0},
       {bad_value, too_long}},
      {"a map without the slot", {0xa0}, {missing_field}},
      {"a value nested 40 deep", deep_map(), {too_deep}},
      {"a map of 33 pairs", many_pairs(), {too_many}},
  };
}

Checked check_malformed(Bench& bench) {
  for (const Malformed& item : malformed()) {
    const auto answer = bench.call(Operation::read, Command::public_key, item.payload);
    STATION_TRY(expect_error(answer, item.what, item.errors));
  }
  return still_works(bench, "malformed CBOR");
}

Checked check_unknown_field(Bench& bench) {
  // {"slot": 255, "later": [1, {"x": h''}]}
  const Octets payload{0xa2, 0x64, 's', 'l', 'o',  't',  0x18, 0xff, 0x65, 'l',
                       'a',  't',  'e', 'r', 0x82, 0x01, 0xa1, 0x61, 'x',  0x40};
  return expect_error(bench.call(Operation::read, Command::public_key, payload),
                      "an unknown key, which is passed over", {ErrorCode::slot_not_found});
}

Checked check_short(Bench& bench) {
  const Octets whole = bench.wire.packet(echo_request("short"));
  for (std::size_t size = 0; size < smp::kHeaderSize; ++size) {
    bench.wire.drain();
    STATION_TRY(bench.wire.send(Bytes(whole).first(size)));
  }
  if (bench.wire.next(kSilence)) return wrong("less than a header was answered");
  return still_works(bench, "packets shorter than a header");
}

Checked check_length(Bench& bench) {
  const Request request = echo_request("length");
  for (const int difference : {-1, 1, 1000, 60000}) {
    Octets packet = bench.wire.packet(request);
    const auto length = static_cast<std::uint16_t>(static_cast<int>(request.payload.size()) + difference);
    packet[2] = static_cast<std::uint8_t>(length >> 8U);
    packet[3] = static_cast<std::uint8_t>(length);
    STATION_TRY(expect_no_success(bench, packet, fmt::format("a length that is off by {}", difference)));
  }
  return {};
}

Checked check_responses(Bench& bench) {
  for (const Operation operation : {Operation::read_response, Operation::write_response}) {
    Request request = echo_request("answer");
    request.operation = operation;
    bench.wire.drain();
    STATION_TRY(bench.wire.send(bench.wire.packet(request)));
    if (bench.wire.next(kSilence)) return wrong("a packet that is an answer itself was answered");
  }
  return still_works(bench, "answers that it did not ask for");
}

/// An echo whose packet has exactly this many octets.
Request echo_of_size(std::size_t packet) {
  std::string text(packet, 'x');
  while (smp::kHeaderSize + text_map("d", text).size() > packet) text.pop_back();
  return echo_request(text);
}

Checked check_largest(Bench& bench) {
  const std::size_t limit = bench.wire.limits().packet;
  const Request request = echo_of_size(limit);
  STATION_ASSIGN(const Response answer, bench.wire.ask(request));
  const auto status = status_of(answer);
  if (!status || !status->ok() || answer.payload.size() != request.payload.size()) {
    return wrong(fmt::format("an echo in a packet of {} octets, which it says it takes, failed", limit));
  }
  return {};
}

Checked check_oversized(Bench& bench) {
  const std::size_t limit = bench.wire.limits().packet;
  for (const std::size_t size : {limit + 1, limit + 64, 2 * limit, 4 * limit}) {
    if (size > bench.wire.line_limit()) continue;
    const Octets packet = bench.wire.packet(echo_of_size(size));
    // One that takes more than it says is right too.
    bench.wire.drain();
    STATION_TRY(bench.wire.send(packet));
    static_cast<void>(bench.wire.next(kSilence));
    STATION_TRY(still_works(bench, fmt::format("a packet of {} octets", size)));
  }
  return {};
}

Octets frame_of(Bytes packet) {
  Octets frame(smp::frame_size(packet.size()));
  Writer out(frame);
  smp::write_frame(packet, out);
  return frame;
}

/// What a line's noise makes of frames: damaged, cut, repeated starts, text between them.
Checked check_console(Bench& bench) {
  if (!bench.wire.serial()) return not_run("packets on this line have no console framing");
  const Octets good = frame_of(bench.wire.packet(echo_request("console")));
  Octets bad_crc = good;
  bad_crc[bad_crc.size() - 4] = bad_crc[bad_crc.size() - 4] == 'A' ? 'B' : 'A';
  const Octets half(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2));
  const Octets noise{0x06, 0x09, '!', '!', 0x00, 0xff, 0x04, 0x14, '\n', 0x06, 0x06, 0x09, '\n'};
  const std::string log = "[00:00:01] a log's line\r\n";
  bench.wire.drain();
  for (const Bytes octets : {Bytes(bad_crc), Bytes(noise), Bytes(half), Bytes(as_bytes("\n")),
                             Bytes(as_bytes(log)), Bytes(half)}) {
    STATION_TRY(bench.wire.send_octets(octets));
  }
  STATION_TRY(bench.wire.send_octets(as_bytes("\n")));
  if (const auto answer = bench.wire.next(kSilence)) return wrong("a damaged frame was answered");
  return still_works(bench, "damaged frames");
}

}  // namespace

void add_smp_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Checked (*run)(Bench&)) {
    checks.push_back({"smp", name, what, Effect::looks, run});
  };
  add("echo", "a text comes back as it was", check_echo);
  add("header", "answers have their request's version, sequence number, group and command", check_header);
  add("version-1", "version 1 is answered like version 2", check_version_1);
  add("unknown-group", "an unknown group is SMP's own error, not supported", check_unknown_group);
  add("unknown-command", "an unknown command is the group's error, in version 1 SMP's",
      check_unknown_command);
  add("wrong-operation", "a read that should be a write, or the reverse, is unknown", check_wrong_operation);
  add("malformed", "CBOR that is no request is refused, each with its reason", check_malformed);
  add("unknown-field", "keys that it does not know are passed over", check_unknown_field);
  add("short", "less than a header is not answered", check_short);
  add("length", "a header whose length is not the payload's is not obeyed", check_length);
  add("responses", "packets that are answers themselves are not answered", check_responses);
  add("largest", "a packet as large as it says it takes is taken", check_largest);
  add("oversized", "larger packets do no harm", check_oversized);
  add("console", "damaged, cut and repeated frames do no harm", check_console);
}

}  // namespace pedigree::station::conformance
