// SPDX-License-Identifier: Apache-2.0
// JSON and base64 of /v1.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "authority/refusal.h"
#include "server/http/api.h"

namespace pedigree::http {

/// Standard base64 with padding, nothing else in it, into `out`, which holds 3 octets for each 4 characters.
/// Gives the octets written; empty optional: malformed, or `out` is too small.
[[nodiscard]] std::optional<std::size_t> decode_base64(std::string_view text, MutableBytes out);
/// The same into a buffer of its own.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);
[[nodiscard]] std::string to_base64(Bytes octets);

/// The value of one query parameter; empty if absent. Values here are plain words, digits and hex.
[[nodiscard]] std::string_view query_parameter(std::string_view query, std::string_view key);

/// The same where it may be any text: percent-encoded (RFC 3986 2.1), and '+' is a blank. Empty optional: the
/// encoding is not well-formed.
[[nodiscard]] std::optional<std::string> query_text(std::string_view query, std::string_view key);
/// A text so encoded.
[[nodiscard]] std::string encode_query_text(std::string_view text);

/// The HTTP status that an error is answered with.
[[nodiscard]] unsigned status_of(ErrorCode code) noexcept;
/// {"error","code","message","detail"}: the body of error_response.
[[nodiscard]] boost::json::object error_object(ErrorCode code, std::string_view detail);
[[nodiscard]] Response json_response(const boost::json::value& value);

/// A request body: an object whose members are read by name; the first fault is kept as a sentence.
class Body {
 public:
  explicit Body(std::string_view text);
  /// Empty: all that was asked for was there and well-formed.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  [[nodiscard]] std::string_view text(std::string_view key);
  [[nodiscard]] std::string_view optional_text(std::string_view key);
  [[nodiscard]] registry::DeviceId device(std::string_view key);
  [[nodiscard]] registry::Serial serial(std::string_view key);
  [[nodiscard]] authority::Nonce nonce(std::string_view key);
  /// A whole number from `least` to `most`.
  [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t least, std::int64_t most);
  [[nodiscard]] std::vector<std::uint8_t> octets(std::string_view key);
  [[nodiscard]] const boost::json::array* array(std::string_view key);
  void wrong(std::string what);

 private:
  std::array<unsigned char, 4096> memory_;
  boost::json::monotonic_resource resource_;
  boost::json::value value_;
  const boost::json::object* object_ = nullptr;
  std::string fault_;
};

}  // namespace pedigree::http
