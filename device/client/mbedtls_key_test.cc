// SPDX-License-Identifier: Apache-2.0
// A client of Mbed TLS with a slot's key and chain, against openssl s_server. What the simulated device's own
// client does right is in device/ports/sim/tls_client_test.cc; here keys and chains that do not belong
// together.
#include "pedigree/mbedtls_key.h"

#include <gtest/gtest.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

#include "device/ports/sim/test_unit.h"
#include "pedigree/slot.h"
#include "psa/crypto.h"
#include "testing/support/tls_server.h"

namespace pedigree::sim {
namespace {

int random_bytes(void*, unsigned char* out, std::size_t size) {
  return psa_generate_random(out, size) == PSA_SUCCESS ? 0 : -1;
}

/// One connection: chain of one slot, key of a slot.
class Connection {
 public:
  Connection() {
    mbedtls_x509_crt_init(&own_);
    mbedtls_pk_init(&pk_);
    mbedtls_net_init(&net_);
    mbedtls_ssl_config_init(&config_);
    mbedtls_ssl_init(&ssl_);
  }
  ~Connection() {
    mbedtls_ssl_free(&ssl_);
    mbedtls_ssl_config_free(&config_);
    mbedtls_net_free(&net_);
    mbedtls_pk_free(&pk_);
    mbedtls_x509_crt_free(&own_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Mbed TLS's number of how handshake and a line sent and sent back went; 0 is success.
  int run(psa_handle_t service, std::uint32_t chain_slot, std::uint32_t key_slot, const std::string& port) {
    std::size_t size = 0;
    EXPECT_EQ(pedigree_load_chain(service, chain_slot, chain_.data(), chain_.size(), &size), 0);
    EXPECT_EQ(pedigree_mbedtls_parse_chain(&own_, chain_.data(), size), 0);
    EXPECT_EQ(pedigree_mbedtls_setup_key(&key_, service, key_slot, &own_, &pk_), 0);
    EXPECT_EQ(mbedtls_net_connect(&net_, "127.0.0.1", port.c_str(), MBEDTLS_NET_PROTO_TCP), 0);
    mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                MBEDTLS_SSL_PRESET_DEFAULT);
    // Whether the client trusts the server is not this test's.
    mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&config_, random_bytes, nullptr);
    EXPECT_EQ(mbedtls_ssl_conf_own_cert(&config_, &own_, &pk_), 0);
    EXPECT_EQ(mbedtls_ssl_setup(&ssl_, &config_), 0);
    mbedtls_ssl_set_bio(&ssl_, &net_, mbedtls_net_send, mbedtls_net_recv, nullptr);
    int code = mbedtls_ssl_handshake(&ssl_);
    if (code != 0) return code;
    constexpr unsigned char kLine[] = {'a', 'b', '\n'};
    std::array<unsigned char, 3> answer{};
    code = mbedtls_ssl_write(&ssl_, kLine, sizeof kLine);
    if (code > 0) code = mbedtls_ssl_read(&ssl_, answer.data(), answer.size());
    if (code < 0) return code;
    EXPECT_EQ(answer, (std::array<unsigned char, 3>{'b', 'a', '\n'}));
    return 0;
  }
  /// Of the last signature.
  [[nodiscard]] psa_status_t status() const { return key_.status; }
  [[nodiscard]] Bytes chain() const { return chain_; }
  [[nodiscard]] const mbedtls_x509_crt& own() const { return own_; }

 private:
  std::array<std::uint8_t, 4096> chain_{};
  pedigree_mbedtls_key_t key_{};
  mbedtls_x509_crt own_{};
  mbedtls_pk_context pk_{};
  mbedtls_net_context net_{};
  mbedtls_ssl_config config_{};
  mbedtls_ssl_context ssl_{};
};

class MbedtlsKeyTest : public ::testing::Test {
 protected:
  [[nodiscard]] psa_handle_t service() const { return device_->service_handle(); }
  /// Waits until the server has said so.
  void expect_said(const std::string& words) {
    EXPECT_TRUE(server_.process().wait_until([&] { return server_.said().find(words) != std::string::npos; }))
        << server_.said();
  }

  testing::TempDir folder_;
  TestAuthority authority_;
  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
  testing::TlsServer server_{folder_, authority_.root_certificate()};
};

TEST_F(MbedtlsKeyTest, TheChainIsParsedWhereItLies) {
  const std::uint32_t slot = client_.provision(authority_, {});
  Connection connection;
  EXPECT_EQ(connection.run(service(), slot, slot, server_.port()), 0);
  EXPECT_EQ(connection.status(), 0);
  std::size_t certificates = 0;
  for (const mbedtls_x509_crt* each = &connection.own(); each != nullptr; each = each->next, ++certificates) {
    EXPECT_TRUE(each->raw.p > connection.chain().data() &&
                each->raw.p + each->raw.len <= connection.chain().data() + connection.chain().size());
  }
  EXPECT_EQ(certificates, 2U);
  expect_said("verify return:1");
}

TEST_F(MbedtlsKeyTest, AChainOfAnotherKeyIsRefusedByTheServer) {
  const std::uint32_t one = client_.provision(authority_, {});
  const std::uint32_t other = client_.provision(authority_, {});
  ASSERT_NE(one, other);
  Connection connection;
  EXPECT_EQ(connection.run(service(), one, other, server_.port()), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
  EXPECT_EQ(connection.status(), 0) << "the service signs; the signature is by another key than the chain's";
  expect_said("bad signature");
}

TEST_F(MbedtlsKeyTest, WhatTheServiceDoesNotSignEndsTheHandshakeWithItsReason) {
  const std::uint32_t identity = client_.provision(authority_, {.purpose = enrol::Purpose::idevid});
  const std::uint32_t slot = client_.provision(authority_, {});
  {
    Connection connection;
    EXPECT_EQ(connection.run(service(), identity, identity, server_.port()), MBEDTLS_ERR_PK_BAD_INPUT_DATA);
    EXPECT_EQ(connection.status(), static_cast<psa_status_t>(ErrorCode::purpose_forbids));
  }
  Connection connection;
  EXPECT_EQ(connection.run(service(), slot, 8, server_.port()), MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  EXPECT_EQ(connection.status(), static_cast<psa_status_t>(ErrorCode::slot_not_found));
}

TEST(MbedtlsChain, RefusesWhatIsNoChainAndKeysThatAreNotForEcdsa) {
  mbedtls_x509_crt parsed;
  mbedtls_x509_crt_init(&parsed);
  for (const Octets& chain :
       {Octets{}, Octets{0x80}, Octets{0x81, 0x41}, Octets{0x81, 0x41, 0x30}, Octets{0x81, 0x40, 0x00}}) {
    EXPECT_NE(pedigree_mbedtls_parse_chain(&parsed, chain.data(), chain.size()), 0);
  }
  pedigree_mbedtls_key_t key{};
  mbedtls_pk_context pk;
  mbedtls_pk_init(&pk);
  EXPECT_EQ(pedigree_mbedtls_setup_key(&key, 1, 1, &parsed, &pk), MBEDTLS_ERR_PK_TYPE_MISMATCH)
      << "a certificate without a key";
  mbedtls_x509_crt_free(&parsed);
}

}  // namespace
}  // namespace pedigree::sim
