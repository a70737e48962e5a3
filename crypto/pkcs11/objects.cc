// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11/objects.h"

#include <p11-kit/uri.h>

#include <algorithm>
#include <array>
#include <optional>

namespace pedigree::pkcs11 {
namespace {

using Octets = std::vector<std::uint8_t>;

/// Named curves as CKA_EC_PARAMS: ECParameters, DER (RFC 5480 2.1.1).
constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> kP384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

template <typename T>
CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, T& value) {
  return {type, &value, sizeof(value)};
}

CK_ATTRIBUTE octets(CK_ATTRIBUTE_TYPE type, Bytes value) {
  // PKCS#11's structure serves both ways; templates are only read.
  return {type, const_cast<std::uint8_t*>(value.data()), value.size()};
}

std::optional<Octets> read(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE wanted{type, nullptr, 0};
  if (session.library->C_GetAttributeValue(session.handle, object, &wanted, 1) != CKR_OK ||
      wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION || wanted.ulValueLen == 0 || wanted.ulValueLen > 4096) {
    return std::nullopt;
  }
  Octets value(wanted.ulValueLen);
  wanted.pValue = value.data();
  if (session.library->C_GetAttributeValue(session.handle, object, &wanted, 1) != CKR_OK) return std::nullopt;
  value.resize(wanted.ulValueLen);
  return value;
}

/// At most two objects: whoever wants one must know of a second.
Result<std::vector<CK_OBJECT_HANDLE>> find(const Session& session, std::vector<CK_ATTRIBUTE> wanted) {
  if (session.library->C_FindObjectsInit(session.handle, wanted.data(), wanted.size()) != CKR_OK) {
    return fail(ErrorCode::crypto_failure);
  }
  std::array<CK_OBJECT_HANDLE, 2> found{};
  CK_ULONG count = 0;
  const CK_RV done = session.library->C_FindObjects(session.handle, found.data(), found.size(), &count);
  (void)session.library->C_FindObjectsFinal(session.handle);
  if (done != CKR_OK || count > found.size()) return fail(ErrorCode::crypto_failure);
  return std::vector<CK_OBJECT_HANDLE>(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count));
}

/// CKA_EC_POINT is the point in an OCTET STRING; some tokens leave that out.
std::optional<Octets> unwrap_point(const Octets& value, std::size_t size) {
  if (value.size() == size && value[0] == 0x04) return value;
  if (value.size() == size + 2 && value[0] == 0x04 && value[1] == size && value[2] == 0x04) {
    return Octets(value.begin() + 2, value.end());
  }
  return std::nullopt;
}

/// The public key with the private one's id, or else its label.
std::optional<CK_OBJECT_HANDLE> find_public_key(const Session& session, CK_OBJECT_HANDLE key) {
  for (const CK_ATTRIBUTE_TYPE same : {CKA_ID, CKA_LABEL}) {
    const auto value = read(session, key, same);
    if (!value) continue;
    CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    const auto found = find(session, {attribute(CKA_CLASS, object_class), octets(same, *value)});
    if (found && found->size() == 1) return found->front();
  }
  return std::nullopt;
}

Octets without_leading_zeros(Octets number) {
  number.erase(number.begin(), std::ranges::find_if(number, [](std::uint8_t octet) { return octet != 0; }));
  return number;
}

Result<PublicHalf> read_curve_half(const Session& session, CK_OBJECT_HANDLE key) {
  const auto curve = read(session, key, CKA_EC_PARAMS);
  if (!curve) return fail(ErrorCode::crypto_failure);
  PublicHalf half;
  if (equal(*curve, kP256)) {
    half.type = crypto::KeyType::p256;
  } else if (equal(*curve, kP384)) {
    half.type = crypto::KeyType::p384;
  } else {
    return fail(ErrorCode::unsupported_algorithm);
  }
  auto value = read(session, key, CKA_EC_POINT);
  if (!value) {
    const auto beside = find_public_key(session, key);
    if (beside) value = read(session, *beside, CKA_EC_POINT);
  }
  if (!value) return fail(ErrorCode::key_not_found);
  const auto point = unwrap_point(*value, 1 + 2 * crypto::coordinate_size(half.type));
  if (!point) return fail(ErrorCode::unsupported_algorithm);
  half.point = *point;
  return half;
}

Result<PublicHalf> read_rsa_half(const Session& session, CK_OBJECT_HANDLE key) {
  auto modulus = read(session, key, CKA_MODULUS);
  auto exponent = read(session, key, CKA_PUBLIC_EXPONENT);
  if (!modulus || !exponent) {
    const auto beside = find_public_key(session, key);
    if (!beside) return fail(ErrorCode::key_not_found);
    modulus = read(session, *beside, CKA_MODULUS);
    exponent = read(session, *beside, CKA_PUBLIC_EXPONENT);
  }
  if (!modulus || !exponent) return fail(ErrorCode::key_not_found);
  PublicHalf half;
  half.modulus = without_leading_zeros(*std::move(modulus));
  half.exponent = without_leading_zeros(*std::move(exponent));
  using enum crypto::KeyType;
  for (const auto type : {rsa2048, rsa3072, rsa4096}) {
    if (half.modulus.size() != crypto::signature_size(type)) continue;
    half.type = type;
    return half;
  }
  return fail(ErrorCode::unsupported_algorithm);
}

/// Whether the slot's token is the one named; no answer where it has none.
std::optional<CK_TOKEN_INFO> token_in(CK_FUNCTION_LIST* library, CK_SLOT_ID slot, const Uri& uri) {
  CK_TOKEN_INFO info{};
  if (library->C_GetTokenInfo(slot, &info) != CKR_OK) return std::nullopt;
  if ((info.flags & CKF_TOKEN_INITIALIZED) == 0 || p11_kit_uri_match_token_info(uri.get(), &info) != 1) {
    return std::nullopt;
  }
  return info;
}

}  // namespace

Result<Slot> find_token(const std::vector<CK_FUNCTION_LIST*>& libraries, const Uri& uri) {
  std::optional<Slot> found;
  for (CK_FUNCTION_LIST* const library : libraries) {
    std::array<CK_SLOT_ID, 256> slots{};
    CK_ULONG count = slots.size();
    if (library->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) continue;
    for (const CK_SLOT_ID slot : std::span(slots).first(std::min<std::size_t>(count, slots.size()))) {
      const auto info = token_in(library, slot, uri);
      if (!info) continue;
      if (found) return fail(ErrorCode::too_many);
      const bool limited = info->ulMaxSessionCount != CK_EFFECTIVELY_INFINITE &&
                           info->ulMaxSessionCount != CK_UNAVAILABLE_INFORMATION;
      found = Slot{library, slot, limited ? info->ulMaxSessionCount : 0};
    }
  }
  if (!found) return fail(ErrorCode::key_not_found);
  return *found;
}

Result<CK_OBJECT_HANDLE> find_private_key(const Session& session, const Uri& uri) {
  CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
  std::vector<CK_ATTRIBUTE> wanted{attribute(CKA_CLASS, object_class)};
  for (const CK_ATTRIBUTE_TYPE type : {CKA_LABEL, CKA_ID}) {
    if (const CK_ATTRIBUTE* const named = p11_kit_uri_get_attribute(uri.get(), type))
      wanted.push_back(*named);
  }
  PEDIGREE_ASSIGN(const auto found, find(session, std::move(wanted)));
  if (found.size() != 1) return fail(ErrorCode::key_not_found);
  return found.front();
}

Result<PublicHalf> read_public_half(const Session& session, CK_OBJECT_HANDLE key) {
  CK_KEY_TYPE type = 0;
  CK_ATTRIBUTE wanted = attribute(CKA_KEY_TYPE, type);
  if (session.library->C_GetAttributeValue(session.handle, key, &wanted, 1) != CKR_OK) {
    return fail(ErrorCode::crypto_failure);
  }
  if (type == CKK_EC) return read_curve_half(session, key);
  if (type == CKK_RSA) return read_rsa_half(session, key);
  return fail(ErrorCode::unsupported_algorithm);
}

Result<void> generate_pair(const Session& session, crypto::KeyType type, const std::string& label) {
  const bool curve = type == crypto::KeyType::p256 || type == crypto::KeyType::p384;
  if (type == crypto::KeyType::ed25519) return fail(ErrorCode::unsupported_algorithm);
  std::array<std::uint8_t, 16> id{};
  if (session.library->C_GenerateRandom(session.handle, id.data(), id.size()) != CKR_OK) {
    return fail(ErrorCode::crypto_failure);
  }
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_ULONG bits = 8 * crypto::signature_size(type);
  constexpr std::array<std::uint8_t, 3> kExponent{1, 0, 1};
  const Bytes parameters = type == crypto::KeyType::p384 ? Bytes(kP384) : Bytes(kP256);
  std::vector<CK_ATTRIBUTE> common{attribute(CKA_TOKEN, yes), octets(CKA_LABEL, as_bytes(label)),
                                   octets(CKA_ID, id)};
  std::vector<CK_ATTRIBUTE> open = common;
  open.push_back(attribute(CKA_VERIFY, yes));
  if (curve) {
    open.push_back(octets(CKA_EC_PARAMS, parameters));
  } else {
    open.push_back(attribute(CKA_MODULUS_BITS, bits));
    open.push_back(octets(CKA_PUBLIC_EXPONENT, kExponent));
  }
  std::vector<CK_ATTRIBUTE> secret = std::move(common);
  for (const CK_ATTRIBUTE_TYPE set : {CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN})
    secret.push_back(attribute(set, yes));
  for (const CK_ATTRIBUTE_TYPE unset : {CKA_EXTRACTABLE, CKA_DECRYPT, CKA_UNWRAP}) {
    if (!curve || unset == CKA_EXTRACTABLE) secret.push_back(attribute(unset, no));
  }
  CK_MECHANISM mechanism{curve ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE public_key = 0;
  CK_OBJECT_HANDLE private_key = 0;
  if (session.library->C_GenerateKeyPair(session.handle, &mechanism, open.data(), open.size(), secret.data(),
                                         secret.size(), &public_key, &private_key) != CKR_OK) {
    return fail(ErrorCode::crypto_failure);
  }
  return {};
}

}  // namespace pedigree::pkcs11
