// SPDX-License-Identifier: Apache-2.0
#include "cli/allow_list.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "authority/text.h"
#include "registry/listing.h"

namespace pedigree::cli {
namespace {

using Fault = std::unexpected<std::string>;

constexpr std::array<std::string_view, 5> kColumns{"device", "profiles", "batch", "product", "label"};

/// The fields of a line of CSV.
std::expected<std::vector<std::string>, std::string> split(std::string_view line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;;) {
    std::string& field = fields.emplace_back();
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at == line.size()) return Fault("a quoted field does not end");
        if (line[at] != '"') {
          field += line[at];
        } else if (at + 1 < line.size() && line[at + 1] == '"') {
          field += line[++at];
        } else {
          break;
        }
      }
      ++at;
      if (at < line.size() && line[at] != ',') return Fault("there is text behind a quoted field");
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      field = line.substr(at, end - at);
      if (field.find('"') != std::string::npos) return Fault("a quotation mark stands inside a field");
      at = end;
    }
    if (at == line.size()) return fields;
    ++at;
  }
}

/// Adds names to a comma-separated list; empty: one is no profile's name.
bool add_profiles(std::string_view text, std::string& profiles) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ;"), text.size());
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) continue;
    if (!authority::is_name(name)) return false;
    if (!profiles.empty()) profiles += ',';
    profiles += name;
  }
  return true;
}

std::expected<void, std::string> set(AllowListLine& line, std::string_view column, std::string_view value) {
  using registry::is_plain_text;
  if (column == "device") {
    const auto device = registry::parse_device_name(value);
    if (!device) return Fault("the device is neither an id of 66 hex digits that begins with 01 nor a UUID");
    line.device.device = *device;
  } else if (column == "profiles") {
    if (!add_profiles(value, line.device.profiles) ||
        line.device.profiles.size() > registry::kMaxProfilesText) {
      return Fault("the profiles are not names of profiles");
    }
  } else if (column == "batch") {
    if (!is_plain_text(value, registry::kMaxBatchName)) {
      return Fault("the batch is longer than 64 octets, or not plain text in UTF-8");
    }
    if (!value.empty()) line.batch = value;
  } else {
    if (!is_plain_text(value, registry::kMaxListingText)) {
      return Fault("the " + std::string(column) + " is longer than 128 octets, or not plain text in UTF-8");
    }
    (column == "product" ? line.device.product : line.device.label) = value;
  }
  return {};
}

}  // namespace

std::expected<std::optional<AllowListLine>, std::string> AllowListReader::read(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > kMaxAllowListLine) return Fault("the line is longer than 4096 octets");
  if (line.empty()) return std::nullopt;
  if (form_ == Form::unknown) {
    if (!line.starts_with('{')) {
      if (const auto header = read_header(line); !header) return Fault(header.error());
      form_ = Form::csv;
      return std::nullopt;
    }
    form_ = Form::json;
  }
  auto read = form_ == Form::csv ? read_csv(line) : read_json(line);
  if (!read) return Fault(read.error());
  return *std::move(read);
}

std::expected<void, std::string> AllowListReader::read_header(std::string_view line) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";  // some programs begin UTF-8 with it
  if (line.starts_with(kMark)) line.remove_prefix(kMark.size());
  auto columns = split(line);
  if (!columns) return Fault(columns.error());
  columns_ = *std::move(columns);
  for (const std::string& column : columns_) {
    if (std::ranges::find(kColumns, column) == kColumns.end() || std::ranges::count(columns_, column) > 1) {
      return Fault("the header may name device, profiles, batch, product and label, each once, and not \"" +
                   column.substr(0, 64) + "\"");
    }
  }
  if (std::ranges::find(columns_, "device") == columns_.end())
    return Fault("the header names no column device");
  return {};
}

std::expected<AllowListLine, std::string> AllowListReader::read_csv(std::string_view text) const {
  const auto fields = split(text);
  if (!fields) return Fault(fields.error());
  if (fields->size() != columns_.size()) {
    return Fault("there are " + std::to_string(fields->size()) + " fields, and the header names " +
                 std::to_string(columns_.size()));
  }
  AllowListLine line{{}, batch_};
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (const auto taken = set(line, columns_[i], (*fields)[i]); !taken) return Fault(taken.error());
  }
  return line;
}

std::expected<AllowListLine, std::string> AllowListReader::read_json(std::string_view text) const {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  const boost::json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return Fault("the line is no JSON object");
  if (!object->contains("device")) return Fault("there is no member device");
  AllowListLine line{{}, batch_};
  for (const auto& [key, member] : *object) {
    const std::string_view name = key;
    if (std::ranges::find(kColumns, name) == kColumns.end()) {
      return Fault("a member is none of device, profiles, batch, product and label");
    }
    std::string joined;
    if (const auto* list = member.if_array(); list != nullptr && name == "profiles") {
      for (const auto& one : *list) {
        if (!one.is_string()) return Fault("profiles must be a text or a list of texts");
        joined += joined.empty() ? "" : " ";
        joined += std::string_view(one.get_string());
      }
    } else if (member.is_string()) {
      joined = std::string_view(member.get_string());
    } else {
      return Fault("the member " + std::string(name) + " must be a text");
    }
    if (const auto taken = set(line, name, joined); !taken) return Fault(taken.error());
  }
  return line;
}

}  // namespace pedigree::cli
