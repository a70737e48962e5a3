// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/rsa_key.h"

#include "core/bytes/reader.h"

namespace pedigree::crypto {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kSequence = 0x30;

/// Content octets of the next element. Lengths here fit two octets (kMaxPublicKeySize).
Result<Bytes> read_element(Reader& in, std::uint8_t tag) noexcept {
  PEDIGREE_ASSIGN(const std::uint8_t actual, in.u8());
  if (actual != tag) return fail(ErrorCode::invalid_key);
  PEDIGREE_ASSIGN(const std::uint8_t first, in.u8());
  if (first < 0x80) return in.take(first);
  const std::size_t width = first & 0x7fU;
  if (width < 1 || width > 2) return fail(ErrorCode::invalid_key);
  PEDIGREE_ASSIGN(const std::uint64_t length, in.big_endian(width));
  if (length < (width == 1 ? 0x80U : 0x100U)) return fail(ErrorCode::invalid_key);
  return in.take(static_cast<std::size_t>(length));
}

/// A positive INTEGER in its shortest form, without the sign octet.
Result<Bytes> read_positive(Reader& in) noexcept {
  PEDIGREE_ASSIGN(Bytes content, read_element(in, kInteger));
  if (content.empty() || content[0] >= 0x80) return fail(ErrorCode::invalid_key);
  if (content[0] == 0) {
    content = content.subspan(1);
    if (content.empty() || content[0] < 0x80) return fail(ErrorCode::invalid_key);
  }
  return content;
}

Result<RsaPublicKey> read_key(Bytes der) noexcept {
  Reader outer(der);
  PEDIGREE_ASSIGN(const Bytes sequence, read_element(outer, kSequence));
  PEDIGREE_TRY(outer.finish());
  Reader in(sequence);
  PEDIGREE_ASSIGN(const Bytes modulus, read_positive(in));
  PEDIGREE_ASSIGN(const Bytes exponent, read_positive(in));
  PEDIGREE_TRY(in.finish());
  return RsaPublicKey{modulus, exponent};
}

}  // namespace

Result<RsaPublicKey> parse_rsa_public_key(const PublicKey& key) noexcept {
  const auto parsed = read_key(key.key);
  const std::size_t bits = modulus_bits(key.type);
  if (!parsed || bits == 0) return fail(ErrorCode::invalid_key);
  const auto [modulus, exponent] = *parsed;
  const bool modulus_ok = modulus.size() * 8 == bits && modulus.front() >= 0x80 && (modulus.back() & 1U) != 0;
  const bool exponent_ok =
      exponent.size() <= 4 && (exponent.back() & 1U) != 0 && !(exponent.size() == 1 && exponent[0] == 1);
  if (!modulus_ok || !exponent_ok) return fail(ErrorCode::invalid_key);
  return *parsed;
}

}  // namespace pedigree::crypto
