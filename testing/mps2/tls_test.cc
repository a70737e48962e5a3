// SPDX-License-Identifier: Apache-2.0
// TLS clients on the target's non-secure side, whose key stays in the secure world: one with a key of Mbed
// TLS's, one with a key of PSA Crypto's. The UART is bridged to openssl s_server, which demands a client
// certificate below the authority's root.
#include <gtest/gtest.h>

#include <random>

#include "device/ports/sim/test_authority.h"
#include "testing/mps2/board.h"
#include "testing/mps2/uart_bridge.h"
#include "testing/support/tls_server.h"

namespace pedigree::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(600);

/// How the image ended, and what it and the server said.
struct Ended {
  int status = -1;
  std::string device;
  std::string server;
};

/// What the line brings first: random octets, and the anchor that the server's certificate must end at.
Octets preamble(Bytes anchor) {
  std::random_device random;
  Octets octets(48);
  for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
  octets.push_back(static_cast<std::uint8_t>(anchor.size() >> 8U));
  octets.push_back(static_cast<std::uint8_t>(anchor.size()));
  octets.insert(octets.end(), anchor.begin(), anchor.end());
  return octets;
}

class TlsOnTarget : public ::testing::TestWithParam<std::string> {
 protected:
  /// As a station does it, with the product's own non-secure image: a key for `purpose`, and its chain.
  void provision(enrol::Purpose purpose, crypto::KeyType type = crypto::KeyType::p256) {
    board_.with_device({}, [&](station::Device& device) {
      const auto key = device.begin({.slot = 2, .purpose = purpose, .type = type});
      ASSERT_TRUE(key.has_value()) << key.error().message;
      const Octets chain = authority_.chain_for(key->spki, {.with_root = true});
      const auto sha256 = authority_.crypto().sha256(chain);
      ASSERT_TRUE(device.write_chain(2, chain, *sha256).has_value());
      const auto receipt = device.commit(2, Octets(32, 1));
      ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
    });
  }

  /// Replaces the non-secure image by the client's, and lets it talk to a server that takes clients below
  /// `clients_root`, until that server has said what is awaited. The client trusts the server's certificate,
  /// or `anchor`.
  [[nodiscard]] Ended connect(Bytes clients_root, const std::string& awaited, Bytes anchor = {}) const {
    const TempDir folder;
    TlsServer server(folder, clients_root);
    const Octets own = pem_ders(read_text(folder / "server.pem")).front();
    const UartBridge bridge(folder, preamble(anchor.empty() ? Bytes(own) : anchor), server.port());
    const auto emulator = board_.run_on_line({.nonsecure = GetParam()}, bridge.uart(),
                                             {"-semihosting-config", "enable=on,target=native"});
    Ended ended;
    // Its last words, and its end: an image that hangs is killed when the emulator's object goes.
    if (emulator->wait_until([&] { return emulator->errors().find("tls: ") != std::string::npos; },
                             kPatience)) {
      ended.status = emulator->wait();
    }
    ended.device = emulator->output() + emulator->errors();
    static_cast<void>(server.process().wait_until(
        [&] { return server.said().find(awaited) != std::string::npos; }, std::chrono::seconds(60)));
    ended.server = server.said();
    return ended;
  }

  Board board_;
  sim::TestAuthority authority_;
};

TEST_P(TlsOnTarget, AuthenticatesWithAKeyThatStaysInTheSecureWorld) {
  ASSERT_NO_FATAL_FAILURE(provision(enrol::Purpose::tls));
  const Ended ended = connect(authority_.root_certificate(), "depth=0");
  EXPECT_EQ(ended.status, 0) << ended.device << ended.server << board_.secure_log();
  EXPECT_NE(ended.device.find("tls: TLSv1.2 TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384, the line came back\n"),
            std::string::npos)
      << ended.device;
  // The server has verified the whole chain: root, intermediate, leaf.
  for (const auto* const depth : {"depth=2 ", "depth=1 ", "depth=0 "}) {
    EXPECT_NE(ended.server.find(depth), std::string::npos) << ended.server;
  }
}

TEST_P(TlsOnTarget, TheServerRefusesAChainBelowAnotherRoot) {
  ASSERT_NO_FATAL_FAILURE(provision(enrol::Purpose::tls, crypto::KeyType::p384));
  const Ended ended = connect(sim::TestAuthority("Other").root_certificate(), "verify error");
  EXPECT_EQ(ended.status, 1) << ended.device;
  // MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE; the service has signed.
  EXPECT_NE(ended.device.find("tls: handshake 00007780 signature 00000000\n"), std::string::npos)
      << ended.device;
  EXPECT_NE(ended.server.find("verify error"), std::string::npos) << ended.server;
  // The same key and chain are good for a server that knows their root.
  EXPECT_EQ(connect(authority_.root_certificate(), "depth=0").status, 0);
}

TEST_P(TlsOnTarget, TheDeviceRefusesAServerThatItDoesNotTrust) {
  ASSERT_NO_FATAL_FAILURE(provision(enrol::Purpose::tls));
  const Ended ended = connect(authority_.root_certificate(), "unknown ca", authority_.root_certificate());
  EXPECT_EQ(ended.status, 1) << ended.device;
  // MBEDTLS_ERR_X509_CERT_VERIFY_FAILED
  EXPECT_NE(ended.device.find("tls: handshake 00002700 signature 00000000\n"), std::string::npos)
      << ended.device;
  EXPECT_NE(ended.server.find("unknown ca"), std::string::npos) << ended.server;
}

TEST_P(TlsOnTarget, AnIdentityKeyIsNoKeyForTls) {
  ASSERT_NO_FATAL_FAILURE(provision(enrol::Purpose::idevid));
  const Ended ended = connect(authority_.root_certificate(), "ACCEPT");
  EXPECT_EQ(ended.status, 1) << ended.device;
  EXPECT_NE(ended.device.find("tls: slot 00000078 "), std::string::npos)
      << "slot_not_found; " << ended.device;
}

INSTANTIATE_TEST_SUITE_P(Keys, TlsOnTarget, ::testing::Values("tls_client", "tls_client_psa"),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace pedigree::testing
