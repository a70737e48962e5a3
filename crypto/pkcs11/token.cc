// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11/token.h"

#include "crypto/pkcs11/pool.h"

namespace pedigree::pkcs11 {
namespace {

CK_MECHANISM_TYPE number(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::rsa_pkcs1:
      return CKM_RSA_PKCS;
    case Mechanism::rsa_raw:
      return CKM_RSA_X_509;
    case Mechanism::ecdsa:
      break;
  }
  return CKM_ECDSA;
}

/// Answers about the request. All others may mean that the token, or its connection, is gone: tokens differ
/// in what they say then.
bool is_about_request(CK_RV value) {
  switch (value) {
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_DATA_INVALID:
    case CKR_BUFFER_TOO_SMALL:
    case CKR_KEY_SIZE_RANGE:
    case CKR_KEY_TYPE_INCONSISTENT:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view sentence(Trouble trouble) noexcept {
  switch (trouble) {
    case Trouble::busy:
      return "no session of the token became free";
    case Trouble::pin_refused:
      return "the token refuses the PIN (it was tried once; tokens lock themselves after a few)";
    case Trouble::several:
      return "more than one token is named like that";
    case Trouble::no_such_key:
      return "the token is there, and has no such private key with a public one, or more than one";
    case Trouble::another_key:
      return "the token has another key of that name";
    case Trouble::unusable:
      return "the token's key is neither RSA nor on P-256 or P-384";
    case Trouble::away:
      break;
  }
  return "the token is away";
}

TokenKey::~TokenKey() = default;

Result<std::unique_ptr<TokenKey>> TokenKey::open(const Uri& uri, std::string_view pin, const Limits& limits) {
  PEDIGREE_ASSIGN(auto token, Token::get(uri, pin, limits));
  std::unique_ptr<TokenKey> key(new TokenKey(std::move(token), uri));
  const auto lease = key->token_->lease();
  if (!lease) {
    return fail(lease.error().code == ErrorCode::too_many ? ErrorCode::key_not_found : lease.error().code);
  }
  PEDIGREE_ASSIGN(key->handle_.object, find_private_key(lease->session(), uri));
  PEDIGREE_ASSIGN(key->public_, read_public_half(lease->session(), key->handle_.object));
  key->handle_.epoch = lease->epoch();
  return key;
}

Result<std::unique_ptr<TokenKey>> TokenKey::expect(const Uri& uri, std::string_view pin, PublicHalf expected,
                                                   const Limits& limits) {
  PEDIGREE_ASSIGN(auto token, Token::get(uri, pin, limits));
  std::unique_ptr<TokenKey> key(new TokenKey(std::move(token), uri));
  key->public_ = std::move(expected);
  const auto trouble = key->look();
  if (!trouble || *trouble == Trouble::away || *trouble == Trouble::busy) return key;
  switch (*trouble) {
    case Trouble::pin_refused:
      return fail(ErrorCode::wrong_passphrase);
    case Trouble::another_key:
      return fail(ErrorCode::key_mismatch);
    case Trouble::unusable:
      return fail(ErrorCode::unsupported_algorithm);
    default:
      return fail(ErrorCode::key_not_found);
  }
}

std::expected<unsigned long, Trouble> TokenKey::search(const Lease& lease) const {
  const auto found = find_private_key(lease.session(), uri_);
  const auto half = found ? read_public_half(lease.session(), *found) : std::unexpected(found.error());
  if (half && *half == public_) return *found;
  if (half) return std::unexpected(Trouble::another_key);
  switch (half.error().code) {
    case ErrorCode::key_not_found:
      return std::unexpected(Trouble::no_such_key);
    case ErrorCode::unsupported_algorithm:
      return std::unexpected(Trouble::unusable);
    default:
      return std::unexpected(Trouble::away);
  }
}

TokenKey::Tried<unsigned long> TokenKey::find(const Lease& lease) {
  const std::lock_guard lock(mutex_);
  if (handle_.epoch == lease.epoch()) return handle_.object;
  const auto found = search(lease);
  if (found) {
    handle_ = {lease.epoch(), *found};
    return *found;
  }
  // The session may be of a token that is not there any more. Looking for it ends the sessions of all keys,
  // so a key that stays missing is looked for now and then only.
  const bool again = Clock::now() >= next_reset_;
  if (again) {
    next_reset_ = Clock::now() + token_->limits().pause;
    token_->lost(lease.epoch());
  }
  return std::unexpected(Failure{ErrorCode::key_not_found, found.error(), again});
}

template <typename T>
TokenKey::Tried<T> TokenKey::remember(Tried<T> done) {
  const std::lock_guard lock(mutex_);
  trouble_ = done ? std::nullopt : done.error().trouble;
  return done;
}

std::optional<Trouble> TokenKey::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

TokenKey::Tried<Lease> TokenKey::lease() {
  auto lease = token_->lease();
  if (lease) return *std::move(lease);
  switch (lease.error().code) {
    case ErrorCode::timeout:
      return std::unexpected(Failure{ErrorCode::timeout, Trouble::busy});
    case ErrorCode::wrong_passphrase:
      return std::unexpected(Failure{ErrorCode::key_not_found, Trouble::pin_refused});
    case ErrorCode::too_many:
      return std::unexpected(Failure{ErrorCode::key_not_found, Trouble::several});
    default:
      return std::unexpected(Failure{ErrorCode::key_not_found, Trouble::away});
  }
}

std::optional<Trouble> TokenKey::look() {
  auto found = try_find();
  if (!found && found.error().again) found = try_find();
  (void)remember(found);
  return trouble();
}

TokenKey::Tried<void> TokenKey::try_find() {
  const auto session = lease();
  if (!session) return std::unexpected(session.error());
  {
    // What was found before need not be there any more.
    const std::lock_guard lock(mutex_);
    handle_ = {};
  }
  const auto found = find(*session);
  if (!found) return std::unexpected(found.error());
  return {};
}

Result<std::size_t> TokenKey::sign(Mechanism mechanism, Bytes input, MutableBytes out) {
  auto done = try_sign(mechanism, input, out);
  // Once more: a token that was replaced or restarted is there again, and nobody need hear of it.
  if (!done && done.error().again) done = try_sign(mechanism, input, out);
  done = remember(done);
  if (!done) return fail(done.error().code);
  return *done;
}

TokenKey::Tried<std::size_t> TokenKey::try_sign(Mechanism mechanism, Bytes input, MutableBytes out) {
  const auto lent = lease();
  if (!lent) return std::unexpected(lent.error());
  const auto object = find(*lent);
  if (!object) return std::unexpected(object.error());
  const Session& session = lent->session();
  CK_MECHANISM wanted{number(mechanism), nullptr, 0};
  CK_RV done = session.library->C_SignInit(session.handle, &wanted, *object);
  CK_ULONG size = out.size();
  if (done == CKR_OK) {
    // PKCS#11 does not mark what it only reads.
    done = session.library->C_Sign(session.handle, const_cast<std::uint8_t*>(input.data()), input.size(),
                                   out.data(), &size);
  }
  if (done == CKR_OK) return size;
  if (is_about_request(done)) {
    return std::unexpected(
        Failure{done == CKR_BUFFER_TOO_SMALL ? ErrorCode::buffer_too_small : ErrorCode::crypto_failure});
  }
  token_->lost(lent->epoch());
  return std::unexpected(Failure{ErrorCode::key_not_found, Trouble::away, true});
}

}  // namespace pedigree::pkcs11
