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
    observe::AuthorityMetrics* metrics = nullptr;
  };
  explicit Protocols(Wanted wanted);
  Protocols(const Protocols&) = delete;
  Protocols& operator=(const Protocols&) = delete;
  ~Protocols();

  /// What the listener of /v1 asks.
  [[nodiscard]] http::Handler& handler() noexcept;
  /// What the listener of plain HTTP asks, and that of lite_bootstrap_server's API.
  [[nodiscard]] http::Handler& plain() noexcept;
  [[nodiscard]] http::Handler& liteboot() noexcept;
  /// Takes over the keys that answer in intermediates' names, where those are the same. Before begin.
  void take_delegates_from(Protocols& old);
  /// Begins with what is done ahead, on a thread of its own, and ends it.
  void begin();
  void stop();
  /// Ends what waits for a token; nobody may ask any more.
  void drain();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace pedigree::app
