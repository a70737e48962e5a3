// SPDX-License-Identifier: Apache-2.0
#include "authority/receipt.h"

#include "core/cose/cose.h"
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

}  // namespace

Answer<void> verify_receipt(const crypto::Crypto& crypto, const std::vector<Bytes>& chain,
                            const registry::DeviceId& device, Bytes nonce, Bytes receipt) {
  const auto message = cose::Sign1::parse(receipt);
  if (!message || !message->payload()) return bad("is not a COSE_Sign1 with a payload");
  const auto content = enrol::decode<enrol::Receipt>(*message->payload());
  if (!content) return bad("does not hold slot, chain digest, nonce and device id");
  if (!equal(content->device_id, device)) return bad("is by another device");
  if (!equal(content->nonce, nonce)) return bad("is for another nonce");
  const auto digest = chain_digest(crypto, chain);
  if (!digest) return refuse(digest.error());
  if (!equal(content->chain_sha256, *digest)) return bad("is for another chain than the one issued");
  const auto leaf = x509::Certificate::parse(chain.front());
  if (!leaf || !leaf->spki().key) return bad("cannot be checked: the stored certificate has no usable key");
  std::vector<std::uint8_t> scratch(receipt.size() + 256);
  if (!message->verify(crypto, *leaf->spki().key, {}, scratch))
    return bad("is not signed by the certified key");
  return {};
}

}  // namespace pedigree::authority
