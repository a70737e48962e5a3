// SPDX-License-Identifier: Apache-2.0
#include "server/http/connections.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/network_v6.hpp>

namespace pedigree::http {
namespace {

namespace ip = boost::asio::ip;

/// File descriptors that are left for the database and the rest of the process.
constexpr rlim_t kReservedFiles = 64;

constexpr std::chrono::seconds kRefusalLines{10};

/// IPv6 sockets give clients of IPv4 as ::ffff:192.0.2.1.
ip::address unmapped(const ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

}  // namespace

ConnectionLimits connections_allowed(const ConnectionLimits& wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  const rlim_t left = files.rlim_cur > kReservedFiles ? files.rlim_cur - kReservedFiles : 1;
  return scale(wanted, left);
}

ConnectionLimits scale(const ConnectionLimits& wanted, std::size_t most) noexcept {
  if (most >= wanted.all) return wanted;
  const auto share =
      static_cast<double>(wanted.per_address) * static_cast<double>(most) / static_cast<double>(wanted.all);
  return {std::max<std::size_t>(1, most), std::max<std::size_t>(1, static_cast<std::size_t>(share))};
}

std::string share_name(const ip::address& address) {
  const ip::address plain = unmapped(address);
  if (plain.is_v4()) return plain.to_string();
  return ip::network_v6(plain.to_v6(), 64).canonical().to_string();
}

std::string_view name(Admission admission) noexcept {
  switch (admission) {
    case Admission::all_are_taken:
      return "listener";
    case Admission::address_has_its_share:
      return "address";
    case Admission::taken:
      break;
  }
  return "taken";
}

Connections::Share Connections::share_of(const ip::address& address) {
  const ip::address plain = unmapped(address);
  if (plain.is_v4()) return {false, plain.to_v4().to_uint()};
  std::uint64_t prefix = 0;
  const auto octets = plain.to_v6().to_bytes();
  for (std::size_t i = 0; i < sizeof prefix; ++i) prefix = prefix << 8U | octets[i];
  return {true, prefix};
}

Admission Connections::take(const ip::address& address) {
  const std::lock_guard lock(mutex_);
  if (all_ >= limits_.all) return Admission::all_are_taken;
  const auto [share, is_first] = shares_.try_emplace(share_of(address), 0);
  if (!is_first && share->second >= limits_.per_address) return Admission::address_has_its_share;
  ++share->second;
  ++all_;
  return Admission::taken;
}

void Connections::give_back(const ip::address& address) {
  const std::lock_guard lock(mutex_);
  const auto share = shares_.find(share_of(address));
  --all_;
  if (--share->second == 0) shares_.erase(share);
}

void Connections::set_limits(const ConnectionLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

std::size_t Connections::size() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

void Refusals::note(Admission why, const ip::address& address, const ServerOptions& options) {
  options.metrics->connections_refused.at({name(why)}).add();
  ++since_line_;
  const auto now = std::chrono::steady_clock::now();
  if (!options.log || now < next_line_) return;
  options.log->write(observe::LogLevel::warning, "connections refused",
                     {{"from", share_name(address)},
                      {"protocol", options.protocol},
                      {"limit", name(why)},
                      {"refused", since_line_}});
  next_line_ = now + kRefusalLines;
  since_line_ = 0;
}

}  // namespace pedigree::http
