// SPDX-License-Identifier: Apache-2.0
// SMP traffic: one part for each packet, with the time that its answer took.
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "cli/diagnostic.h"
#include "cli/inspect.h"
#include "core/enrol/image_group.h"
#include "core/smp/console.h"
#include "core/smp/smp.h"
#include "station/link/capture.h"

namespace pedigree::cli {
namespace {

constexpr std::size_t kShownOctets = 16;

struct CommandName {
  std::uint16_t group;
  std::uint8_t command;
  const char* text;
};
constexpr CommandName kCommands[] = {{smp::kOsGroup, 0, "echo"},
                                     {smp::kOsGroup, 5, "reset"},
                                     {smp::kOsGroup, 6, "parameters"},
                                     {smp::kOsGroup, 7, "info"},
                                     {smp::kOsGroup, 8, "bootloader"},
                                     {enrol::kImageGroup, 0, "state"},
                                     {enrol::kImageGroup, 1, "upload"},
                                     {enrol::kImageGroup, 5, "erase"},
                                     {smp::kPedigreeGroup, 0, "info"},
                                     {smp::kPedigreeGroup, 1, "slots"},
                                     {smp::kPedigreeGroup, 2, "begin"},
                                     {smp::kPedigreeGroup, 3, "csr"},
                                     {smp::kPedigreeGroup, 7, "attest"},
                                     {smp::kPedigreeGroup, 4, "chain"},
                                     {smp::kPedigreeGroup, 5, "commit"},
                                     {smp::kPedigreeGroup, 6, "abort"},
                                     {smp::kPedigreeGroup, 8, "challenge"},
                                     {smp::kPedigreeGroup, 9, "destroy"},
                                     {smp::kPedigreeGroup, 10, "public key"},
                                     {smp::kPedigreeGroup, 11, "revocations"}};
constexpr const char* kOperations[] = {"read", "read response", "write", "write response"};

std::string command_text(const smp::Header& header) {
  for (const CommandName& name : kCommands) {
    if (name.group == header.group && name.command == header.command) return name.text;
  }
  return std::to_string(header.command);
}

std::string group_text(std::uint16_t group) {
  if (group == smp::kOsGroup) return "os";
  if (group == enrol::kImageGroup) return "image";
  return group == smp::kPedigreeGroup ? "pedigree" : std::to_string(group);
}

/// What ties an answer to its request: addresses and ports of the device's peer, sequence, group, command.
using RequestKey = std::tuple<std::uint64_t, std::uint8_t, std::uint16_t, std::uint8_t>;

class Conversation {
 public:
  Conversation() {
    report_.kind = "SMP capture";
    report_.parts_name = "packets";
  }

  /// `time_us` and `peer` only where the form has them.
  void add(Bytes packet, std::optional<std::uint64_t> time_us, std::uint64_t peer) {
    Report part{.kind = "packet"};
    const auto parsed = smp::parse_packet(packet);
    if (!parsed) {
      part.title = "malformed";
      part.add("malformed",
               fmt::format("{} at byte {}", sentence(parsed.error().code), parsed.error().offset));
    } else {
      add_header(part, parsed->header);
      if (time_us) add_time(part, parsed->header, *time_us, peer);
      add_payload(part, *parsed);
    }
    report_.parts.push_back(std::move(part));
  }

  void warn(std::string text) { report_.warnings.push_back(std::move(text)); }

  Report finish() {
    report_.title =
        fmt::format("{} SMP packet{}", report_.parts.size(), report_.parts.size() == 1 ? "" : "s");
    return std::move(report_);
  }

 private:
  static void add_header(Report& part, const smp::Header& header) {
    part.add("op", kOperations[static_cast<std::size_t>(header.operation)]);
    part.add("version", std::to_string(static_cast<unsigned>(header.version) + 1),
             boost::json::value(static_cast<unsigned>(header.version) + 1));
    part.add("group", group_text(header.group), boost::json::value(header.group));
    part.add("command", command_text(header));
    part.add("command number", std::to_string(header.command), boost::json::value(header.command));
    part.add("seq", std::to_string(header.sequence), boost::json::value(header.sequence));
    part.add("length", std::to_string(header.length), boost::json::value(header.length));
  }

  void add_time(Report& part, const smp::Header& header, std::uint64_t time_us, std::uint64_t peer) {
    if (!start_) start_ = time_us;
    const auto since = static_cast<double>(static_cast<std::int64_t>(time_us - *start_)) / 1000.0;
    part.add("time ms", fmt::format("{:.3f}", since), boost::json::value(since));
    const RequestKey key{peer, header.sequence, header.group, header.command};
    const bool is_request = (static_cast<unsigned>(header.operation) & 1U) == 0;
    if (is_request) {
      requests_[key] = time_us;
      return;
    }
    const auto request = requests_.find(key);
    if (request == requests_.end() || request->second > time_us) return;
    const double latency = static_cast<double>(time_us - request->second) / 1000.0;
    part.add("latency ms", fmt::format("{:.3f}", latency), boost::json::value(latency));
  }

  static void add_payload(Report& part, const smp::Packet& packet) {
    // An import carries a private key.
    const bool begin = packet.header.group == smp::kPedigreeGroup &&
                       packet.header.command == static_cast<std::uint8_t>(enrol::Command::begin);
    DiagnosticOptions options{.withheld_key = begin ? "key" : ""};
    const auto whole = diagnostic(packet.payload, options);
    if (!whole) {
      const std::string text = fmt::format("malformed CBOR: {} at byte {}", sentence(whole.error().code),
                                           smp::kHeaderSize + whole.error().offset);
      return part.add("malformed", text);
    }
    options.max_octets = kShownOctets;
    part.add("payload", diagnostic(packet.payload, options).value_or(*whole),
             boost::json::value(whole->c_str()));
    const auto status = smp::read_status(packet.payload);
    if (!status || status->ok()) return;
    part.add("error", status->from_group && status->group == smp::kPedigreeGroup
                          ? std::string(sentence(static_cast<ErrorCode>(status->rc)))
                      : status->from_group ? fmt::format("group {} error {}", status->group, status->rc)
                                           : std::string(smp::sentence(static_cast<smp::Rc>(status->rc))));
  }

  Report report_;
  std::optional<std::uint64_t> start_;
  std::map<RequestKey, std::uint64_t> requests_;
};

}  // namespace

ReportResult report_pcap(Bytes content) {
  auto reader = station::CaptureReader::open(content);
  if (!reader) return std::unexpected(to_inspect_error(reader.error(), "the capture"));
  Conversation conversation;
  while (true) {
    const auto next = reader->next();
    if (!next) return std::unexpected(to_inspect_error(next.error(), "the capture"));
    if (!*next) return conversation.finish();
    const station::CapturedPacket& packet = **next;
    const bool to_device = packet.to_device();
    const std::uint64_t device = to_device ? packet.destination : packet.source;
    const std::uint16_t port = to_device ? packet.source_port : packet.destination_port;
    conversation.add(packet.packet, packet.time_us, device << 16U | port);
  }
}

ReportResult report_console(Bytes content) {
  std::vector<std::uint8_t> buffer(std::size_t{64} * 1024 + 4);
  smp::Deframer deframer(buffer);
  Conversation conversation;
  std::optional<InspectError> first_error;
  bool any = false;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const auto packet = deframer.feed(content[i]);
    if (!packet) {
      auto error = to_inspect_error({packet.error().code, static_cast<std::uint32_t>(i)}, "a frame");
      conversation.warn(fmt::format("{} at byte {}", error.reason, i));
      if (!first_error) first_error = std::move(error);
    } else if (!packet->empty()) {
      conversation.add(*packet, {}, 0);
      any = true;
    }
  }
  if (any) return conversation.finish();
  if (first_error) return std::unexpected(*std::move(first_error));
  return std::unexpected(InspectError{"no console frame is complete", content.size(), {}});
}

ReportResult report_smp(Bytes content) {
  Conversation conversation;
  Reader in(content);
  while (!in.empty()) {
    Reader packet = in;
    const auto header = smp::read_header(in);
    if (!header) return std::unexpected(to_inspect_error(header.error(), "an SMP packet"));
    if (const auto payload = in.take(header->length); !payload) {
      return std::unexpected(to_inspect_error(payload.error(), "an SMP packet"));
    }
    conversation.add(packet.rest().first(packet.size() - in.size()), {}, 0);
  }
  return conversation.finish();
}

}  // namespace pedigree::cli
