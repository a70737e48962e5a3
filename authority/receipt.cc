// SPDX-License-Identifier: Apache-2.0
#include "authority/receipt.h"

#include "core/cose/cose.h"
#include "core/evidence/challenge.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/certificate.h"

namespace pedigree::authority {
namespace {

std::unexpected<Refusal> bad(std::string_view what) {
  return refuse(ErrorCode::bad_receipt, "the receipt " + std::string(what));
}

Result<Sha256> chain_digest(const crypto::Crypto& crypto, const std::vector<Bytes>& chain) {
  std::size_t size = 16;
  for (const Bytes certificate : chain) size += certificate.size() + 8;
  std::vector<std::uint8_t> buffer(size);
  Writer out(buffer);
  cbor::Encoder encoder(out);
  cose::write_chain(chain, encoder);
  PEDIGREE_ASSIGN(const Bytes wire, out.finish());
  return crypto.sha256(wire);
}

/// What is to be stated, and by whom.
struct Expected {
  const registry::DeviceId& device;
  Bytes nonce;
  const Sha256& chain_sha256;
};

Answer<void> check_content(const enrol::Receipt& content, const Expected& expected) {
  if (!equal(content.device_id, expected.device)) return bad("is by another device");
  if (!equal(content.nonce, expected.nonce)) return bad("is for another nonce");
  if (!equal(content.chain_sha256, expected.chain_sha256)) {
    return bad("is for another chain than the one issued");
  }
  return {};
}

/// A token says the same by its challenge alone, in which the slot is the only part that we do not know.
Answer<void> check_token(const crypto::Crypto& crypto, const psa_token::Claims& claims,
                         const Expected& expected) {
  if (!equal(claims.instance_id, expected.device)) return bad("is by another device");
  // A token with a negative client id was asked for by the non-secure side, over what it liked.
  if (claims.client_id < 0) return bad("is not by the secure service");
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    std::array<std::uint8_t, 128> payload{};
    Writer out(payload);
    enrol::encode(enrol::Receipt{slot, expected.chain_sha256, expected.nonce, expected.device}, out);
    const Bytes part = out.written();
    const auto challenge = evidence::statement_challenge(evidence::Statement::receipt, {&part, 1}, crypto);
    if (!challenge) return refuse(challenge.error());
    if (equal(claims.nonce, *challenge)) return {};
  }
  return bad("is a token over another chain or nonce");
}

}  // namespace

Answer<void> verify_receipt(const crypto::Crypto& crypto, const std::vector<Bytes>& chain,
                            const registry::DeviceId& device, Bytes nonce, Bytes receipt) {
  const auto message = cose::Sign1::parse(receipt);
  if (!message || !message->payload()) return bad("is not a COSE_Sign1 with a payload");
  const auto digest = chain_digest(crypto, chain);
  if (!digest) return refuse(digest.error());
  const Expected expected{device, nonce, *digest};
  if (const auto content = enrol::decode<enrol::Receipt>(*message->payload())) {
    if (auto checked = check_content(*content, expected); !checked) return checked;
  } else if (const auto claims = psa_token::Claims::parse(*message->payload())) {
    if (auto checked = check_token(crypto, *claims, expected); !checked) return checked;
  } else {
    return bad("holds neither slot, chain digest, nonce and device id, nor the claims of a token");
  }
  const auto leaf = x509::Certificate::parse(chain.front());
  if (!leaf || !leaf->spki().key) return bad("cannot be checked: the stored certificate has no usable key");
  std::vector<std::uint8_t> scratch(receipt.size() + 256);
  if (!message->verify(crypto, *leaf->spki().key, {}, scratch))
    return bad("is not signed by the certified key");
  return {};
}

}  // namespace pedigree::authority
