// SPDX-License-Identifier: Apache-2.0
#include "server/http/json.h"

#include <fmt/format.h>

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

std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<std::uint8_t> out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const std::uint8_t value = kValues.at(static_cast<std::uint8_t>(c));
    if (value == 0xff) return std::nullopt;
    bits = (bits << 6U) | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::uint8_t>(bits >> count));
    bits &= (1U << count) - 1U;
  }
  if (bits != 0) return std::nullopt;  // bits that no octet takes must be zero (RFC 4648 3.5)
  return out;
}

std::string to_base64(Bytes octets) {
  std::string text;
  text.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t rest = std::min<std::size_t>(3, octets.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = (bits << 8U) | (j < rest ? octets[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(j <= rest ? kAlphabet[(bits >> (18U - 6U * j)) & 63U] : '=');
    }
  }
  return text;
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

Response error_response(ErrorCode code, std::string_view detail) {
  const boost::json::object body{{"error", name(code)},
                                 {"code", static_cast<std::uint16_t>(code)},
                                 {"message", sentence(code)},
                                 {"detail", detail}};
  return {status_of(code), "application/json", boost::json::serialize(body)};
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
