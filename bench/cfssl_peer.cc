// SPDX-License-Identifier: Apache-2.0
#include "bench/cfssl_peer.h"

#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <stdexcept>

namespace pedigree::bench {
namespace {

/// CA, identities, and the tables that this version of cfssl expects (its own migrations, written as one).
constexpr const char* kSetUp = R"sh(
set -e
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -subj "/CN=Peer CA" -days 30 -addext keyUsage=keyCertSign,cRLSign -out ca.pem
printf 'subjectAltName=IP:127.0.0.1\n' > server.ext
printf 'extendedKeyUsage=clientAuth\n' > client.ext
for who in server client; do
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key -subj "/CN=$who" -out $who.csr
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile $who.ext -days 9 -out $who.pem
done
sqlite3 certs.db "PRAGMA journal_mode = $2;
CREATE TABLE certificates (serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, ca_label blob,
 status blob NOT NULL, reason int, expiry timestamp, revoked_at timestamp, pem blob NOT NULL,
 PRIMARY KEY(serial_number, authority_key_identifier));"
printf '{"driver":"sqlite3","data_source":"%s"}' "$PWD/certs.db" > db.json
printf '{"signing":{"default":{"usages":["digital signature"],"expiry":"8760h"}}}' > config.json
)sh";

/// A port that was free a moment ago.
std::uint16_t free_port() {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor any(io, {boost::asio::ip::address_v4::loopback(), 0});
  return any.local_endpoint().port();
}

bool answers(std::uint16_t port) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  boost::system::error_code error;
  socket.connect({boost::asio::ip::address_v4::loopback(), port}, error);
  return !error;
}

}  // namespace

CfsslPeer::CfsslPeer(Journal journal) : port_(free_port()) {
  const std::string here = folder_.path().string();
  const auto made = testing::run({"bash", "-c", "cd \"$1\" && " + std::string(kSetUp), "sh", here,
                                  journal == Journal::write_ahead ? "WAL" : "DELETE"});
  if (made.status != 0) throw std::runtime_error("cannot set cfssl up: " + made.output);
  const auto in = [&](const char* name) { return (folder_ / name).string(); };
  process_ = std::make_unique<testing::Process>(std::vector<std::string>{"cfssl",
                                                                         "serve",
                                                                         "-address",
                                                                         "127.0.0.1",
                                                                         "-port",
                                                                         std::to_string(port_),
                                                                         "-ca",
                                                                         in("ca.pem"),
                                                                         "-ca-key",
                                                                         in("ca.key"),
                                                                         "-config",
                                                                         in("config.json"),
                                                                         "-db-config",
                                                                         in("db.json"),
                                                                         "-tls-cert",
                                                                         in("server.pem"),
                                                                         "-tls-key",
                                                                         in("server.key"),
                                                                         "-mutual-tls-ca",
                                                                         in("ca.pem"),
                                                                         "-loglevel",
                                                                         "3"});
  if (!process_->wait_until([this] { return answers(port_); })) {
    throw std::runtime_error("cfssl did not begin (Debian: golang-cfssl): " + process_->errors());
  }
}

testing::TlsFiles CfsslPeer::client() const {
  return {folder_ / "ca.pem", folder_ / "client.pem", folder_ / "client.key"};
}

std::size_t CfsslPeer::certificates() const {
  return std::stoul(
      testing::run({"sqlite3", (folder_ / "certs.db").string(), "SELECT count(*) FROM certificates"}).output);
}

std::string cfssl_request(Bytes request) {
  return boost::json::serialize(
      boost::json::object{{"certificate_request", testing::to_pem("CERTIFICATE REQUEST", request)}});
}

}  // namespace pedigree::bench
