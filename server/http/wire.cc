// SPDX-License-Identifier: Apache-2.0
#include "server/http/wire.h"

#include <fmt/format.h>

#include <boost/beast/http/status.hpp>

namespace pedigree::http {
namespace {

std::string_view reason(unsigned status) {
  return boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
}

/// What fails for a while, a database or a token, is found again in seconds.
constexpr std::string_view kRetryAfter = "Retry-After: 5\r\n";

}  // namespace

std::string serialize(const Response& response, bool keep_alive) {
  const bool kept = response.fields.find("Cache-Control:") != std::string::npos;
  const bool later = response.status == 503 && response.fields.find("Retry-After:") == std::string::npos;
  // A 304 has no content, and the length would be that of the 200 (RFC 9110 8.6).
  const std::size_t size = response.shared ? response.shared->size() : response.body.size();
  const std::string length = response.status == 304 ? "" : fmt::format("Content-Length: {}\r\n", size);
  std::string out = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}{}{}{}Connection: {}\r\n\r\n",
                                response.status, std::string_view(reason(response.status)), response.type,
                                length, kept ? "" : "Cache-Control: no-store\r\n", later ? kRetryAfter : "",
                                response.fields, keep_alive ? "keep-alive" : "close");
  out += response.body;
  return out;
}

}  // namespace pedigree::http
