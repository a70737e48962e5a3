// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/tls_client.h"

#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <array>

#include "core/bytes/error.h"
#include "pedigree/mbedtls_key.h"
#include "pedigree/slot.h"
#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

constexpr std::uint32_t kReadTimeoutMs = 2000;
constexpr std::size_t kMaxReceived = 16 * 1024;
constexpr std::size_t kMaxChain = 8192;

int random_bytes(void*, unsigned char* out, std::size_t size) {
  return psa_generate_random(out, size) == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}

/// Mbed TLS objects with their ends.
template <typename T, void (*Init)(T*), void (*Free)(T*)>
struct Owned {
  Owned() { Init(&value); }
  ~Owned() { Free(&value); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T value;
};

std::unexpected<std::string> failure(const std::string& what, int code) {
  std::array<char, 160> text{};
  mbedtls_strerror(code, text.data(), text.size());
  return std::unexpected(what + ": " + text.data());
}

class Client {
 public:
  std::expected<void, std::string> load_identity(psa_handle_t service, std::uint32_t slot) {
    std::size_t size = 0;
    const psa_status_t status = pedigree_load_chain(service, slot, chain_.data(), chain_.size(), &size);
    if (status != 0) {
      return std::unexpected("the slot's chain cannot be read: " +
                             std::string(sentence(static_cast<ErrorCode>(status))));
    }
    int code = pedigree_mbedtls_parse_chain(&own_.value, chain_.data(), size);
    if (code != 0) return failure("the slot's chain", code);
    code = pedigree_mbedtls_setup_key(&key_, service, slot, &own_.value, &pk_.value);
    if (code != 0) return failure("the slot's key", code);
    return {};
  }

  std::expected<void, std::string> connect(const TlsTarget& target) {
    int code = mbedtls_x509_crt_parse_file(&ca_.value, target.ca_file.c_str());
    if (code != 0) return failure(target.ca_file.string(), code);
    code = mbedtls_net_connect(&net_.value, target.host.c_str(), target.port.c_str(), MBEDTLS_NET_PROTO_TCP);
    if (code != 0) return failure(target.host + ":" + target.port, code);
    code = configure(target);
    if (code != 0) return failure("TLS set-up", code);
    while ((code = mbedtls_ssl_handshake(&ssl_.value)) != 0) {
      if (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
      if (key_.status > 0) {
        return std::unexpected("the device does not sign: " +
                               std::string(sentence(static_cast<ErrorCode>(key_.status))));
      }
      return failure("TLS handshake with " + target.host + ":" + target.port, code);
    }
    return {};
  }

  std::expected<TlsSession, std::string> talk(std::string_view request) {
    TlsSession session;
    session.version = mbedtls_ssl_get_version(&ssl_.value);
    session.cipher_suite = mbedtls_ssl_get_ciphersuite(&ssl_.value);
    std::array<char, 512> subject{};
    mbedtls_x509_dn_gets(subject.data(), subject.size(), &mbedtls_ssl_get_peer_cert(&ssl_.value)->subject);
    session.server_subject = subject.data();
    while (!request.empty()) {
      const int code = mbedtls_ssl_write(&ssl_.value, reinterpret_cast<const unsigned char*>(request.data()),
                                         request.size());
      if (code < 0) return failure("sending", code);
      request.remove_prefix(static_cast<std::size_t>(code));
    }
    std::array<unsigned char, 1024> buffer{};
    while (session.received.size() < kMaxReceived) {
      const int size = mbedtls_ssl_read(&ssl_.value, buffer.data(), buffer.size());
      if (size == MBEDTLS_ERR_SSL_WANT_READ) continue;
      if (size == 0 || size == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || size == MBEDTLS_ERR_SSL_TIMEOUT) break;
      // A server that refuses this client's certificate says so here.
      if (size < 0) return failure("the server ended the connection", size);
      session.received.append(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(size));
    }
    mbedtls_ssl_close_notify(&ssl_.value);
    return session;
  }

 private:
  int configure(const TlsTarget& target) {
    mbedtls_ssl_config& config = config_.value;
    int code = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                           MBEDTLS_SSL_PRESET_DEFAULT);
    if (code != 0) return code;
    mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config, &ca_.value, nullptr);
    mbedtls_ssl_conf_rng(&config, random_bytes, nullptr);
    mbedtls_ssl_conf_read_timeout(&config, kReadTimeoutMs);
    code = mbedtls_ssl_conf_own_cert(&config, &own_.value, &pk_.value);
    if (code == 0) code = mbedtls_ssl_setup(&ssl_.value, &config);
    if (code == 0) code = mbedtls_ssl_set_hostname(&ssl_.value, target.host.c_str());
    mbedtls_ssl_set_bio(&ssl_.value, &net_.value, mbedtls_net_send, mbedtls_net_recv,
                        mbedtls_net_recv_timeout);
    return code;
  }

  /// The chain is parsed where it lies, and the key is a name: both outlive what is made of them.
  std::array<std::uint8_t, kMaxChain> chain_{};
  pedigree_mbedtls_key_t key_{};
  Owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free> own_, ca_;
  Owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free> pk_;
  Owned<mbedtls_net_context, mbedtls_net_init, mbedtls_net_free> net_;
  Owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free> config_;
  Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> ssl_;
};

}  // namespace

std::expected<TlsSession, std::string> tls_connect(psa_handle_t service, std::uint32_t slot,
                                                   const TlsTarget& target, std::string_view request) {
  Client client;
  if (auto loaded = client.load_identity(service, slot); !loaded) return std::unexpected(loaded.error());
  if (auto connected = client.connect(target); !connected) return std::unexpected(connected.error());
  return client.talk(request);
}

}  // namespace pedigree::sim
