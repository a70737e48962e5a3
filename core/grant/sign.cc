// SPDX-License-Identifier: Apache-2.0
// What is about grants and not in a device's secure image: signing and names.
#include "core/cose/cose.h"
#include "core/grant/grant.h"

namespace pedigree::grant {

std::string_view name(Operation operation) noexcept {
  switch (operation) {
    case Operation::begin:
      return "begin";
    case Operation::replace:
      return "replace";
    case Operation::destroy:
      return "destroy";
    case Operation::repin:
      return "repin";
    case Operation::decommission:
      return "decommission";
  }
  return "unknown";
}

Result<Bytes> sign(const crypto::Crypto& crypto, const Grant& grant, Bytes signer, Bytes root,
                   const crypto::PrivateKey& key, MutableBytes buffer) noexcept {
  if (key.type != crypto::KeyType::p256) return fail(ErrorCode::wrong_key_type);
  std::array<std::uint8_t, kMaxPayload> payload{};
  Writer writer(payload);
  encode(grant, writer);
  const Bytes chain[] = {signer, root};
  cose::Sign1Fields fields;
  PEDIGREE_ASSIGN(fields.payload, writer.finish());
  fields.external_aad = as_bytes(kContext);
  fields.x5chain = chain;
  PEDIGREE_ASSIGN(const std::size_t size, cose::sign1_size(fields, key.type));
  if (size > kMaxSize) return fail(ErrorCode::too_long, static_cast<std::uint32_t>(size));
  return cose::write_sign1(crypto, fields, key, buffer);
}

}  // namespace pedigree::grant
