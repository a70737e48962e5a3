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
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}{}Connection: {}\r\n\r\n",
                  response.status, std::string_view(reason(response.status)), response.type,
                  response.body.size(), kept ? "" : "Cache-Control: no-store\r\n", later ? kRetryAfter : "",
                  response.fields, keep_alive ? "keep-alive" : "close");
  out += response.body;
  return out;
}

}  // namespace pedigree::http
