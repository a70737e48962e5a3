// SPDX-License-Identifier: Apache-2.0
// The protocols beside /v1 that an authority's configuration turns on, put together.
#pragma once

#include "server/app/directory.h"
#include "server/http/api.h"
#include "server/http/server.h"
#include "server/protocols/gateway.h"
#include "server/protocols/liteboot.h"

namespace pedigree::app {

/// A protocol that is served, for people: its name and where.
struct ServedProtocol {
  std::string name;
  std::string where;
};

/// HOST:PORT, where an IPv6 address stands in brackets. False: it is not that.
[[nodiscard]] bool parse_listen(std::string_view text, std::string& host, std::uint16_t& port);

class Protocols {
 public:
  /// Borrows all. Errors: bad_configuration.
  static Answer<std::unique_ptr<Protocols>> make(const Directory& directory, registry::Store& store,
                                                 http::Api& api, std::function<der::UnixTime()> clock);
  Protocols(const Protocols&) = delete;
  Protocols& operator=(const Protocols&) = delete;
  ~Protocols();

  /// What the listener of /v1 asks.
  [[nodiscard]] http::Handler& handler() noexcept { return main_; }
  /// Starts the listeners of their own. Errors: those of Server::start.
  [[nodiscard]] Answer<void> listen(unsigned threads);
  /// Answers what is being worked on, and accepts no more. Stop the store after this, and destroy this last.
  void stop();
  /// What is on; `url`: of the listener of /v1.
  [[nodiscard]] std::vector<ServedProtocol> served(const std::string& url) const;

 private:
  Protocols(const Directory& directory, registry::Store& store, http::Api& api,
            std::function<der::UnixTime()> clock);

  const Directory& directory_;
  protocols::Enrolment enrolment_;
  protocols::Est est_;
  protocols::Liteboot liteboot_;
  protocols::Gateway main_;
  std::unique_ptr<http::Server> liteboot_server_;
};

}  // namespace pedigree::app
