// SPDX-License-Identifier: Apache-2.0
#include "cli/private_key.h"

#include <optional>

#include "cli/passphrase.h"
#include "crypto/openssl/token_key.h"

namespace pedigree::cli {
namespace {

using crypto::OpenSslKey;

std::unexpected<Problem> unusable(const std::string& key, std::string_view why, std::string next = {}) {
  return std::unexpected(Problem{.summary = "cannot sign with " + key + ": " + std::string(why),
                                 .details = {},
                                 .next = std::move(next),
                                 .note = {}});
}

/// What is wrong where a token gives no key.
std::unexpected<Problem> unusable_token(const std::string& key, ErrorCode code) {
  switch (code) {
    case ErrorCode::unsupported_algorithm:
      return unusable(key, "the key is neither RSA nor on P-256 or P-384");
    case ErrorCode::io_failure:
      return unusable(key, "the token's module cannot be loaded",
                      "name it: pkcs11:...?module-path=/usr/lib/softhsm/libsofthsm2.so");
    case ErrorCode::wrong_passphrase:
      return unusable(key, "the token refuses the PIN", "give --passphrase-file FILE with the token's PIN");
    case ErrorCode::key_not_found:
      return unusable(key, "there is no such private key, or no such token, or more than one",
                      "look for it: pkcs11-tool --list-objects, or p11tool --list-tokens");
    default:
      return unusable(key, sentence(code));
  }
}

std::expected<OpenSslKey, Problem> open_token_key(const std::string& key,
                                                  const std::string& passphrase_file) {
  const auto uri = pkcs11::Uri::parse(key);
  if (!uri) {
    return unusable("the PKCS#11 URI", "it is malformed, or has an attribute that is not taken here",
                    "a query may have module-path and pin-source; the PIN itself comes from a file");
  }
  const bool own_source = passphrase_file.empty() && !uri->pin_source().empty();
  const auto pin = read_passphrase(own_source ? uri->pin_source() : passphrase_file, false);
  if (!pin) return std::unexpected(pin.error());
  auto opened = crypto::open_token_key(*uri, pin->text());
  if (!opened) return unusable_token(uri->object(), opened.error().code);
  return *std::move(opened);
}

}  // namespace

std::expected<OpenSslKey, Problem> open_private_key(const std::string& key,
                                                    const std::string& passphrase_file) {
  if (pkcs11::is_uri(key)) return open_token_key(key, passphrase_file);
  const auto text = app::read_private(key);
  if (!text) return unusable(key, text.error().detail);
  auto opened = OpenSslKey::from_pem(text->text(), "");
  if (!opened && opened.error().code == ErrorCode::wrong_passphrase) {
    const auto passphrase = read_passphrase(passphrase_file, false);
    if (!passphrase) return std::unexpected(passphrase.error());
    opened = OpenSslKey::from_pem(text->text(), passphrase->text());
  }
  if (!opened) {
    return unusable(key, sentence(opened.error().code), "look at it: pedigree inspect " + key);
  }
  return *std::move(opened);
}

}  // namespace pedigree::cli
