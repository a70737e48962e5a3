// SPDX-License-Identifier: Apache-2.0
// A pool of kept-alive HTTPS connections to one server, for blocking callers. Internal to station/link.
#pragma once

#include <memory>
#include <string>

#include "station/link/authority_client.h"

namespace pedigree::station {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

class HttpPool {
 public:
  virtual ~HttpPool() = default;
  /// POST of JSON, or GET where `body` is empty; tried again at once when a kept-alive connection turns out
  /// to be closed. Failures: connection_failed, timeout; not_authorised and untrusted_root where TLS says so.
  [[nodiscard]] virtual Outcome<HttpAnswer> ask(const std::string& path, const std::string& body) = 0;
};

/// Failures: bad_value (URL), io_failure (files).
[[nodiscard]] Outcome<std::unique_ptr<HttpPool>> open_http_pool(Loop& loop, const AuthorityOptions& options);

}  // namespace pedigree::station
