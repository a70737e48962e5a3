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

TokenKey::~TokenKey() = default;

Result<std::unique_ptr<TokenKey>> TokenKey::open(const Uri& uri, std::string_view pin, const Limits& limits) {
  PEDIGREE_ASSIGN(auto token, Token::get(uri, pin, limits));
  std::unique_ptr<TokenKey> key(new TokenKey(std::move(token), uri));
  PEDIGREE_ASSIGN(const auto lease, key->token_->lease());
  PEDIGREE_ASSIGN(key->handle_.object, find_private_key(lease.session(), uri));
  PEDIGREE_ASSIGN(key->public_, read_public_half(lease.session(), key->handle_.object));
  key->handle_.epoch = lease.epoch();
  return key;
}

Result<std::size_t> TokenKey::sign(Mechanism mechanism, Bytes input, MutableBytes out) {
  auto done = try_sign(mechanism, input, out);
  // Once more: a token that was replaced or restarted is there again, and nobody need hear of it.
  if (!done && done.error().away) done = try_sign(mechanism, input, out);
  if (!done) return fail(done.error().code);
  return *done;
}

std::expected<std::size_t, TokenKey::Failure> TokenKey::try_sign(Mechanism mechanism, Bytes input,
                                                                 MutableBytes out) {
  const auto lease = token_->lease();
  if (!lease) {
    const bool busy = lease.error().code == ErrorCode::timeout;
    return std::unexpected(Failure{busy ? ErrorCode::timeout : ErrorCode::key_not_found});
  }
  const auto away = [&] {
    token_->lost(lease->epoch());
    return std::unexpected(Failure{ErrorCode::key_not_found, true});
  };
  Handle handle;
  {
    const std::lock_guard lock(mutex_);
    if (handle_.epoch != lease->epoch()) {
      const auto found = find_private_key(lease->session(), uri_);
      if (!found) return away();
      const auto half = read_public_half(lease->session(), *found);
      if (!half || *half != public_) return away();
      handle_ = {lease->epoch(), *found};
    }
    handle = handle_;
  }
  const Session& session = lease->session();
  CK_MECHANISM wanted{number(mechanism), nullptr, 0};
  CK_RV done = session.library->C_SignInit(session.handle, &wanted, handle.object);
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
  return away();
}

}  // namespace pedigree::pkcs11
