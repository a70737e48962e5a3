// SPDX-License-Identifier: Apache-2.0
// How many connections a listener has, in all and from each client address.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "server/http/server.h"

namespace pedigree::http {

/// `wanted`, or as many as the process may have files, some of which are left to the database and the rest.
[[nodiscard]] ConnectionLimits connections_allowed(const ConnectionLimits& wanted);

/// Both limits in proportion where `most` is less than there may be in all; neither becomes 0.
[[nodiscard]] ConnectionLimits scale(const ConnectionLimits& wanted, std::size_t most) noexcept;

/// Whose share a connection counts in: "192.0.2.1", also where IPv6 carries it; "2001:db8::/64".
[[nodiscard]] std::string share_name(const boost::asio::ip::address& address);

/// What became of a connection.
enum class Admission : std::uint8_t { taken, all_are_taken, address_has_its_share };
/// "taken", "listener", "address": which limit it was. Static storage.
[[nodiscard]] std::string_view name(Admission admission) noexcept;

/// Any number of threads may call it.
class Connections {
 public:
  explicit Connections(const ConnectionLimits& limits) : limits_(limits) {}
  /// Counts a connection, which give_back() ends, or refuses it.
  [[nodiscard]] Admission take(const boost::asio::ip::address& address);
  void give_back(const boost::asio::ip::address& address);
  /// For connections that come from now on.
  void set_limits(const ConnectionLimits& limits);
  [[nodiscard]] std::size_t size() const;

 private:
  /// Whether it is IPv6, and the address or its prefix.
  using Share = std::pair<bool, std::uint64_t>;
  static Share share_of(const boost::asio::ip::address& address);

  mutable std::mutex mutex_;  // held for counting
  ConnectionLimits limits_;
  std::size_t all_ = 0;
  std::map<Share, std::size_t> shares_;  // none of them 0
};

/// Counts and writes down who was refused; for one thread.
class Refusals {
 public:
  /// A line at most every ten seconds, with how many there were since the last: a flood must not fill the
  /// log.
  void note(Admission why, const boost::asio::ip::address& address, const ServerOptions& options);

 private:
  std::chrono::steady_clock::time_point next_line_{};
  std::int64_t since_line_ = 0;
};

}  // namespace pedigree::http
