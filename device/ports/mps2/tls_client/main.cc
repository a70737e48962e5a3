// SPDX-License-Identifier: Apache-2.0
// A non-secure image that is a TLS client: Mbed TLS over UART0, with key and chain of the device's first slot
// for TLS. The secure world signs. In a second form of the image TLS runs on PSA Crypto and the key is one of
// its keys. What is at the other end of the line connects it to a server.
//
// First the line brings what the board does not have: 48 octets for the random generator, and the server's
// trust anchor (two octets of length, DER). All that follows are TLS records. The image says by semihosting
// how it went, and ends the emulator: 0 once a line came back reversed, 1 otherwise.
#include <mbedtls/hmac_drbg.h>
#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/ssl.h>

#include <algorithm>
#include <string_view>

#include "device/ports/mps2/board.h"
#include "device/ports/mps2/nonsecure/ring.h"
#include "device/ports/mps2/secure/gateway.h"
#include "device/ports/mps2/trial/semihosting.h"
#include "pedigree/slot.h"
#ifdef MBEDTLS_USE_PSA_CRYPTO
#include "pedigree/mbedtls_chain.h"
#include "pedigree/psa_key.h"
#include "psa/crypto.h"
#else
#include "pedigree/mbedtls_key.h"
#endif

namespace pedigree::mps2 {
namespace {

constexpr std::size_t kSeed = 48;
constexpr const char* kServer = "localhost";
constexpr std::string_view kLine = "pedigree\n";
constexpr std::string_view kReversed = "eergidep\n";

constexpr Uart uart(kNonSecureUart);
constinit Ring ring;
alignas(8) constinit std::array<std::uint8_t, std::size_t{64} * 1024> heap{};
constinit std::array<std::uint8_t, 4096> chain{};
constinit std::array<std::uint8_t, 2048> anchor{};

/// "tls: handshake 00007780 signature 00000078\n": the negated code of Mbed TLS, the service's status.
[[noreturn]] void give_up(const char* step, int code, psa_status_t signature = 0) {
  const auto say_hex = [](std::uint32_t value) {
    std::array<char, 9> text{};
    for (std::size_t i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 0xfU];
    say_to_emulator(text.data());
  };
  say_to_emulator("tls: ");
  say_to_emulator(step);
  say_to_emulator(" ");
  say_hex(static_cast<std::uint32_t>(code < 0 ? -code : code));
  say_to_emulator(" signature ");
  say_hex(static_cast<std::uint32_t>(signature));
  say_to_emulator("\n");
  end_emulator(1);
}

void require(const char* step, int code) {
  if (code != 0) give_up(step, code);
}

int send(void* /*context*/, const unsigned char* data, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) uart.put(data[i]);
  return static_cast<int>(size);
}

int receive(void* /*context*/, unsigned char* data, std::size_t size) {
  std::size_t got = 0;
  do {
    data[got++] = ring.wait();
  } while (got < size && !ring.empty());
  return static_cast<int>(got);
}

struct Client {
  mbedtls_x509_crt own;
  mbedtls_x509_crt server_anchor;
  mbedtls_pk_context pk;
#ifndef MBEDTLS_USE_PSA_CRYPTO
  pedigree_mbedtls_key_t key;
#endif
  mbedtls_hmac_drbg_context random;
  mbedtls_ssl_config config;
  mbedtls_ssl_context ssl;
};
constinit Client client{};

/// What the other end says first.
void read_preamble() {
  std::array<std::uint8_t, kSeed> seed{};
  for (auto& octet : seed) octet = ring.wait();
  mbedtls_hmac_drbg_init(&client.random);
  require("seed", mbedtls_hmac_drbg_seed_buf(&client.random, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
                                             seed.data(), seed.size()));
  std::size_t size = ring.wait();
  size = size << 8U | ring.wait();
  if (size > anchor.size()) give_up("anchor", static_cast<int>(size));
  std::generate_n(anchor.begin(), size, [] { return ring.wait(); });
  require("anchor", mbedtls_x509_crt_parse_der_nocopy(&client.server_anchor, anchor.data(), size));
}

#ifdef MBEDTLS_USE_PSA_CRYPTO
/// As a key of PSA Crypto.
int setup_key(std::uint32_t slot) {
  std::uint32_t id = 0;
  const auto bits = static_cast<std::uint32_t>(mbedtls_pk_get_bitlen(&client.own.pk));
  const psa_status_t status = pedigree_psa_register_key(PEDIGREE_SERVICE_HANDLE, slot, bits, &id);
  return status != 0 ? status : mbedtls_pk_setup_opaque(&client.pk, id);
}
#else
/// As a key of Mbed TLS 2.28.
int setup_key(std::uint32_t slot) {
  return pedigree_mbedtls_setup_key(&client.key, PEDIGREE_SERVICE_HANDLE, slot, &client.own, &client.pk);
}
#endif

/// Key and chain of the slot: the chain where it was read to, the key by its number.
void load_identity() {
  std::uint32_t slot = 0;
  std::size_t size = 0;
  require("slot", pedigree_find_tls_slot(PEDIGREE_SERVICE_HANDLE, &slot));
  require("load", pedigree_load_chain(PEDIGREE_SERVICE_HANDLE, slot, chain.data(), chain.size(), &size));
  require("chain", pedigree_mbedtls_parse_chain(&client.own, chain.data(), size));
  require("key", setup_key(slot));
}

void connect() {
  mbedtls_ssl_config& config = client.config;
  mbedtls_ssl_config_init(&config);
  mbedtls_ssl_init(&client.ssl);
  require("config", mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                MBEDTLS_SSL_PRESET_DEFAULT));
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&config, &client.server_anchor, nullptr);
  mbedtls_ssl_conf_rng(&config, mbedtls_hmac_drbg_random, &client.random);
  require("own certificate", mbedtls_ssl_conf_own_cert(&config, &client.own, &client.pk));
  require("setup", mbedtls_ssl_setup(&client.ssl, &config));
  require("server name", mbedtls_ssl_set_hostname(&client.ssl, kServer));
  mbedtls_ssl_set_bio(&client.ssl, nullptr, send, receive, nullptr);
  const int code = mbedtls_ssl_handshake(&client.ssl);
#ifdef MBEDTLS_USE_PSA_CRYPTO
  if (code != 0) give_up("handshake", code);
#else
  if (code != 0) give_up("handshake", code, client.key.status);
#endif
}

/// One line there, reversed back.
void talk() {
  const auto* const octets = reinterpret_cast<const unsigned char*>(kLine.data());
  int code = mbedtls_ssl_write(&client.ssl, octets, kLine.size());
  if (code < 0) give_up("write", code);
  std::array<unsigned char, 64> answer{};
  std::size_t size = 0;
  while (size < kReversed.size()) {
    code = mbedtls_ssl_read(&client.ssl, answer.data() + size, answer.size() - size);
    // A server that refuses the client's certificate says so here at the latest.
    if (code <= 0) give_up("read", code);
    size += static_cast<std::size_t>(code);
  }
  if (!std::equal(kReversed.begin(), kReversed.end(), answer.begin())) give_up("answer", 0);
  mbedtls_ssl_close_notify(&client.ssl);
  say_to_emulator("tls: ");
  say_to_emulator(mbedtls_ssl_get_version(&client.ssl));
  say_to_emulator(" ");
  say_to_emulator(mbedtls_ssl_get_ciphersuite(&client.ssl));
  say_to_emulator(", the line came back\n");
}

}  // namespace
}  // namespace pedigree::mps2

using namespace pedigree::mps2;

#ifdef MBEDTLS_USE_PSA_CRYPTO
/// Where PSA Crypto has its random numbers from.
extern "C" psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t* /*context*/,
                                                        std::uint8_t* output, std::size_t size,
                                                        std::size_t* length) {
  *length = size;
  return mbedtls_hmac_drbg_random(&client.random, output, size) == 0 ? PSA_SUCCESS
                                                                     : PSA_ERROR_INSUFFICIENT_ENTROPY;
}
#endif

extern "C" void uart_receive_interrupt() noexcept {
  uart.clear_interrupts();
  while (uart.received()) ring.put(uart.get());
}

extern "C" [[noreturn]] void nonsecure_main() noexcept {
  constexpr std::uintptr_t kInterruptEnable1 = 0xe000e104;
  mbedtls_memory_buffer_alloc_init(heap.data(), heap.size());
  uart.start(true);
  reg(kInterruptEnable1) = 1;
  read_preamble();
#ifdef MBEDTLS_USE_PSA_CRYPTO
  require("PSA Crypto", psa_crypto_init());
#endif
  load_identity();
  connect();
  talk();
  end_emulator(0);
}

/// What Mbed TLS's allocator ends a program with that has overwritten its heap.
extern "C" [[noreturn]] void exit(int status) {
  end_emulator(status == 0 ? 1U : static_cast<std::uint32_t>(status));
}
