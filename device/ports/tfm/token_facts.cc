// SPDX-License-Identifier: Apache-2.0
#include "device/ports/tfm/token_facts.h"

#include "core/cbor/cbor.h"

namespace pedigree::tfm {
namespace {

// Claim numbers as they are encoded (RFC 9783 4.6): 256 and 2395; and those of PSA_IOT_PROFILE_1, which
// counts down from -75000: -75009 and -75002.
constexpr std::array<std::uint8_t, 3> kInstanceId{0x19, 0x01, 0x00};
constexpr std::array<std::uint8_t, 5> kInstanceIdProfile1{0x3a, 0x00, 0x01, 0x25, 0x00};
constexpr std::array<std::uint8_t, 3> kLifecycle{0x19, 0x09, 0x5b};
constexpr std::array<std::uint8_t, 5> kLifecycleProfile1{0x3a, 0x00, 0x01, 0x24, 0xf9};

/// RFC 9783 4.3.1: the state is in the high octet, the rest of which is the platform's.
/// `claim` is the encoded number.
enrol::Lifecycle lifecycle_of(Bytes claim) noexcept {
  if (claim.size() != 3 || claim[0] != 0x19) return enrol::Lifecycle::unknown;
  const unsigned state = claim[1] >> 4U;
  if (state == 5) return enrol::Lifecycle::debug;  // recoverable or not
  return state <= 6 ? static_cast<enrol::Lifecycle>(state) : enrol::Lifecycle::unknown;
}

/// Steps over one item; empty where there is none.
Bytes next_item(Reader& in) noexcept {
  const auto item = cbor::skip(in);
  return item ? *item : Bytes();
}

/// Whether `item` is a string or container with this first octet; its head is taken off.
bool take_head(Bytes& item, std::uint8_t head) noexcept {
  if (item.empty() || item[0] != head) return false;
  item = item.subspan(1);
  return true;
}

}  // namespace

Result<TokenFacts> read_token_facts(Bytes token) noexcept {
  take_head(token, 0xd2);  // tag 18, where there is one
  if (!take_head(token, 0x84)) return fail(ErrorCode::bad_tag);
  Reader parts(token);
  next_item(parts);  // protected header
  next_item(parts);  // unprotected header
  PEDIGREE_ASSIGN(const Bytes payload, cbor::read_bstr(parts));
  Reader in(payload);
  PEDIGREE_ASSIGN(std::size_t claims, cbor::read_map(in));
  TokenFacts facts;
  bool has_instance_id = false;
  for (; claims > 0; --claims) {
    const Bytes number = next_item(in);
    const Bytes value = next_item(in);
    if (value.empty()) return fail(ErrorCode::truncated);
    if (equal(number, kInstanceId) || equal(number, kInstanceIdProfile1)) {
      constexpr std::array<std::uint8_t, 2> kHead{0x58, enrol::kDeviceIdSize};
      if (value.size() != kHead.size() + facts.instance_id.size() || !equal(value.first(2), kHead)) {
        return fail(ErrorCode::bad_value);
      }
      std::copy(value.begin() + 2, value.end(), facts.instance_id.begin());
      has_instance_id = true;
    } else if (equal(number, kLifecycle) || equal(number, kLifecycleProfile1)) {
      facts.lifecycle = lifecycle_of(value);
    }
  }
  if (!has_instance_id) return fail(ErrorCode::missing_field);
  return facts;
}

}  // namespace pedigree::tfm
