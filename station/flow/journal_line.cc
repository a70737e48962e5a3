// SPDX-License-Identifier: Apache-2.0
// One journal line and its parser.
#include <fmt/format.h>

#include <array>
#include <boost/crc.hpp>
#include <boost/json.hpp>

#include "station/flow/journal.h"
#include "station/link/text.h"

namespace pedigree::station {

namespace json = boost::json;
using Event = JournalEntry::Event;

namespace {

constexpr std::array<std::string_view, 6> kEvents = {"key",     "issued", "rejected",
                                                     "receipt", "done",   "refused"};
constexpr std::size_t kCrcDigits = 8;

// The text members, in the order in which they are written.
constexpr std::array<std::pair<std::string_view, std::string JournalEntry::*>, 9> kTexts = {{
    {"device", &JournalEntry::device},
    {"profile", &JournalEntry::profile},
    {"key", &JournalEntry::key},
    {"nonce", &JournalEntry::nonce},
    {"serial", &JournalEntry::serial},
    {"chain_sha256", &JournalEntry::chain_sha256},
    {"authority", &JournalEntry::authority},
    {"issuer", &JournalEntry::issuer},
    {"message", &JournalEntry::message},
}};

std::string checksum(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return fmt::format("{:08x}", crc.checksum());
}

bool read_octets(const json::value* value, std::vector<std::uint8_t>& out) {
  if (value == nullptr || !value->is_string()) return false;
  auto octets = from_base64(value->get_string());
  if (octets) out = *std::move(octets);
  return octets.has_value();
}

bool read_chain(const json::object& object, JournalEntry& entry) {
  const json::value* chain = object.if_contains("chain");
  if (chain == nullptr) return true;
  if (!chain->is_array()) return false;
  for (const json::value& certificate : chain->get_array()) {
    if (!read_octets(&certificate, entry.chain.emplace_back())) return false;
  }
  return true;
}

std::optional<JournalEntry> parse_line(std::string_view line) {
  if (line.size() < kCrcDigits + 1 || line[kCrcDigits] != ' ') return std::nullopt;
  const std::string_view text = line.substr(kCrcDigits + 1);
  if (line.substr(0, kCrcDigits) != checksum(text)) return std::nullopt;
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  JournalEntry entry;
  const json::value* event = object.if_contains("event");
  if (event == nullptr || !event->is_string()) return std::nullopt;
  const auto known = std::ranges::find(kEvents, std::string_view(event->get_string()));
  if (known == kEvents.end()) return std::nullopt;
  entry.event = static_cast<Event>(known - kEvents.begin());
  for (const auto& [key, member] : kTexts) {
    const json::value* found = object.if_contains(key);
    if (found == nullptr) continue;
    if (!found->is_string()) return std::nullopt;
    entry.*member = std::string(found->get_string());
  }
  if (const json::value* time = object.if_contains("time"); time != nullptr && time->is_int64()) {
    entry.time = time->get_int64();
  }
  if (const json::value* slot = object.if_contains("slot"); slot != nullptr && slot->is_int64()) {
    entry.slot = static_cast<std::uint32_t>(slot->get_int64());
  }
  if (!read_chain(object, entry)) return std::nullopt;
  if (object.contains("receipt") && !read_octets(object.if_contains("receipt"), entry.receipt))
    return std::nullopt;
  return entry;
}

}  // namespace

std::string journal_line(const JournalEntry& entry) {
  json::object object{{"event", kEvents[static_cast<std::size_t>(entry.event)]}, {"time", entry.time}};
  for (const auto& [key, member] : kTexts) {
    if (!(entry.*member).empty()) object[key] = entry.*member;
  }
  if (entry.slot != 0) object["slot"] = entry.slot;
  if (!entry.chain.empty()) {
    json::array chain;
    for (const auto& der : entry.chain) chain.emplace_back(base64(der));
    object["chain"] = std::move(chain);
  }
  if (!entry.receipt.empty()) object["receipt"] = base64(entry.receipt);
  const std::string text = json::serialize(object);
  return checksum(text) + " " + text + "\n";
}

Result<JournalContent> parse_journal(std::string_view text) {
  JournalContent content;
  std::optional<std::size_t> damaged;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    auto entry = parse_line(text.substr(start, end - start));
    if (entry && damaged) return fail(ErrorCode::journal_corrupt, static_cast<std::uint32_t>(*damaged));
    if (entry) {
      content.entries.push_back(*std::move(entry));
      content.good = end + 1;
    } else if (!damaged) {
      damaged = start;
    }
    start = end + 1;
  }
  return content;
}

}  // namespace pedigree::station
