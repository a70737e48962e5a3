// SPDX-License-Identifier: Apache-2.0
// A token that signs: its sessions are lent one thread each, and a token that was away is found again.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>

#include "core/crypto/crypto.h"
#include "crypto/pkcs11/uri.h"

namespace pedigree::pkcs11 {

/// How a token is used.
struct Limits {
  unsigned sessions = 8;                  ///< open at the same time; fewer where the token allows no more
  std::chrono::milliseconds wait{5000};   ///< for a free session
  std::chrono::milliseconds pause{1000};  ///< between two attempts to find a token that is away
};

/// The public half of a key in a token, unsigned big-endian.
struct PublicHalf {
  crypto::KeyType type{};
  std::vector<std::uint8_t> point;     ///< P-256, P-384: uncompressed
  std::vector<std::uint8_t> modulus;   ///< RSA
  std::vector<std::uint8_t> exponent;  ///< RSA
  friend bool operator==(const PublicHalf&, const PublicHalf&) = default;
};

enum class Mechanism : std::uint8_t {
  ecdsa,      ///< CKM_ECDSA: a digest in, r | s out
  rsa_pkcs1,  ///< CKM_RSA_PKCS: a DigestInfo in
  rsa_raw,    ///< CKM_RSA_X_509: a padded block in
};

/// What keeps a key from signing.
enum class Trouble : std::uint8_t {
  away,         ///< no such token, its module does not start, or it fails
  busy,         ///< no session became free
  pin_refused,  ///< and is not tried again by itself
  several,      ///< more than one token is named like that
  no_such_key,  ///< the token is there, and the key, or its public half, is not in it; or there are several
  another_key,  ///< the key of that name is another one
  unusable,     ///< it is neither RSA nor on P-256 or P-384
};
/// A sentence about the token, without a full stop. Static storage.
[[nodiscard]] std::string_view sentence(Trouble trouble) noexcept;

class Token;
class Lease;

/// A private key in a token. Any number of threads may sign at the same time.
class TokenKey {
 public:
  /// Logs in with a PIN, which may be empty, once: a PIN that was refused is not tried again by itself,
  /// because tokens lock themselves. Keys of one token share its sessions; the limits of the first count.
  /// Errors: io_failure (the module cannot be loaded), key_not_found (no such token or key, or more than
  /// one), wrong_passphrase, unsupported_algorithm (neither RSA nor on P-256 or P-384), timeout,
  /// crypto_failure.
  [[nodiscard]] static Result<std::unique_ptr<TokenKey>> open(const Uri& uri, std::string_view pin,
                                                              const Limits& limits = {});
  /// Opens a key whose public half is known, and which may be away for the time being (Trouble::away and
  /// busy): it signs as soon as the token is there, if it is this key. Errors: as above but for a token that
  /// is away; key_mismatch (the token has another key of that name).
  [[nodiscard]] static Result<std::unique_ptr<TokenKey>> expect(const Uri& uri, std::string_view pin,
                                                                PublicHalf expected,
                                                                const Limits& limits = {});
  ~TokenKey();
  TokenKey(const TokenKey&) = delete;
  TokenKey& operator=(const TokenKey&) = delete;

  [[nodiscard]] const PublicHalf& public_half() const noexcept { return public_; }
  /// Signs, and gives the octets written to `out`. A token that is away is looked for at most once in
  /// Limits::pause; meanwhile this fails at once. One that comes back with another key under the same name
  /// does not count. Errors: key_not_found (trouble() says which), timeout (no session became free),
  /// crypto_failure (the token refuses this), buffer_too_small.
  [[nodiscard]] Result<std::size_t> sign(Mechanism mechanism, Bytes input, MutableBytes out);
  /// Looks for the key as sign() does, and gives trouble().
  std::optional<Trouble> look();
  /// What kept it from signing when that was last tried; empty: nothing.
  [[nodiscard]] std::optional<Trouble> trouble() const;

 private:
  using Clock = std::chrono::steady_clock;
  TokenKey(std::shared_ptr<Token> token, Uri uri) : token_(std::move(token)), uri_(std::move(uri)) {}
  struct Handle {
    std::uint64_t epoch = 0;
    unsigned long object = 0;
  };
  /// Whether a failure may be the token's absence, and so is worth another attempt. Without trouble it is
  /// about the request.
  struct Failure {
    ErrorCode code{};
    std::optional<Trouble> trouble{};
    bool again = false;
  };
  template <typename T>
  using Tried = std::expected<T, Failure>;
  [[nodiscard]] Tried<Lease> lease();
  [[nodiscard]] std::expected<unsigned long, Trouble> search(const Lease& lease) const;
  /// The key's object, for the sessions of this lease's epoch.
  [[nodiscard]] Tried<unsigned long> find(const Lease& lease);
  Tried<void> try_find();
  Tried<std::size_t> try_sign(Mechanism mechanism, Bytes input, MutableBytes out);
  template <typename T>
  Tried<T> remember(Tried<T> done);

  std::shared_ptr<Token> token_;
  Uri uri_;
  PublicHalf public_;
  mutable std::mutex mutex_;
  Handle handle_;
  std::optional<Trouble> trouble_;
  Clock::time_point next_reset_{};  ///< a key that is missing ends the others' sessions no sooner
};

}  // namespace pedigree::pkcs11
