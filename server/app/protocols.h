// SPDX-License-Identifier: Apache-2.0
// The protocols beside /v1 that an authority's configuration turns on, put together.
#pragma once

#include "server/app/directory.h"
#include "server/http/api.h"
#include "server/http/server.h"

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
  /// What the protocols are put together from; all is borrowed.
  struct Wanted {
    const Directory& directory;
    registry::Store& store;
    http::Api& api;
    std::function<der::UnixTime()> clock;
    /// Grows with every change of trust in the registry.
    std::function<std::uint64_t()> generation;
  };
  explicit Protocols(Wanted wanted);
  Protocols(const Protocols&) = delete;
  Protocols& operator=(const Protocols&) = delete;
  ~Protocols();

  /// What the listener of /v1 asks.
  [[nodiscard]] http::Handler& handler() noexcept;
  /// Starts the listeners of their own. Errors: those of Server::start.
  [[nodiscard]] Answer<void> listen(unsigned threads);
  /// Answers what is being worked on, and accepts no more. Stop the store after this, and destroy this last.
  void stop();
  /// What is on; `url`: of the listener of /v1.
  [[nodiscard]] std::vector<ServedProtocol> served(const std::string& url) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace pedigree::app
