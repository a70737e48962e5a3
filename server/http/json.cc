// SPDX-License-Identifier: Apache-2.0
#include "server/http/json.h"

#include <fmt/format.h>
#include <cctype>
#include <charconv>

namespace pedigree::http {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xff);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

std::optional<std::size_t> decode_base64(std::string_view text, MutableBytes out) {
  if (text.size() % 4 != 0 || out.size() < text.size() / 4 * 3) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const auto value_at = [&](std::size_t at) {
    return std::uint32_t{kValues[static_cast<std::uint8_t>(text[at])]};  // NOLINT: 256 values
  };
  std::size_t size = 0;
  const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
  for (std::size_t at = 0; at < whole; at += 4) {
    const std::uint32_t a = value_at(at);
    const std::uint32_t b = value_at(at + 1);
    const std::uint32_t c = value_at(at + 2);
    const std::uint32_t d = value_at(at + 3);
    if (((a | b | c | d) & 0x80U) != 0) return std::nullopt;
    const std::uint32_t bits = (a << 18U) | (b << 12U) | (c << 6U) | d;
    out[size++] = static_cast<std::uint8_t>(bits >> 16U);
    out[size++] = static_cast<std::uint8_t>(bits >> 8U);
    out[size++] = static_cast<std::uint8_t>(bits);
  }
  if (padding == 0) return size;
  const std::uint32_t a = value_at(whole);
  const std::uint32_t b = value_at(whole + 1);
  const std::uint32_t c = padding == 1 ? value_at(whole + 2) : 0;
  if (((a | b | c) & 0x80U) != 0) return std::nullopt;
  const std::uint32_t bits = (a << 18U) | (b << 12U) | (c << 6U);
  // Bits that no octet takes must be zero (RFC 4648 3.5).
  if ((bits & (padding == 1 ? 0xffU : 0xffffU)) != 0) return std::nullopt;
  out[size++] = static_cast<std::uint8_t>(bits >> 16U);
  if (padding == 1) out[size++] = static_cast<std::uint8_t>(bits >> 8U);
  return size;
}

std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
  std::vector<std::uint8_t> out(text.size() / 4 * 3);
  const auto size = decode_base64(text, out);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

std::string to_base64(Bytes octets) {
  std::string text((octets.size() + 2) / 3 * 4, '=');
  char* out = text.data();
  const auto put = [&out](std::uint32_t bits, unsigned characters) {
    for (unsigned i = 0; i < characters; ++i) *out++ = kAlphabet[(bits >> (18U - 6U * i)) & 63U];
  };
  std::size_t at = 0;
  for (; at + 3 <= octets.size(); at += 3) {
    put(std::uint32_t{octets[at]} << 16U | std::uint32_t{octets[at + 1]} << 8U | octets[at + 2], 4);
  }
  if (octets.size() - at == 1) put(std::uint32_t{octets[at]} << 16U, 2);
  if (octets.size() - at == 2) put(std::uint32_t{octets[at]} << 16U | std::uint32_t{octets[at + 1]} << 8U, 3);
  return text;
}

std::string_view query_parameter(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=')
      return pair.substr(key.size() + 1);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

std::optional<std::string> query_text(std::string_view query, std::string_view key) {
  const std::string_view encoded = query_parameter(query, key);
  std::string text;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      text += encoded[i] == '+' ? ' ' : encoded[i];
      continue;
    }
    unsigned octet = 0;
    const std::string_view digits = encoded.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), octet, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) return std::nullopt;
    text += static_cast<char>(octet);
    i += 2;
  }
  return text;
}

std::string encode_query_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (std::isalnum(octet) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
      continue;
    }
    encoded += '%';
    encoded += kDigits[octet >> 4U];
    encoded += kDigits[octet & 15U];
  }
  return encoded;
}

unsigned status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::not_authorised:
    case ErrorCode::unknown_device:
    case ErrorCode::device_suspended:
    case ErrorCode::device_revoked:
    case ErrorCode::revoked:
    case ErrorCode::retired:
    case ErrorCode::issuer_revoked:
    case ErrorCode::test_key:
    case ErrorCode::fixed_entropy:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::duplicate_key:
    case ErrorCode::second_key:
    case ErrorCode::wrong_state:
      return 409;
    case ErrorCode::frame_too_large:
      return 413;
    case ErrorCode::bad_nonce:
    case ErrorCode::bad_receipt:
    case ErrorCode::evidence_required:
    case ErrorCode::evidence_refused:
    case ErrorCode::token_request_refused:
    case ErrorCode::unknown_profile:
    case ErrorCode::unknown_issuer:
    case ErrorCode::wrong_key_type:
    case ErrorCode::unsupported_algorithm:
    case ErrorCode::invalid_key:
    case ErrorCode::invalid_signature:
      return 422;
    case ErrorCode::database_failure:
    case ErrorCode::key_not_found:
    case ErrorCode::timeout:
      return 503;
    case ErrorCode::crypto_failure:
    case ErrorCode::no_entropy:
    case ErrorCode::buffer_too_small:
      return 500;
    default:
      return 400;
  }
}

boost::json::object error_object(ErrorCode code, std::string_view detail) {
  return {{"error", name(code)},
          {"code", static_cast<std::uint16_t>(code)},
          {"message", sentence(code)},
          {"detail", detail}};
}

Response error_response(ErrorCode code, std::string_view detail) {
  Response response{status_of(code), "application/json", boost::json::serialize(error_object(code, detail))};
  response.reason = name(code);
  return response;
}

Response json_response(const boost::json::value& value) {
  return {200, "application/json", boost::json::serialize(value)};
}

Body::Body(std::string_view text) : resource_(memory_.data(), memory_.size()) {
  boost::json::error_code error;
  value_ = boost::json::parse(text, error, boost::json::storage_ptr(&resource_));
  if (error) {
    wrong("the body is not well-formed JSON: " + error.message());
    return;
  }
  object_ = value_.if_object();
  if (object_ == nullptr) wrong("the body must be a JSON object");
}

void Body::wrong(std::string what) {
  if (fault_.empty()) fault_ = std::move(what);
}

std::string_view Body::text(std::string_view key) {
  if (object_ == nullptr) return {};
  const boost::json::value* value = object_->if_contains(key);
  const boost::json::string* string = value == nullptr ? nullptr : value->if_string();
  if (string == nullptr) {
    wrong(fmt::format("\"{}\" is required, as a text", key));
    return {};
  }
  return *string;
}

std::string_view Body::optional_text(std::string_view key) {
  if (object_ == nullptr || !object_->contains(key)) return {};
  return text(key);
}

registry::DeviceId Body::device(std::string_view key) {
  const auto id = registry::parse_device_id(text(key));
  if (!id) wrong(fmt::format("\"{}\" must be a device id: 66 lower-case hex digits that begin with 01", key));
  return id.value_or(registry::DeviceId{});
}

registry::Serial Body::serial(std::string_view key) {
  const auto serial = registry::parse_serial(text(key));
  if (!serial) wrong(fmt::format("\"{}\" must be a serial number: 32 lower-case hex digits", key));
  return serial.value_or(registry::Serial{});
}

authority::Nonce Body::nonce(std::string_view key) {
  authority::Nonce nonce{};
  if (!registry::unhex(text(key), nonce)) wrong(fmt::format("\"{}\" must be 64 lower-case hex digits", key));
  return nonce;
}

std::int64_t Body::number(std::string_view key, std::int64_t least, std::int64_t most) {
  const boost::json::value* value = object_ == nullptr ? nullptr : object_->if_contains(key);
  const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
  if (number != nullptr && *number >= least && *number <= most) return *number;
  wrong(fmt::format("\"{}\" must be a whole number from {} to {}", key, least, most));
  return least;
}

std::vector<std::uint8_t> Body::octets(std::string_view key) {
  auto octets = from_base64(text(key));
  if (!octets || octets->empty()) wrong(fmt::format("\"{}\" must be base64", key));
  return octets.value_or(std::vector<std::uint8_t>{});
}

const boost::json::array* Body::array(std::string_view key) {
  const boost::json::value* value = object_ == nullptr ? nullptr : object_->if_contains(key);
  const boost::json::array* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr) wrong(fmt::format("\"{}\" is required, as a list", key));
  return array;
}

}  // namespace pedigree::http
