// SPDX-License-Identifier: Apache-2.0
// The device's non-secure side as a TLS client of openssl s_server, with a key that stays in the service.
#include "device/ports/sim/tls_client.h"

#include <gtest/gtest.h>

#include "device/ports/sim/test_unit.h"
#include "testing/support/tls_server.h"

namespace pedigree::sim {
namespace {

using Server = testing::TlsServer;

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
