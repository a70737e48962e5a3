// SPDX-License-Identifier: Apache-2.0
#include "testing/support/round_robin.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "testing/support/loopback.h"

namespace pedigree::testing {
RoundRobin::RoundRobin(std::vector<std::uint16_t> servers)
    : servers_(std::move(servers)),
      taken_(std::make_unique<std::atomic<unsigned>[]>(servers_.size())),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(listener_, plain, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, plain, &size) != 0) {
    ::close(listener_);
    throw std::runtime_error("no socket for a load balancer");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

RoundRobin::~RoundRobin() {
  ::shutdown(listener_, SHUT_RDWR);  // which wakes the thread
  thread_.join();
  ::close(listener_);
}

void RoundRobin::accept_one(std::vector<Pair>& pairs) {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const std::size_t server = next_++ % servers_.size();
  const sockaddr_in address = loopback(servers_[server]);
  const int back = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(back, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(client);
    ::close(back);
    return;
  }
  ++taken_[server];
  pairs.emplace_back(client, back);
}

bool RoundRobin::pass_on(int from, int to) {
  std::array<char, 16384> buffer{};
  const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
  for (ssize_t done = 0; done < size;) {
    const ssize_t sent =
        ::send(to, buffer.data() + done, static_cast<std::size_t>(size - done), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += sent;
  }
  return size > 0;
}

void RoundRobin::run() {
  std::vector<Pair> pairs;
  for (;;) {
    std::vector<pollfd> waits{{listener_, POLLIN, 0}};
    for (const auto& [client, back] : pairs) {
      waits.push_back({client, POLLIN, 0});
      waits.push_back({back, POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;
    if ((waits[0].revents & (POLLHUP | POLLERR)) != 0) break;
    for (std::size_t i = pairs.size(); i-- > 0;) {
      const auto [client, back] = pairs[i];
      bool open = true;
      if (waits[1 + 2 * i].revents != 0) open = pass_on(client, back);
      if (open && waits[2 + 2 * i].revents != 0) open = pass_on(back, client);
      if (open) continue;
      ::close(client);
      ::close(back);
      pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if ((waits[0].revents & POLLIN) != 0) accept_one(pairs);
  }
  for (const auto& [client, back] : pairs) {
    ::close(client);
    ::close(back);
  }
}

}  // namespace pedigree::testing
