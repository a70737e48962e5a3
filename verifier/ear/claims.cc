// SPDX-License-Identifier: Apache-2.0
#include "verifier/ear/claims.h"

#include "core/x509/certificate.h"

namespace pedigree::verifier {

Result<Sha256> ear_key_id(const crypto::Crypto& crypto, const crypto::PrivateKey& key) {
  if (key.type != crypto::KeyType::p256) return fail(ErrorCode::wrong_key_type);
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
  PEDIGREE_ASSIGN(const crypto::PublicKey public_key, crypto.public_key(key, point));
  std::array<std::uint8_t, 128> spki{};
  Writer out(spki);
  der::Builder builder(out);
  x509::write_spki(public_key, builder);
  return crypto.sha256(out.written());
}

Result<void> check_ear_options(const EarOptions& options) noexcept {
  const std::size_t size = options.nonce.size();
  if (size != 0 && (size < 8 || size > 64)) return fail(ErrorCode::bad_value);
  return {};
}

bool names_key(const Appraisal& appraisal) noexcept {
  return appraisal.verdict != Verdict::rejected && !appraisal.attested_key.empty();
}

}  // namespace pedigree::verifier
