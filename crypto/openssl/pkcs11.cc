// SPDX-License-Identifier: Apache-2.0
// OpenSSL 3.0 marks engines as deprecated, but Debian 12 has no provider for PKCS#11.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/openssl/pkcs11.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <unistd.h>

#include <optional>

namespace pedigree::crypto {
namespace {

constexpr std::string_view kScheme = "pkcs11:";

/// Return values of PKCS#11 that the engine hands on as reasons: CKR_PIN_INCORRECT to CKR_PIN_LOCKED.
constexpr int kPinIncorrect = 0xa0;
constexpr int kPinLocked = 0xa4;

/// A reference to the engine, given back with what ENGINE_init took.
struct EngineReference {
  explicit EngineReference(ENGINE* engine) : engine_(engine) {}
  ~EngineReference() { ENGINE_free(engine_); }
  EngineReference(const EngineReference&) = delete;
  EngineReference& operator=(const EngineReference&) = delete;
  ENGINE* engine_;
};

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

/// A value without its %-escapes (RFC 3986 2.1).
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  return out;
}

/// Empties the queue of errors; whether a PIN was refused.
bool pin_was_refused() {
  bool refused = false;
  while (const unsigned long error = ERR_get_error()) {
    const int reason = ERR_GET_REASON(error);
    refused = refused || (reason >= kPinIncorrect && reason <= kPinLocked);
  }
  return refused;
}

bool control(ENGINE* engine, const char* command, const char* value) {
  return ENGINE_ctrl_cmd_string(engine, command, value, 0) == 1;
}

}  // namespace

bool is_pkcs11_uri(std::string_view text) noexcept {
  return text.starts_with(kScheme);
}

Result<Pkcs11Uri> parse_pkcs11_uri(std::string_view text) {
  if (!is_pkcs11_uri(text)) return fail(ErrorCode::bad_value);
  const std::size_t question = std::min(text.find('?'), text.size());
  Pkcs11Uri uri;
  uri.object = text.substr(0, question);
  // An attribute of that name among those of the path is no better hidden.
  if (uri.object.find("pin-value") != std::string::npos) return fail(ErrorCode::bad_value);
  std::string_view query = text.substr(std::min(question + 1, text.size()));
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view attribute = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(attribute.find('='), attribute.size());
    const auto value = unescape(attribute.substr(std::min(equals + 1, attribute.size())));
    const std::string_view name = attribute.substr(0, equals);
    if (!value || value->empty()) return fail(ErrorCode::bad_value);
    if (name == "module-path") {
      uri.module_path = *value;
    } else if (name == "pin-source") {
      uri.pin_source = value->starts_with("file:") ? value->substr(5) : *value;
    } else {
      return fail(ErrorCode::bad_value);
    }
  }
  return uri;
}

Result<OpenSslKey> open_pkcs11_key(const Pkcs11Uri& uri, std::string_view pin) {
  if (!uri.module_path.empty() && access(uri.module_path.c_str(), R_OK) != 0)
    return fail(ErrorCode::io_failure);
  OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, nullptr);
  const EngineReference found(ENGINE_by_id("pkcs11"));
  ENGINE* const engine = found.engine_;
  if (engine == nullptr) {
    ERR_clear_error();
    return fail(ErrorCode::unsupported_algorithm);
  }
  (void)control(engine, "QUIET", nullptr);  // failures are told here
  const std::string pin_text(pin);
  const bool loaded = (uri.module_path.empty() || control(engine, "MODULE_PATH", uri.module_path.c_str())) &&
                      (pin.empty() || control(engine, "PIN", pin_text.c_str())) && ENGINE_init(engine) == 1;
  if (!loaded) {
    ERR_clear_error();
    return fail(ErrorCode::io_failure);
  }
  EVP_PKEY* const key =
      ENGINE_load_private_key(engine, uri.object.c_str(), const_cast<UI_METHOD*>(UI_null()), nullptr);
  if (key == nullptr) return fail(pin_was_refused() ? ErrorCode::wrong_passphrase : ErrorCode::key_not_found);
  ERR_clear_error();
  return OpenSslKey::adopt(key);
}

}  // namespace pedigree::crypto
