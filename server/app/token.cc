// SPDX-License-Identifier: Apache-2.0
#include "server/app/token.h"

#include <fmt/format.h>

#include <cstdlib>

#include "crypto/openssl/openssl_crypto.h"
#include "crypto/openssl/token_key.h"
#include "crypto/pkcs11/setup.h"
#include "registry/device.h"

namespace pedigree::app {
namespace {

using authority::refuse;

Answer<pkcs11::Uri> parse(std::string_view text) {
  auto uri = pkcs11::Uri::parse(text);
  if (!uri) {
    return refuse(
        ErrorCode::bad_configuration,
        "the PKCS#11 URI is malformed, or has an attribute that is not taken here: a query may have "
        "module-path and pin-source, and the PIN itself comes from a file");
  }
  return *std::move(uri);
}

Answer<SecretText> pin_for(const pkcs11::Uri& uri) {
  if (!uri.pin_source().empty()) {
    auto text = read_private(uri.pin_source());
    if (!text) return std::unexpected(text.error());
    const std::string_view line = text->text();
    return SecretText(std::string(line.substr(0, line.find_first_of("\r\n"))));
  }
  // Not forgotten by the environment: several keys may be in tokens.
  const char* const given = std::getenv("PEDIGREE_PIN");
  return SecretText(std::string(given == nullptr ? "" : given));
}

/// What is wrong where a token gives no key.
std::unexpected<authority::Refusal> refuse_token(const pkcs11::Uri& uri, ErrorCode code) {
  const auto because = [&](std::string_view why) {
    return refuse(code, fmt::format("{}: {}", uri.object(), why));
  };
  switch (code) {
    case ErrorCode::io_failure:
      return because("the token's module cannot be loaded; module-path in the URI names it");
    case ErrorCode::wrong_passphrase:
      return because("the token refuses the PIN (it was tried once; tokens lock themselves after a few)");
    case ErrorCode::key_not_found:
      return because("there is no such private key, or no such token, or more than one; is it plugged in?");
    case ErrorCode::unsupported_algorithm:
      return because("the key is neither RSA nor on P-256 or P-384");
    case ErrorCode::duplicate_key:
      return because("the token has a key of that name already");
    default:
      return because(sentence(code));
  }
}

}  // namespace

Answer<crypto::OpenSslKey> open_token_key(std::string_view text) {
  const auto uri = parse(text);
  if (!uri) return std::unexpected(uri.error());
  const auto pin = pin_for(*uri);
  if (!pin) return std::unexpected(pin.error());
  auto key = crypto::open_token_key(*uri, pin->text());
  if (!key) return refuse_token(*uri, key.error().code);
  return *std::move(key);
}

Answer<crypto::OpenSslKey> expect_token_key(std::string_view text, const crypto::PublicKey& expected) {
  const auto uri = parse(text);
  if (!uri) return std::unexpected(uri.error());
  const auto pin = pin_for(*uri);
  if (!pin) return std::unexpected(pin.error());
  auto key = crypto::expect_token_key(*uri, pin->text(), expected);
  if (!key) return refuse_token(*uri, key.error().code);
  return *std::move(key);
}

std::string token_name(std::string_view text) {
  const auto uri = pkcs11::Uri::parse(text);
  if (!uri) return std::string(text);
  const std::string label = uri->token_label();
  return label.empty() ? uri->object() : label;
}

Answer<crypto::OpenSslKey> make_token_key(std::string_view text, crypto::KeyType type) {
  const auto uri = parse(text);
  if (!uri) return std::unexpected(uri.error());
  const auto pin = pin_for(*uri);
  if (!pin) return std::unexpected(pin.error());
  if (const auto made = pkcs11::generate_key(*uri, pin->text(), type); !made) {
    return refuse_token(*uri, made.error().code);
  }
  return open_token_key(text);
}

Answer<std::string> make_trial_token(const TrialToken& wanted) {
  const std::filesystem::path folder = std::filesystem::absolute(wanted.directory);
  const std::filesystem::path tokens = folder / "tokens";
  for (const auto& path : {folder, tokens}) {
    if (const auto made = make_directory(path); !made) return std::unexpected(made.error());
  }
  const std::string config = fmt::format(
      "# The token {} for trying; give the programs that use it SOFTHSM2_CONF with this file's name.\n"
      "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
      wanted.label, tokens.string());
  if (const auto done = write_private(folder / "softhsm2.conf", config); !done) {
    return std::unexpected(done.error());
  }
  const crypto::OpenSslCrypto crypto;
  std::array<SecretText, 2> pins;
  const std::array<std::filesystem::path, 2> files{folder / "pin", folder / "so-pin"};
  for (std::size_t i = 0; i < pins.size(); ++i) {
    SecretArray<16> random;
    if (const auto filled = crypto.random(random.span()); !filled) return refuse(filled.error());
    pins.at(i) = SecretText(registry::hex(random.span()));
    if (const auto done = write_private(files.at(i), pins.at(i).text() + "\n"); !done) {
      return std::unexpected(done.error());
    }
  }
  ::setenv("SOFTHSM2_CONF", (folder / "softhsm2.conf").c_str(), 1);
  const auto made = pkcs11::init_token(wanted.module_path, wanted.label, pins[1].text(), pins[0].text());
  if (!made) {
    const bool module = made.error().code == ErrorCode::io_failure;
    return refuse(made.error().code,
                  module ? wanted.module_path + " cannot be loaded (Debian's package softhsm2 has it)"
                         : fmt::format("the token {}: {}", wanted.label, sentence(made.error().code)));
  }
  return fmt::format("pkcs11:token={}?module-path={}&pin-source={}", pkcs11::escape(wanted.label),
                     wanted.module_path, files[0].string());
}

}  // namespace pedigree::app
