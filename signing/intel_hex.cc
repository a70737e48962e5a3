// SPDX-License-Identifier: Apache-2.0
#include "signing/intel_hex.h"

#include <algorithm>
#include <map>

namespace pedigree::signing {
namespace {

enum RecordType : std::uint8_t {
  kData = 0,
  kEnd = 1,
  kExtendedSegmentAddress = 2,
  kStartSegmentAddress = 3,
  kExtendedLinearAddress = 4,
  kStartLinearAddress = 5,
};

constexpr std::size_t kRecordData = 16;
/// Count, address (2), type, checksum.
constexpr std::size_t kOverhead = 5;

/// What a record says.
struct Record {
  std::uint16_t address = 0;
  std::uint8_t type = 0;
  Octets data;
};

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

/// Reads a line without its end. Errors: bad_value, bad_checksum.
Result<Record> read_record(std::string_view line) {
  if (!line.starts_with(':') || line.size() % 2 == 0) return fail(ErrorCode::bad_value);
  Octets octets;
  std::uint8_t sum = 0;
  for (std::size_t i = 1; i < line.size(); i += 2) {
    const auto high = digit(line[i]);
    const auto low = digit(line[i + 1]);
    if (!high || !low) return fail(ErrorCode::bad_value);
    octets.push_back(static_cast<std::uint8_t>(*high << 4U | *low));
    sum = static_cast<std::uint8_t>(sum + octets.back());
  }
  if (octets.size() < kOverhead || octets.size() != octets[0] + kOverhead) return fail(ErrorCode::bad_value);
  if (sum != 0) return fail(ErrorCode::bad_checksum);
  return Record{static_cast<std::uint16_t>(octets[1] << 8U | octets[2]), octets[3],
                Octets(octets.begin() + 4, octets.end() - 1)};
}

/// Collects data by address; neighbours are kept together.
class Collector {
 public:
  /// Errors: bad_value, too_long.
  Result<void> take(const Record& record) {
    switch (record.type) {
      case kData:
        return add(record);
      case kEnd:
        if (!record.data.empty()) return fail(ErrorCode::bad_value);
        at_end_ = true;
        return {};
      case kExtendedSegmentAddress:
      case kExtendedLinearAddress:
        if (record.data.size() != 2) return fail(ErrorCode::bad_value);
        base_ = static_cast<std::uint64_t>(record.data[0] << 8U | record.data[1])
                << (record.type == kExtendedLinearAddress ? 16U : 4U);
        return {};
      case kStartSegmentAddress:
      case kStartLinearAddress:
        if (record.data.size() != 4) return fail(ErrorCode::bad_value);
        return {};
      default:
        return fail(ErrorCode::bad_value);
    }
  }
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }

  /// Errors: missing_field, too_long, duplicate.
  Result<Segment> finish(std::uint8_t fill, std::uint32_t limit) const {
    if (parts_.empty()) return fail(ErrorCode::missing_field);
    const std::uint64_t first = parts_.begin()->first;
    const std::uint64_t last = parts_.rbegin()->first + parts_.rbegin()->second.size();
    if (last - first > limit) return fail(ErrorCode::too_long);
    Segment segment{static_cast<std::uint32_t>(first), Octets(last - first, fill)};
    std::uint64_t end = first;
    for (const auto& [address, octets] : parts_) {
      if (address < end) return fail(ErrorCode::duplicate);
      std::ranges::copy(octets, segment.octets.begin() + static_cast<std::ptrdiff_t>(address - first));
      end = address + octets.size();
    }
    return segment;
  }

 private:
  Result<void> add(const Record& record) {
    if (record.data.empty()) return {};
    const std::uint64_t address = base_ + record.address;
    if (address + record.data.size() > std::uint64_t{1} << 32U) return fail(ErrorCode::too_long);
    if (last_ != nullptr && address == last_address_ + last_->size()) {
      last_->insert(last_->end(), record.data.begin(), record.data.end());
      return {};
    }
    const auto [part, is_new] = parts_.try_emplace(address, record.data);
    if (!is_new) return fail(ErrorCode::duplicate);
    last_ = &part->second;
    last_address_ = address;
    return {};
  }

  std::map<std::uint64_t, Octets> parts_;
  Octets* last_ = nullptr;
  std::uint64_t last_address_ = 0;
  std::uint64_t base_ = 0;
  bool at_end_ = false;
};

void append_record(std::uint16_t address, std::uint8_t type, Bytes data, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::uint8_t sum = 0;
  const auto put = [&](std::uint8_t octet) {
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 15U];
    sum = static_cast<std::uint8_t>(sum + octet);
  };
  out += ':';
  put(static_cast<std::uint8_t>(data.size()));
  put(static_cast<std::uint8_t>(address >> 8U));
  put(static_cast<std::uint8_t>(address));
  put(type);
  for (const std::uint8_t octet : data) put(octet);
  put(static_cast<std::uint8_t>(0U - sum));
  out += '\n';
}

}  // namespace

Result<Segment> read_intel_hex(std::string_view text, std::uint8_t fill, std::uint32_t limit) {
  Collector collector;
  std::size_t at = 0;
  while (at < text.size() && !collector.at_end()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    const auto offset = static_cast<std::uint32_t>(at);
    at = end + 1;
    if (line.empty()) continue;
    const auto record = read_record(line);
    if (!record) return fail(record.error().code, offset);
    if (const auto taken = collector.take(*record); !taken) return fail(taken.error().code, offset);
  }
  if (!collector.at_end()) return fail(ErrorCode::truncated, static_cast<std::uint32_t>(text.size()));
  return collector.finish(fill, limit);
}

void append_intel_hex(std::uint32_t address, Bytes octets, std::string& out) {
  std::optional<std::uint32_t> page;
  while (!octets.empty()) {
    if (page != address >> 16U) {
      page = address >> 16U;
      const std::uint8_t upper[] = {static_cast<std::uint8_t>(*page >> 8U), static_cast<std::uint8_t>(*page)};
      append_record(0, kExtendedLinearAddress, upper, out);
    }
    const std::size_t to_page_end = 0x10000U - (address & 0xffffU);
    const Bytes data = octets.first(std::min({octets.size(), kRecordData, to_page_end}));
    append_record(static_cast<std::uint16_t>(address), kData, data, out);
    address += static_cast<std::uint32_t>(data.size());
    octets = octets.subspan(data.size());
  }
}

void append_intel_hex_end(std::string& out) {
  append_record(0, kEnd, {}, out);
}

}  // namespace pedigree::signing
