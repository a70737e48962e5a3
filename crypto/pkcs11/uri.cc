// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11/uri.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <array>
#include <optional>

namespace pedigree::pkcs11 {
namespace {

constexpr std::string_view kScheme = "pkcs11:";

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

/// A value without its %-escapes (RFC 3986 2.1).
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  return out;
}

bool is_of_object(std::string_view attribute) {
  const std::string_view name = attribute.substr(0, attribute.find('='));
  return name == "object" || name == "id" || name == "type" || name == "object-type";
}

/// The attributes of the path, escaped as they stand.
std::vector<std::string_view> path_attributes(std::string_view object) {
  std::vector<std::string_view> list;
  std::string_view rest = object.substr(kScheme.size());
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    list.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return list;
}

std::string path_value(std::string_view object, std::string_view name) {
  for (const std::string_view attribute : path_attributes(object)) {
    if (attribute.size() > name.size() && attribute.starts_with(name) && attribute[name.size()] == '=') {
      return unescape(attribute.substr(name.size() + 1)).value_or(std::string());
    }
  }
  return {};
}

}  // namespace

std::string escape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[octet >> 4U];
      out += kDigits[octet & 15U];
    }
  }
  return out;
}

bool is_uri(std::string_view text) noexcept {
  return text.starts_with(kScheme);
}

Result<Uri> Uri::parse(std::string_view text) {
  if (!is_uri(text)) return fail(ErrorCode::bad_value);
  const std::size_t question = std::min(text.find('?'), text.size());
  Uri uri;
  uri.object_ = text.substr(0, question);
  uri.query_ = text.substr(question);
  // An attribute of that name among those of the path is no better hidden.
  if (uri.object_.find("pin-value") != std::string::npos) return fail(ErrorCode::bad_value);
  std::string_view query = text.substr(std::min(question + 1, text.size()));
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view attribute = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(attribute.find('='), attribute.size());
    const auto value = unescape(attribute.substr(std::min(equals + 1, attribute.size())));
    const std::string_view name = attribute.substr(0, equals);
    if (!value || value->empty()) return fail(ErrorCode::bad_value);
    if (name == "module-path") {
      uri.module_path_ = *value;
    } else if (name == "pin-source") {
      uri.pin_source_ = value->starts_with("file:") ? value->substr(5) : *value;
    } else {
      return fail(ErrorCode::bad_value);
    }
  }
  uri.parsed_ = std::shared_ptr<p11_kit_uri>(p11_kit_uri_new(), p11_kit_uri_free);
  if (!uri.parsed_ || p11_kit_uri_parse(uri.object_.c_str(), P11_KIT_URI_FOR_OBJECT_ON_TOKEN,
                                        uri.parsed_.get()) != P11_KIT_URI_OK) {
    return fail(ErrorCode::bad_value);
  }
  return uri;
}

std::string Uri::label() const {
  return path_value(object_, "object");
}

std::string Uri::token_label() const {
  return path_value(object_, "token");
}

std::string Uri::token_part() const {
  std::string part = module_path_ + "|";
  for (const std::string_view attribute : path_attributes(object_)) {
    if (!is_of_object(attribute)) part.append(attribute).append(";");
  }
  return part;
}

std::string Uri::with_object(std::string_view label) const {
  std::string text(kScheme);
  for (const std::string_view attribute : path_attributes(object_)) {
    if (!is_of_object(attribute)) text.append(attribute).append(";");
  }
  return text + "object=" + escape(label) + query_;
}

}  // namespace pedigree::pkcs11
