// SPDX-License-Identifier: Apache-2.0
// OCSP answers that were signed ahead: in a second of a core, in the process and over plain HTTP, where
// server and clients share the process and its time.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <future>

#include "bench/measure.h"
#include "bench/results.h"
#include "core/x509/oids.h"
#include "server/app/delegates.h"
#include "server/http/server.h"
#include "server/protocols/gateway.h"
#include "server/store/sqlite_store.h"
#include "testing/authority/authority.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kCertificates = 2000;
constexpr std::size_t kConnections = 16;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// An authority of so many certificates, and its responder.
struct Fleet {
  testing::AuthorityFolder folder;
  std::unique_ptr<app::Directory> directory;
  std::unique_ptr<registry::Store> store;
  std::vector<registry::Serial> serials;

  Fleet() {
    const app::SecretText passphrase{std::string(testing::kPassphrase)};
    directory = app::Directory::open(folder.path(), &passphrase).value();
    store = store::open_store({.file = folder.layout().database()}, directory->crypto()).value();
    for (std::size_t i = 0; i < kCertificates; ++i) issue(i + 1);
  }
  void issue(std::uint64_t number) {
    const testing::Unit unit(number);
    const auto spki = unit.spki();
    auto certified = directory->engine().certify_plain(
        {registry::parse_device_id(unit.id()).value(), "tls-client", {}, {}, spki}, std::time(nullptr));
    require(certified.has_value(), "a certificate is made");
    serials.push_back(certified->certificate.serial);
    std::promise<bool> stored;
    store->issue({std::move(certified->certificate), {"bench", "local"}, false, {}},
                 [&stored](const auto& outcome) { stored.set_value(outcome.has_value()); });
    require(stored.get_future().get(), "a certificate is stored");
  }
};

/// A request for one certificate without a nonce, DER.
authority::Der request_for(const authority::Engine& engine, const registry::Serial& serial) {
  const auto issuer = x509::Certificate::parse(engine.issuers().front().chain().front()).value();
  const Sha256 name = engine.crypto().sha256(issuer.subject()).value();
  const Sha256 key = engine.crypto().sha256(issuer.spki().key->key).value();
  authority::Der buffer(256);
  Writer writer(buffer);
  der::Builder out(writer);
  const auto target = protocols::ocsp_target(x509::oid::kSha256, name, key, serial);
  out.raw(target);
  for (int level = 0; level < 4; ++level) out.enclose(der::kSequence, 0);
  buffer.resize(writer.size());
  return buffer;
}

/// Kept-alive connections, each with one request under way.
class PlainLoad {
 public:
  explicit PlainLoad(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int& one : sockets_) {
      one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto* generic = reinterpret_cast<const sockaddr*>(&address);
      require(::connect(one, generic, sizeof address) == 0, "a connection is made");
    }
  }
  ~PlainLoad() {
    for (const int one : sockets_) ::close(one);
  }
  PlainLoad(const PlainLoad&) = delete;
  PlainLoad& operator=(const PlainLoad&) = delete;

  void round(const std::vector<std::string>& requests, std::size_t& next) {
    for (const int one : sockets_) {
      const std::string& request = requests[next++ % requests.size()];
      require(
          ::send(one, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()),
          "a request is sent");
    }
    for (const int one : sockets_) receive(one);
  }

 private:
  static void receive(int from) {
    std::array<char, 4096> answer{};
    std::size_t size = 0;
    for (std::size_t whole = answer.size(); size < whole;) {
      const ssize_t got = ::recv(from, answer.data() + size, answer.size() - size, 0);
      require(got > 0, "an answer comes");
      size += static_cast<std::size_t>(got);
      const std::string_view text(answer.data(), size);
      const std::size_t head = text.find("\r\n\r\n");
      const std::size_t field = text.find("Content-Length: ");
      if (head == std::string_view::npos || field == std::string_view::npos) continue;
      whole = head + 4 + std::stoul(std::string(text.substr(field + 16, 8)));
    }
    require(std::string_view(answer.data(), size).starts_with("HTTP/1.1 200"), "the answer is one");
  }
  std::array<int, kConnections> sockets_{};
};

double process_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// CPU time of an answer over HTTP, all threads together, in the best window.
double best_answer(PlainLoad& load, const std::vector<std::string>& posts) {
  constexpr int kWindows = 60;
  constexpr int kRoundsInWindow = 50;
  double best = 1e9;
  std::size_t next = 0;
  for (int window = 0; window < kWindows; ++window) {
    const double start = process_seconds();
    for (int i = 0; i < kRoundsInWindow; ++i) load.round(posts, next);
    best = std::min(best, (process_seconds() - start) / (kRoundsInWindow * kConnections));
  }
  return best;
}

void bench_ocsp() {
  Fleet fleet;
  const authority::Engine& engine = fleet.directory->engine();
  const protocols::Enrolment enrolment(engine, *fleet.store, [] { return std::time(nullptr); });
  app::MemoryDelegates delegates(engine);
  protocols::OcspResponder responder(enrolment, delegates, [] { return std::uint64_t{1}; });
  std::vector<authority::Der> requests;
  std::vector<std::string> posts;
  for (const registry::Serial& serial : fleet.serials) {
    requests.push_back(request_for(engine, serial));
    posts.push_back(fmt::format("POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n"
                                "Content-Length: {}\r\n\r\n",
                                requests.back().size()) +
                    std::string(as_text(requests.back())));
    require(responder.answer(requests.back()).size() > 300, "each is answered, and signed, once");
  }
  require(responder.size() == kCertificates, "all answers are kept");
  protocols::Gateway gateway({nullptr, &responder, nullptr});
  http::ServerOptions options;
  options.tls = false;
  options.threads = 1;
  const auto server = http::Server::start(std::move(options), gateway).value();
  PlainLoad load(server->port());
  std::size_t at = 0;
  const double over_http = best_answer(load, posts);
  const auto alone = best_seconds({[&] { (void)responder.answer(requests[at++ % requests.size()]); }});
  record(
      {"ocsp_presigned", 1 / over_http, "1/s", 20'000, 1, Better::higher, {{"without_http", 1 / alone[0]}}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("ocsp_bench", pedigree::bench::bench_ocsp);
}
