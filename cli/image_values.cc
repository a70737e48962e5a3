// SPDX-License-Identifier: Apache-2.0
#include "cli/image_values.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/files.h"
#include "crypto/openssl/name_uuid.h"

namespace pedigree::cli {
namespace {

/// A decimal number without leading zeros at the start of `text`, which is then removed.
std::optional<std::uint32_t> take_decimal(std::string_view& text, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || value > most || (length > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

/// The digits of a UUID without hyphens; empty where it is no UUID.
std::string uuid_digits(std::string_view text) {
  std::string digits(text);
  if (text.size() == 36) {
    for (const std::size_t at : {23U, 18U, 13U, 8U}) {
      if (digits[at] != '-') return {};
      digits.erase(at, 1);
    }
  }
  return digits.size() == 32 ? digits : std::string();
}

std::string ids_text(Bytes list) {
  std::string text;
  image::for_each_id(list, [&](Bytes octets) {
    image::Uuid id{};
    std::copy(octets.begin(), octets.end(), id.begin());
    text += (text.empty() ? "" : ", ") + uuid_text(id);
  });
  return text;
}

}  // namespace

std::optional<image::Version> parse_version(std::string_view text) {
  image::Version version;
  const auto major = take_decimal(text, 0xff);
  if (!major) return std::nullopt;
  version.major = static_cast<std::uint8_t>(*major);
  if (text.empty()) return version;
  const auto minor = take(text, '.') ? take_decimal(text, 0xff) : std::nullopt;
  if (!minor) return std::nullopt;
  version.minor = static_cast<std::uint8_t>(*minor);
  if (text.empty()) return version;
  const auto revision = take(text, '.') ? take_decimal(text, 0xffff) : std::nullopt;
  if (!revision) return std::nullopt;
  version.revision = static_cast<std::uint16_t>(*revision);
  if (text.empty()) return version;
  const auto build = take(text, '+') ? take_decimal(text, 0xffffffff) : std::nullopt;
  if (!build || !text.empty()) return std::nullopt;
  version.build = *build;
  return version;
}

std::string version_text(const image::Version& version) {
  std::array<std::uint8_t, 32> buffer{};
  Writer out(buffer);
  image::print_version(version, out);
  return std::string(as_text(out.written()));
}

std::optional<image::Uuid> parse_uuid(std::string_view text, const std::optional<image::Uuid>& name_space) {
  if (const std::string digits = uuid_digits(text); !digits.empty()) {
    if (const auto octets = from_hex(digits)) {
      image::Uuid id{};
      std::copy(octets->begin(), octets->end(), id.begin());
      return id;
    }
  }
  const bool printable_ascii = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (!name_space || text.empty() || !printable_ascii) return std::nullopt;
  const auto id = crypto::name_uuid(*name_space, text);
  return id ? std::optional(*id) : std::nullopt;
}

image::Uuid vendor_name_space() {
  return crypto::kDnsNamespace;
}

std::string uuid_text(const image::Uuid& id) {
  std::string text = to_hex(id);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.size() > 2 && text[0] == '0') {
    const char kind = text[1];
    base = kind == 'x' || kind == 'X'   ? 16
           : kind == 'o' || kind == 'O' ? 8
           : kind == 'b' || kind == 'B' ? 2
                                        : 10;
    if (base != 10) text.remove_prefix(2);
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_counter(std::string_view text, const image::Version& version) {
  if (text != "auto") return parse_number(text);
  return std::uint32_t{version.major} << 24U | std::uint32_t{version.minor} << 16U | version.revision;
}

std::optional<std::vector<signing::Dependency>> parse_dependencies(std::string_view text) {
  std::vector<signing::Dependency> found;
  while (true) {
    skip_blanks(text);
    if (!take(text, '(')) return std::nullopt;
    skip_blanks(text);
    const auto index = take_decimal(text, 0xff);
    skip_blanks(text);
    if (!index || !take(text, ',')) return std::nullopt;
    skip_blanks(text);
    const std::size_t end = text.find(')');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view word = text.substr(0, end);
    while (word.ends_with(' ')) word.remove_suffix(1);
    const auto minimum = parse_version(word);
    if (!minimum) return std::nullopt;
    found.push_back({static_cast<std::uint8_t>(*index), *minimum});
    text.remove_prefix(end + 1);
    skip_blanks(text);
    if (text.empty()) return found;
    if (!take(text, ',')) return std::nullopt;
  }
}

std::string limits_text(const image::Limits& limits) {
  std::vector<std::string> parts;
  if (!limits.vendors.empty()) parts.push_back("vendor " + ids_text(limits.vendors));
  if (!limits.classes.empty()) parts.push_back("class " + ids_text(limits.classes));
  if (limits.minimum && limits.maximum) {
    parts.push_back("versions " + version_text(*limits.minimum) + " to " + version_text(*limits.maximum));
  } else if (limits.minimum) {
    parts.push_back("versions from " + version_text(*limits.minimum));
  } else if (limits.maximum) {
    parts.push_back("versions to " + version_text(*limits.maximum));
  }
  return parts.empty() ? "any product" : fmt::format("{}", fmt::join(parts, "; "));
}

std::string offset_text(std::uint32_t offset) {
  return fmt::format("{:#x} ({})", offset, offset);
}

std::string tlv_text(image::TlvType type) {
  const std::string_view name = image::name(type);
  return name.empty() ? fmt::format("{:#06x}", static_cast<std::uint16_t>(type)) : std::string(name);
}

}  // namespace pedigree::cli
