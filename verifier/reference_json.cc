// SPDX-License-Identifier: Apache-2.0
// Reference values as JSON; docs/formats.md has the keys.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "verifier/reference.h"

namespace pedigree::verifier {
namespace {

namespace json = boost::json;
using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kMaxImplementations = 100000;
constexpr std::size_t kMaxComponents = 1000;  // of one implementation

/// Reads a document; the first fault ends it.
class JsonReader {
 public:
  std::vector<ReferenceImplementation> read(const json::value& document) {
    const json::object* whole = object(document, "the document", {"version", "implementations"});
    if (whole == nullptr) return {};
    const json::value* version = whole->if_contains("version");
    if (version == nullptr || !version->is_int64() || version->get_int64() != 1) {
      fault(ErrorCode::unsupported_version, "\"version\" must be 1");
      return {};
    }
    std::vector<ReferenceImplementation> read;
    const json::array* list = array(*whole, "implementations", kMaxImplementations);
    for (std::size_t i = 0; list != nullptr && i < list->size() && !error; ++i) {
      read.push_back(implementation((*list)[i], fmt::format("implementations[{}]", i)));
    }
    return read;
  }

  std::optional<ReferenceError> error;

 private:
  void fault(ErrorCode code, std::string what) {
    if (!error) error = ReferenceError{code, 0, std::move(what)};
  }

  const json::object* object(const json::value& value, std::string_view where,
                             std::initializer_list<std::string_view> keys) {
    const json::object* found = value.if_object();
    if (found == nullptr) {
      fault(ErrorCode::bad_value, fmt::format("{} is no object", where));
      return nullptr;
    }
    for (const auto& [key, ignored] : *found) {
      if (std::ranges::find(keys, std::string_view(key)) == keys.end()) {
        fault(ErrorCode::unknown_field,
              fmt::format("{} has the unknown key \"{}\"", where, std::string_view(key)));
        return nullptr;
      }
    }
    return found;
  }

  const json::array* array(const json::object& in, std::string_view key, std::size_t limit) {
    const json::value* value = in.if_contains(key);
    const json::array* found = value == nullptr ? nullptr : value->if_array();
    if (found == nullptr) {
      fault(ErrorCode::missing_field, fmt::format("\"{}\" must be an array", key));
    } else if (found->size() > limit) {
      fault(ErrorCode::too_many, fmt::format("\"{}\" has more than {} elements", key, limit));
      return nullptr;
    }
    return found;
  }

  std::string text(const json::object& in, std::string_view key, std::string_view where) {
    const json::value* value = in.if_contains(key);
    if (value == nullptr) return {};
    if (!value->is_string() || value->get_string().empty()) {
      fault(ErrorCode::bad_value, fmt::format("{}: \"{}\" must be text that is not empty", where, key));
      return {};
    }
    return std::string(value->get_string());
  }

  Octets octets(const json::object& in, std::string_view key, std::string_view where,
                std::initializer_list<std::size_t> sizes) {
    const std::string digits = text(in, key, where);
    if (digits.empty()) return {};
    Octets value;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
      const int high = nibble(digits[i]);
      const int low = nibble(digits[i + 1]);
      if (high < 0 || low < 0) break;
      value.push_back(static_cast<std::uint8_t>(16 * high + low));
    }
    if (2 * value.size() != digits.size() || std::ranges::find(sizes, value.size()) == sizes.end()) {
      fault(ErrorCode::bad_value,
            fmt::format("{}: \"{}\" must be hex of {} octets", where, key, fmt::join(sizes, ", ")));
    }
    return value;
  }

  static int nibble(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
  }

  ReferenceComponent component(const json::value& value, const std::string& where) {
    ReferenceComponent read;
    const json::object* found = object(
        value, where, {"measurement_type", "measurement_value", "version", "min_version", "signer_id"});
    if (found == nullptr) return read;
    read.measurement_type = text(*found, "measurement_type", where);
    read.measurement_value = octets(*found, "measurement_value", where, {32, 48, 64});
    read.version = text(*found, "version", where);
    read.min_version = text(*found, "min_version", where);
    read.signer_id = octets(*found, "signer_id", where, {32, 48, 64});
    if (!read.min_version.empty() && !is_dotted(read.min_version)) {
      fault(ErrorCode::bad_value, fmt::format("{}: \"min_version\" must be numbers with dots", where));
    }
    // A component that says nothing would allow any software.
    if (read.measurement_value.empty() && read.version.empty() && read.min_version.empty() &&
        read.signer_id.empty()) {
      fault(ErrorCode::missing_field,
            fmt::format("{}: give a value, a version, a min_version or a signer_id", where));
    }
    return read;
  }

  ReferenceImplementation implementation(const json::value& value, const std::string& where) {
    ReferenceImplementation read;
    const json::object* found = object(value, where, {"implementation_id", "vendor", "model", "components"});
    if (found == nullptr) return read;
    const Octets id = octets(*found, "implementation_id", where, {read.implementation_id.size()});
    if (id.size() == read.implementation_id.size()) {
      std::ranges::copy(id, read.implementation_id.begin());
    } else {
      fault(ErrorCode::missing_field, fmt::format("{}: \"implementation_id\" is missing", where));
    }
    read.vendor = text(*found, "vendor", where);
    read.model = text(*found, "model", where);
    const json::array* list = array(*found, "components", kMaxComponents);
    for (std::size_t i = 0; list != nullptr && i < list->size() && !error; ++i) {
      read.components.push_back(component((*list)[i], fmt::format("{}.components[{}]", where, i)));
    }
    return read;
  }
};

}  // namespace

std::expected<void, ReferenceError> read_reference_json(std::string_view text, ReferenceValues& values) {
  json::stream_parser parser;
  json::error_code failed;
  const std::size_t used = parser.write_some(text.data(), text.size(), failed);
  if (!failed && used == text.size()) parser.finish(failed);
  if (failed || used != text.size()) {
    return std::unexpected(ReferenceError{
        failed ? ErrorCode::bad_value : ErrorCode::trailing_data, static_cast<std::uint32_t>(used),
        failed ? "not well-formed JSON: " + failed.message() : "there is more after the JSON document"});
  }
  JsonReader reader;
  std::vector<ReferenceImplementation> read = reader.read(parser.release());
  if (reader.error) return std::unexpected(*reader.error);
  for (ReferenceImplementation& one : read) values.add(std::move(one));
  return {};
}

}  // namespace pedigree::verifier
