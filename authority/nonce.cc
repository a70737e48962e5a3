// SPDX-License-Identifier: Apache-2.0
#include "authority/nonce.h"

namespace pedigree::authority {
namespace {

constexpr std::size_t kExpirySize = 8;

}  // namespace

Result<Nonce> make_nonce(const crypto::Crypto& crypto, Bytes secret, const registry::DeviceId& device,
                         std::string_view profile, der::UnixTime expires) {
  Nonce nonce{};
  for (std::size_t i = 0; i < kExpirySize; ++i) {
    nonce.at(i) =
        static_cast<std::uint8_t>(static_cast<std::uint64_t>(expires) >> (8 * (kExpirySize - 1 - i)));
  }
  // The device id has a fixed length, so the concatenation is unambiguous.
  const Bytes parts[] = {as_bytes("pedigree nonce"), Bytes(nonce).first(kExpirySize), device,
                         as_bytes(profile)};
  PEDIGREE_ASSIGN(const Sha256 mac, crypto.hmac_sha256(secret, parts));
  std::copy_n(mac.begin(), nonce.size() - kExpirySize, nonce.begin() + kExpirySize);
  return nonce;
}

Result<void> check_nonce(const crypto::Crypto& crypto, Bytes secret, const registry::DeviceId& device,
                         std::string_view profile, der::UnixTime now, Bytes nonce) {
  if (nonce.size() != enrol::kNonceSize) return fail(ErrorCode::bad_nonce);
  std::uint64_t expires = 0;
  for (std::size_t i = 0; i < kExpirySize; ++i) expires = (expires << 8U) | nonce[i];
  const auto expected = make_nonce(crypto, secret, device, profile, static_cast<der::UnixTime>(expires));
  if (!expected) return std::unexpected(expected.error());
  if (!equal_secret(*expected, nonce)) return fail(ErrorCode::bad_nonce);
  if (static_cast<der::UnixTime>(expires) < now) return fail(ErrorCode::bad_nonce);
  return {};
}

}  // namespace pedigree::authority
