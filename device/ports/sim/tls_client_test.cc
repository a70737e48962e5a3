// SPDX-License-Identifier: Apache-2.0
// The device's non-secure side as a TLS client of openssl s_server, with a key that stays in the service.
#include "device/ports/sim/tls_client.h"

#include <gtest/gtest.h>

#include "device/ports/sim/test_unit.h"
#include "testing/support/process.h"

namespace pedigree::sim {
namespace {

/// `openssl s_server` that asks for a client certificate under `clients_root` and sends lines back reversed.
class Server {
 public:
  Server(const testing::TempDir& folder, const Octets& clients_root) {
    testing::write_file(folder / "clients.pem", testing::to_pem("CERTIFICATE", clients_root));
    const auto made = testing::run(
        {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", (folder / "server.key").string(), "-out", (folder / "server.pem").string(), "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"});
    if (made.status != 0) throw std::runtime_error(made.output);
    process_.emplace(std::vector<std::string>{
        "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", (folder / "server.pem").string(), "-key",
        (folder / "server.key").string(), "-CAfile", (folder / "clients.pem").string(), "-Verify", "4",
        "-verify_return_error", "-rev"});
    if (!process_->wait_until([this] { return !port().empty(); }))
      throw std::runtime_error(process_->errors());
  }

  [[nodiscard]] std::string port() const {
    constexpr std::string_view kWord = "ACCEPT 127.0.0.1:";
    const std::string text = process_->output();
    const std::size_t start = text.find(kWord);
    const std::size_t end = text.find('\n', start);
    if (start == std::string::npos || end == std::string::npos) return {};
    return text.substr(start + kWord.size(), end - start - kWord.size());
  }

 private:
  std::optional<testing::Process> process_;
};

class TlsClientTest : public ::testing::Test {
 protected:
  [[nodiscard]] TlsTarget target(const Server& server, const char* host = "localhost") const {
    return {.host = host, .port = server.port(), .ca_file = folder_ / "server.pem"};
  }

  testing::TempDir folder_;
  TestAuthority authority_;
  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
};

TEST_F(TlsClientTest, AuthenticatesWithTheSlotsKeyAndChain) {
  const Server server(folder_, authority_.root_certificate());
  for (const auto type : {crypto::KeyType::p256, crypto::KeyType::p384}) {
    const std::uint32_t slot = client_.provision(authority_, {.type = type});
    const auto session = tls_connect(device_->service_handle(), slot, target(server), "pedigree\n");
    ASSERT_TRUE(session.has_value()) << session.error();
    EXPECT_EQ(session->version, "TLSv1.2");
    EXPECT_EQ(session->server_subject, "CN=localhost");
    EXPECT_EQ(session->received, "eergidep\n");
  }
}

TEST_F(TlsClientTest, IsRefusedWhereItsChainIsNotTrusted) {
  const Server server(folder_, TestAuthority("Other").root_certificate());
  const std::uint32_t slot = client_.provision(authority_, {});
  EXPECT_FALSE(tls_connect(device_->service_handle(), slot, target(server), "pedigree\n").has_value());
}

TEST_F(TlsClientTest, RefusesAServerThatItDoesNotTrustOrDidNotMean) {
  const Server server(folder_, authority_.root_certificate());
  const std::uint32_t slot = client_.provision(authority_, {});
  EXPECT_FALSE(tls_connect(device_->service_handle(), slot, target(server, "127.0.0.1"), "").has_value());
  TlsTarget other = target(server);
  other.ca_file = folder_ / "clients.pem";
  EXPECT_FALSE(tls_connect(device_->service_handle(), slot, other, "").has_value());
}

TEST_F(TlsClientTest, NeedsACommittedChainAndAKeyForTls) {
  const Server server(folder_, authority_.root_certificate());
  const std::uint32_t pending = client_.begin({.slot = 4}).value().slot;
  EXPECT_FALSE(tls_connect(device_->service_handle(), pending, target(server), "").has_value());
  EXPECT_FALSE(tls_connect(device_->service_handle(), 5, target(server), "").has_value());
  // The service signs no digest with an identity key, whatever the non-secure side asks.
  const std::uint32_t identity =
      client_.provision(authority_, {.slot = 6, .purpose = enrol::Purpose::idevid});
  EXPECT_FALSE(tls_connect(device_->service_handle(), identity, target(server), "x\n").has_value());
}

}  // namespace
}  // namespace pedigree::sim
