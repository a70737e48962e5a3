// SPDX-License-Identifier: Apache-2.0
// A payload that decodes is the one encoding of what it says. A message that reads is a COSE_Sign1 for the
// general reader too, with the same parts, and its payload decodes. What does not is grant_malformed, with an
// offset inside the input. Nothing that is not signed verifies, and then nothing counts as seen.
#include <cstdlib>
#include <vector>

#include "core/cose/cose.h"
#include "core/grant/grant.h"
#include "crypto/openssl/openssl_crypto.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void require_malformed(const Error& error, Bytes data) {
  require(error.code == ErrorCode::grant_malformed);
  require(error.offset <= std::max(data.size(), grant::kMaxSize));
}

void check_payload(Bytes data) {
  const auto content = grant::decode(data);
  if (!content) return require_malformed(content.error(), data);
  require(content->expires_at > content->issued_at && data.size() <= grant::kMaxPayload);
  std::vector<std::uint8_t> copy(data.size());
  Writer out(copy);
  grant::encode(*content, out);
  require(out.fits() && equal(out.written(), data));
}

void check_message(Bytes data) {
  const auto read = grant::read(data);
  if (!read) return require_malformed(read.error(), data);
  const auto general = cose::Sign1::parse(data);
  require(general.has_value() && general->payload() && general->x5chain());
  require(equal(*general->payload(), read->payload));
  require(equal(general->signature(), read->signature));
  require(general->x5chain()->count == read->chain.size());
  check_payload(read->payload);
  grant::Seen seen{1, 2};
  std::array<std::uint8_t, grant::kScratch> scratch{};
  require(!grant::verify(crypto::OpenSslCrypto(), data, Sha256{}, seen, scratch));
  require(seen.time == 1 && seen.signer_since == 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_payload(input);
  check_message(input);
  return 0;
}
