// SPDX-License-Identifier: Apache-2.0
// Stands before several servers on TCP as a load balancer does: each connection goes to the next one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace pedigree::testing {

class RoundRobin {
 public:
  /// The servers' ports on 127.0.0.1. Throws std::runtime_error where there is no socket.
  explicit RoundRobin(std::vector<std::uint16_t> servers);
  /// Cuts what is still connected.
  ~RoundRobin();
  RoundRobin(const RoundRobin&) = delete;
  RoundRobin& operator=(const RoundRobin&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Connections that this server had so far.
  [[nodiscard]] unsigned taken(std::size_t server) const noexcept { return taken_[server]; }

 private:
  using Pair = std::pair<int, int>;  // a client's socket, and its server's
  void run();
  void accept_one(std::vector<Pair>& pairs);
  static bool pass_on(int from, int to);

  std::vector<std::uint16_t> servers_;
  std::unique_ptr<std::atomic<unsigned>[]> taken_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
  std::thread thread_;  // last: it uses the others
};

}  // namespace pedigree::testing
