// SPDX-License-Identifier: Apache-2.0
// Files of an authority's directory: made 0600; secrets are refused where others may read them, the rest
// where others may write it.
#pragma once

#include <filesystem>

#include "authority/ca_certificate.h"
#include "crypto/openssl/keys.h"

namespace pedigree::app {

using authority::Answer;
using authority::Der;

/// A text that wipes itself.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) { clear(text); }
  SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) { clear(other.text_); }
  SecretText& operator=(SecretText&& other) noexcept {
    if (this == &other) return *this;
    clear(text_);
    text_ = std::move(other.text_);
    clear(other.text_);
    return *this;
  }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { clear(text_); }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  static void clear(std::string& text) noexcept {
    text.resize(text.capacity());  // a short text that was moved from is still there, past its end
    wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    text.clear();
  }
  std::string text_;
};

/// Names of the files in an authority's directory.
struct Layout {
  std::filesystem::path directory;
  [[nodiscard]] std::filesystem::path config() const { return directory / "authority.toml"; }
  /// What stations may.
  [[nodiscard]] std::filesystem::path policy() const { return directory / "policy.toml"; }
  [[nodiscard]] std::filesystem::path verifier_policy() const { return directory / "verifier.toml"; }
  /// The key that signs EARs; an authority of before it had one has none.
  [[nodiscard]] std::filesystem::path verifier_key() const { return directory / "verifier.key.pem"; }
  [[nodiscard]] std::filesystem::path root_certificate() const { return directory / "root.cert.pem"; }
  [[nodiscard]] std::filesystem::path root_key() const { return directory / "root.key.pem"; }
  [[nodiscard]] std::filesystem::path nonce_key() const { return directory / "nonce.key"; }
  [[nodiscard]] std::filesystem::path database() const { return directory / "pedigree.sqlite"; }
  /// The number of the last trust bundle.
  [[nodiscard]] std::filesystem::path bundle_number() const { return directory / "bundle.number"; }
  /// Who signs the lists of revoked firmware signers.
  [[nodiscard]] std::filesystem::path list_certificate() const { return directory / "revocations.cert.pem"; }
  [[nodiscard]] std::filesystem::path list_key() const { return directory / "revocations.key.pem"; }
  /// Who signs grants.
  [[nodiscard]] std::filesystem::path grant_certificate() const { return directory / "grants.cert.pem"; }
  [[nodiscard]] std::filesystem::path grant_key() const { return directory / "grants.key.pem"; }
  /// The key of the next one, while its certificate is being made elsewhere.
  [[nodiscard]] std::filesystem::path next_grant_key() const { return directory / "grants.next.key.pem"; }
  /// The audit log's key: private, and public as a line of text.
  [[nodiscard]] std::filesystem::path log_key() const { return directory / "audit.key.pem"; }
  [[nodiscard]] std::filesystem::path log_public_key() const { return directory / "audit.vkey"; }
  [[nodiscard]] std::filesystem::path issuers() const { return directory / "issuers"; }
  [[nodiscard]] std::filesystem::path issuer_certificate(std::string_view name) const {
    return issuers() / (std::string(name) + ".cert.pem");
  }
  [[nodiscard]] std::filesystem::path issuer_key(std::string_view name) const {
    return issuers() / (std::string(name) + ".key.pem");
  }
  [[nodiscard]] std::filesystem::path tls() const { return directory / "tls"; }
  /// `who`: ca, server, station, operator, relying-party.
  [[nodiscard]] std::filesystem::path tls_certificate(std::string_view who) const {
    return tls() / (std::string(who) + ".cert.pem");
  }
  [[nodiscard]] std::filesystem::path tls_key(std::string_view who) const {
    return tls() / (std::string(who) + ".key.pem");
  }
};

/// Creates a directory with mode 0700; an empty one that is there already is taken. Errors: io_failure.
[[nodiscard]] Answer<void> make_directory(const std::filesystem::path& path);
/// Creates a file, which must not exist, with mode 0600, and synchronises it. Errors: io_failure.
[[nodiscard]] Answer<void> write_private(const std::filesystem::path& path, std::string_view text);
/// The same over a file that may be there, and is whole in any case: the new one is made beside it first.
[[nodiscard]] Answer<void> replace_private(const std::filesystem::path& path, std::string_view text);
/// Refuses a file or directory that group or others may write (bad_configuration). Errors: io_failure.
[[nodiscard]] Answer<void> check_ours(const std::filesystem::path& path);
/// A certificate or configuration. Errors: io_failure; bad_configuration where group or others may write it.
[[nodiscard]] Answer<std::string> read_text(const std::filesystem::path& path);
/// Errors: io_failure; bad_configuration where group or others have any access.
[[nodiscard]] Answer<SecretText> read_private(const std::filesystem::path& path);

/// A private key that is encrypted, or is not. Errors: those of read_private and OpenSslKey::from_pem.
[[nodiscard]] Answer<crypto::OpenSslKey> open_key(const std::filesystem::path& path,
                                                  const SecretText& passphrase);

/// A certificate as PEM (RFC 7468 5).
[[nodiscard]] std::string certificate_pem(Bytes der);
/// The first certificate of a PEM file. Errors: those of read_text, bad_pem.
[[nodiscard]] Answer<Der> read_certificate(const std::filesystem::path& path);

}  // namespace pedigree::app
