// SPDX-License-Identifier: Apache-2.0
// A real `pedigree authority serve` among clients that mean it harm: slow ones, huge ones, thousands that say
// nothing, strangers, SQL and terminal sequences in every text. Each gets a clear refusal or is cut, others
// are served meanwhile, memory stays bounded (measured from /proc), and the log stays legible.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/authority/serve_process.h"
#include "testing/support/sanitizers.h"

namespace pedigree::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A TCP connection that its owner may leave as it is.
class Socket {
 public:
  /// `host`: it comes from 127.0.0.HOST, all of which are this machine.
  explicit Socket(std::uint16_t port, std::uint32_t host = 1)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xffU) | host);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(socket_, generic, sizeof address) != 0) return;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = ::connect(socket_, generic, sizeof address) == 0;
  }
  ~Socket() {
    if (socket_ >= 0) ::close(socket_);
  }
  Socket(Socket&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), is_connected_(other.is_connected_) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(socket_, other.socket_);
    is_connected_ = other.is_connected_;
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  void send(std::string_view octets) const {
    (void)::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  /// Whether the server has ended it by now.
  [[nodiscard]] bool is_cut() const {
    std::array<char, 4096> octets{};
    for (;;) {
      const ssize_t got = ::recv(socket_, octets.data(), octets.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return true;
      if (got < 0) return false;
    }
  }

 private:
  int socket_;
  bool is_connected_ = false;
};

class Hostility : public ::testing::Test {
 protected:
  std::unique_ptr<Client> client(const std::string& who) {
    return std::make_unique<Client>(serve_.port(), folder_.identity(who));
  }
  /// An honest station gets a certificate.
  void expect_served() {
    const Answer answer = enrol(*client("station"), Unit(++honest_));
    EXPECT_EQ(answer.status, 200U) << answer.body;
  }
  /// Resident memory in MiB, now and the most that it was.
  double resident() { return static_cast<double>(serve_.status("VmRSS")) / 1024; }
  double peak() { return static_cast<double>(serve_.status("VmHWM")) / 1024; }
  void expect_below(double mebibytes) {
    std::cout << "memory " << resident() << " MiB, peak " << peak() << " MiB\n";
    // A sanitizer keeps what was freed.
    if (!kFreedMemoryIsKept) {
      EXPECT_LT(peak(), mebibytes);
    }
  }
  /// Ends it as it should end, and gives its log, of which every octet must be printable.
  std::string legible_log() {
    serve_.process().kill(SIGTERM);
    EXPECT_EQ(serve_.process().wait(), 0);
    const std::string log = serve_.process().errors();
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      const bool is_legible = std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7f; });
      EXPECT_TRUE(is_legible && line.size() < 2000) << hex(as_bytes(line.substr(0, 2000)));
      EXPECT_TRUE(line.starts_with("20")) << "each line begins with its time: " << line;
    }
    return log;
  }
  [[nodiscard]] std::string dump() const { return folder_.dump(); }

  AuthorityFolder folder_;
  ServeProcess serve_{folder_};
  std::uint64_t honest_ = 1'000'000;
};

TEST_F(Hostility, SlowLorisIsCutWhileOthersAreServed) {
  // Some drip octets of a handshake, some of a header, some of a body: never long silent, never done.
  constexpr std::size_t kEach = 40;
  std::vector<Socket> handshakes;
  std::vector<std::unique_ptr<Client>> headers;
  std::vector<std::unique_ptr<Client>> bodies;
  for (std::size_t i = 0; i < kEach; ++i) {
    handshakes.emplace_back(serve_.port());
    handshakes.back().send("\x16\x03\x01\x02");
    headers.push_back(client("station"));
    headers.back()->send("POST /v1/enrol HTTP/1.1\r\nHost: a\r\n");
    bodies.push_back(client("station"));
    bodies.back()->send(
        "POST /v1/enrol HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n{");
  }
  const auto drip = [](std::vector<std::unique_ptr<Client>>& clients, std::string_view octets) {
    std::erase_if(clients, [&](const auto& one) {
      try {
        one->send(octets);
        return false;
      } catch (const boost::system::system_error&) {
        return true;  // the server has cut it
      }
    });
  };
  const bool all_cut = serve_.process().wait_until([&] {
    for (const Socket& one : handshakes) one.send("\x01");
    std::erase_if(handshakes, [](const Socket& one) { return one.is_cut(); });
    drip(headers, "X: y\r\n");
    drip(bodies, " ");
    expect_served();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return handshakes.empty() && headers.empty() && bodies.empty();
  });
  EXPECT_TRUE(all_cut) << handshakes.size() << ", " << headers.size() << ", " << bodies.size();
  expect_below(60);
  (void)legible_log();
}

TEST_F(Hostility, TooMuchIsRefusedAndNotKept) {
  const std::string before = dump();
  const std::string large(8U << 20U, 'x');
  write_file(folder_.scratch("large"), std::string_view(large));
  for (int i = 0; i < 20; ++i) {
    const auto body = client("station");
    body->send("POST /v1/enrol HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: " +
               std::to_string(large.size()) + "\r\n\r\n");
    EXPECT_EQ(body->receive().status, 413U);
    const auto header = client("station");
    header->send("GET /v1/health HTTP/1.1\r\nX: " + large.substr(0, 64 * 1024));
    EXPECT_EQ(header->receive().status, 413U);
    const auto target = client("station");
    target->send("GET /" + large.substr(0, 64 * 1024));
    EXPECT_EQ(target->receive().status, 413U);
  }
  const TlsFiles station = folder_.identity("station");
  const CommandResult curl =
      run({"curl", "-sS", "--max-time", "120", "--noproxy", "*", "-w", "\n%{http_code}", "--cacert",
           station.ca.string(), "--cert", station.certificate.string(), "--key", station.key.string(), "-H",
           "Content-Type: application/json", "--data-binary", "@" + folder_.scratch("large").string(),
           "https://127.0.0.1:" + std::to_string(serve_.port()) + "/v1/enrol"});
  EXPECT_THAT(curl.output, HasSubstr("\n413"));
  EXPECT_EQ(dump(), before);
  expect_served();
  expect_below(60);
  (void)legible_log();
}

/// As many files as there may be, while it exists.
class ManyFiles {
 public:
  ManyFiles() {
    if (getrlimit(RLIMIT_NOFILE, &before_) != 0) throw std::runtime_error("getrlimit");
    rlimit files = before_;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) throw std::runtime_error("setrlimit");
  }
  ~ManyFiles() { (void)setrlimit(RLIMIT_NOFILE, &before_); }
  ManyFiles(const ManyFiles&) = delete;
  ManyFiles& operator=(const ManyFiles&) = delete;
  /// `wanted` sockets, or as many as fit.
  [[nodiscard]] std::size_t sockets(std::size_t wanted) const {
    return std::min<std::size_t>(wanted, before_.rlim_max > 500 ? before_.rlim_max - 500 : 1);
  }

 private:
  rlimit before_{};
};

TEST_F(Hostility, ThousandsFromOneAddressLeaveTheOthersRoom) {
  const ManyFiles files;
  // As the program's own limit says where it may open fewer files.
  const std::size_t count = files.sockets(3000);
  std::vector<Socket> idle;
  idle.reserve(count);
  for (std::size_t i = 0; i < count; ++i) idle.emplace_back(serve_.port(), 2);
  // They have neither to wait until those are cut nor to try again.
  expect_served();
  const Answer metrics = client("operator")->get("/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("limit=\"listener\"} 0\n"));
  EXPECT_THAT(metrics.body, ::testing::ContainsRegex("limit=\"address\"} [1-9]"));
  const std::string log = legible_log();
  EXPECT_THAT(log,
              HasSubstr("warning connections refused from=\"127.0.0.2\" protocol=\"v1\" limit=\"address\""));
  const std::string line = "connections refused";
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = log.find(line, at)) != std::string::npos; at += line.size()) ++lines;
  EXPECT_LT(lines, 100U) << "one in ten seconds";
}

TEST_F(Hostility, AnIdleConnectionHoldsNoBuffers) {
  const auto ask = [&] {
    auto one = client("station");
    EXPECT_EQ(one->get("/v1/health").status, 200U);
    return one;
  };
  for (int i = 0; i < 20; ++i) (void)ask();  // what every connection shares
  constexpr std::size_t kCount = 200;
  const double before = resident();
  std::vector<std::unique_ptr<Client>> idle;
  for (std::size_t i = 0; i < kCount; ++i) idle.push_back(ask());
  const double each = (resident() - before) * 1024 / kCount;
  std::cout << each << " KiB each\n";
  // 25 are OpenSSL's own, the certificates among them; a buffer for a record each way would be 34 more.
  if (!kFreedMemoryIsKept) {
    EXPECT_LT(each, 45);
  }
  EXPECT_EQ(idle.front()->get("/v1/health").status, 200U);
}

TEST_F(Hostility, TenThousandIdleConnectionsLeaveRoomForAStation) {
  const ManyFiles files;
  const std::size_t count = files.sockets(10'000);
  const double quiet = resident();
  {
    const auto first = client("station");
    ASSERT_EQ(first->get("/v1/health").status, 200U);
    std::vector<Socket> idle;
    idle.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      idle.emplace_back(serve_.port(), 2 + static_cast<std::uint32_t>(i % 20));
    }
    EXPECT_TRUE(std::ranges::all_of(idle, &Socket::is_connected));
    EXPECT_EQ(enrol(*first, Unit(7)).status, 200U) << "who is connected is served";
    std::cout << count << " connections, of which " << serve_.status("FDSize") << " slots for files; "
              << resident() - quiet << " MiB more\n";
    // They do not get in again for having waited: without a handshake each has 15 s.
    EXPECT_TRUE(serve_.process().wait_until(
        [&] { return std::ranges::all_of(idle, [](const Socket& one) { return one.is_cut(); }); }));
    expect_served();
  }
  expect_below(100);
  EXPECT_LT(legible_log().size(), 2U << 20U) << "nor do they fill the log";
}

TEST_F(Hostility, StrangersAreToldSoAndLeaveNothing) {
  const std::string before = dump();
  const AuthorityFolder other;
  TlsFiles foreign = other.identity("station");
  foreign.ca = folder_.layout().tls_certificate("ca");
  EXPECT_THROW((void)Client(serve_.port(), foreign).get("/v1/issuers"), std::exception);
  const auto nobody = client("");
  for (const char* target : {"/v1/enrol", "/v1/nonce", "/v1/revoke", "/v1/devices"}) {
    const Answer answer = nobody->call("POST", target, "{}");
    EXPECT_EQ(answer.status, 403U) << target;
    EXPECT_EQ(answer.error(), "not_authorised");
  }
  const CommandResult curl = run({"curl", "-sS", "--noproxy", "*", "--cacert", foreign.ca.string(), "--cert",
                                  foreign.certificate.string(), "--key", foreign.key.string(),
                                  "https://127.0.0.1:" + std::to_string(serve_.port()) + "/v1/issuers"});
  EXPECT_THAT(curl.status, AnyOf(35, 55, 56)) << curl.output;
  EXPECT_EQ(dump(), before);
  const std::string log = legible_log();
  EXPECT_THAT(log, HasSubstr("info handshake failed from=\"127.0.0.1\""));
  EXPECT_THAT(log, HasSubstr("reason=\"client certificate: "));
}

TEST_F(Hostility, SqlInEveryTextIsText) {
  ASSERT_EQ(enrol(*client("station"), Unit(1)).status, 200U);
  const std::string before = dump();
  const auto station = client("station");
  const auto operators = client("operator");
  const auto expect_refused = [](const Answer& answer) {
    EXPECT_GE(answer.status, 400U) << answer.body;
    EXPECT_LT(answer.status, 500U) << answer.body;
    EXPECT_FALSE(answer.error().empty());
  };
  for (const std::string sql :
       {"'; DROP TABLE device; --", "' OR '1'='1", "\" OR 1=1 --", "1); DELETE FROM event; --",
        "%' UNION SELECT der FROM certificate --", "x'00'", "?1", "\\'; SELECT 1"}) {
    SCOPED_TRACE(sql);
    for (const char* field : {"device", "profile", "issuer", "nonce", "csr"}) {
      auto body = enrol_body(Unit(1), std::string(64, '0'));
      body[field] = sql;
      expect_refused(station->post("/v1/enrol", body));
    }
    expect_refused(station->post("/v1/nonce", {{"device", sql}, {"profile", "iak"}}));
    expect_refused(station->post("/v1/nonce", {{"device", Unit(1).id()}, {"profile", sql}}));
    expect_refused(
        station->post("/v1/receipt",
                      {{"device", sql}, {"serial", sql}, {"nonce", std::string(64, '0')}, {"receipt", sql}}));
    expect_refused(operators->post("/v1/revoke", {{"serial", sql}, {"reason", sql}, {"why", sql}}));
    expect_refused(operators->post("/v1/devices", {{"devices", {{{"device", sql}, {"profile", sql}}}}}));
    expect_refused(operators->post("/v1/devices/" + Unit(1).id() + "/state", {{"state", sql}, {"why", sql}}));
    expect_refused(operators->post("/v1/signer-revocations", {{"key", sql}, {"name", sql}, {"why", sql}}));
    std::string escaped;
    for (const char c : sql) {
      std::array<char, 4> text{};
      (void)std::snprintf(text.data(), text.size(), "%%%02x", static_cast<unsigned char>(c));
      escaped += text.data();
    }
    for (const char* path : {"/v1/devices/", "/v1/certificates/", "/v1/crl/", "/v1/audit/proof/",
                             "/v1/devices?state=", "/v1/devices?after=", "/v1/devices?limit="}) {
      expect_refused(operators->get(path + escaped));
    }
    for (const char* field : {"device", "operation", "nonce", "purpose", "algorithm", "root"}) {
      boost::json::object body{{"device", Unit(1).id()},
                               {"operation", "destroy"},
                               {"slot", 2},
                               {"nonce", std::string(64, '0')},
                               {"why", "a test"}};
      body[field] = sql;
      expect_refused(station->post("/v1/grants", body));
    }
    // What any text may be asked for is looked for, and not found.
    for (const char* path : {"/v1/events?who=", "/v1/events?batch=", "/v1/events?what=", "/v1/devices?label=",
                             "/v1/devices?prefix=", "/v1/devices?batch=", "/v1/devices?station=",
                             "/v1/devices?profile=", "/v1/batches?name="}) {
      const Answer answer = operators->get(path + escaped);
      EXPECT_LT(answer.status, 500U) << path << answer.body;
      EXPECT_THAT(answer.body, Not(HasSubstr(Unit(1).id()))) << path;
    }
  }
  EXPECT_EQ(dump(), before);
  // Where any text is allowed it is kept as it is.
  const std::string why = "'; DELETE FROM event; --";
  ASSERT_EQ(operators->post("/v1/devices/" + Unit(1).id() + "/state", {{"state", "suspended"}, {"why", why}})
                .status,
            200U);
  EXPECT_EQ(folder_.sql("SELECT count(*) FROM event WHERE why = '''; DELETE FROM event; --'"), "1");
  EXPECT_EQ(folder_.sql("PRAGMA integrity_check"), "ok");
  (void)legible_log();
}

/// Writes requests, by another library, that say hostile things in their subjects: one file each.
constexpr const char* kMakeRequests = R"py(
import sys
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
names = {
    'escape': '\x1b[2J\x1b]0;owned\x07\x1b[31m',
    'lines': 'a\r\n2026-11-27T00:00:00.000Z info request status=200',
    'bidi': '\u202egnp.exe\u2066\u2069\u200b\u2028',
    'long': 'n' * 65536,
    'sql': "'; DROP TABLE certificate; --",
    'nul': 'a\x00b',
}
for name, text in names.items():
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False),
                         x509.NameAttribute(NameOID.SERIAL_NUMBER, text, _type=None, _validate=False)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    open(sys.argv[1] + '/' + name + '.der', 'wb').write(request.public_bytes(serialization.Encoding.DER))
)py";

TEST_F(Hostility, RequestsWithHostileSubjectsAreRefusedClearly) {
  std::filesystem::create_directory(folder_.scratch("requests"));
  const CommandResult made =
      run({"/usr/bin/python3", "-c", kMakeRequests, folder_.scratch("requests").string()});
  ASSERT_EQ(made.status, 0) << made.output;
  const auto station = client("station");
  const Unit unit(1);
  std::size_t requests = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.scratch("requests"))) {
    SCOPED_TRACE(file.path().filename().string());
    const std::string nonce = nonce_for(*station, unit);
    auto body = enrol_body(unit, nonce);
    body["csr"] = base64(read_file(file.path()));
    for (int i = 0; i < 20; ++i) {
      const Answer answer = station->post("/v1/enrol", body);
      EXPECT_GE(answer.status, 400U);
      EXPECT_LT(answer.status, 500U);
      EXPECT_FALSE(answer.error().empty());
      EXPECT_LT(answer.body.size(), 1000U);
      EXPECT_TRUE(std::ranges::all_of(answer.body, [](char c) { return c >= 0x20 && c < 0x7f; }))
          << answer.body;
    }
    ++requests;
  }
  EXPECT_EQ(requests, 6U);
  EXPECT_EQ(folder_.sql("SELECT count(*) FROM certificate"), "0");
  EXPECT_EQ(enrol(*station, unit).status, 200U);
  expect_below(60);
  (void)legible_log();
}

}  // namespace
}  // namespace pedigree::testing
