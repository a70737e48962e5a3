// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/rsa_key.h"

namespace pedigree::crypto {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kSequence = 0x30;

/// Reads elements one after another; after the first that is not well-formed, everything is empty.
class Elements {
 public:
  explicit Elements(Bytes der) noexcept : rest_(der) {}

  /// Content octets of the next element. Lengths here fit two octets (kMaxPublicKeySize).
  Bytes read(std::uint8_t tag) noexcept {
    const bool tagged = octet() == tag;
    std::size_t length = octet();
    if (length > 0x80) {
      const bool two = length == 0x82;
      good_ = good_ && length <= 0x82;
      length = octet();
      if (two) length = 256 * length + octet();
      good_ = good_ && length >= (two ? 0x100U : 0x80U);
    } else {
      good_ = good_ && length < 0x80;
    }
    good_ = good_ && tagged && length <= rest_.size();
    if (!good_) return {};
    const Bytes content = rest_.first(length);
    rest_ = rest_.subspan(length);
    return content;
  }

  /// A positive INTEGER in its shortest form, without the sign octet.
  Bytes positive() noexcept {
    Bytes content = read(kInteger);
    const bool signed_off = content.size() > 1 && content[0] == 0;
    if (signed_off) content = content.subspan(1);
    good_ = good_ && !content.empty() && content[0] != 0 && (content[0] >= 0x80) == signed_off;
    return content;
  }

  [[nodiscard]] bool finished() const noexcept { return good_ && rest_.empty(); }

 private:
  std::uint8_t octet() noexcept {
    if (rest_.empty()) {
      good_ = false;
      return 0;
    }
    const std::uint8_t value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }

  Bytes rest_;
  bool good_ = true;
};

}  // namespace

Result<RsaPublicKey> parse_rsa_public_key(const PublicKey& key) noexcept {
  Elements outer(key.key);
  Elements in(outer.read(kSequence));
  const Bytes modulus = in.positive();
  const Bytes exponent = in.positive();
  const std::size_t bits = modulus_bits(key.type);
  if (!outer.finished() || !in.finished() || bits == 0) return fail(ErrorCode::invalid_key);
  const bool modulus_ok = modulus.size() * 8 == bits && modulus.front() >= 0x80 && (modulus.back() & 1U) != 0;
  const bool exponent_ok =
      exponent.size() <= 4 && (exponent.back() & 1U) != 0 && !(exponent.size() == 1 && exponent[0] == 1);
  if (!modulus_ok || !exponent_ok) return fail(ErrorCode::invalid_key);
  return RsaPublicKey{modulus, exponent};
}

}  // namespace pedigree::crypto
