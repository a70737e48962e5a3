// SPDX-License-Identifier: Apache-2.0
#include "device/ports/tfm/token_facts.h"

#include "core/cbor/cbor.h"

namespace pedigree::tfm {
namespace {

// RFC 9783 4.6; and PSA_IOT_PROFILE_1, which counts down from -75000.
constexpr std::int64_t kInstanceId = 256;
constexpr std::int64_t kInstanceIdProfile1 = -75009;
constexpr std::int64_t kLifecycle = 2395;
constexpr std::int64_t kLifecycleProfile1 = -75002;

/// RFC 9783 4.3.1: the state is in the high octet, the rest of which is the platform's.
enrol::Lifecycle lifecycle_of(std::uint64_t claim) noexcept {
  switch (claim >> 12U) {
    case 1:
      return enrol::Lifecycle::assembly_and_test;
    case 2:
      return enrol::Lifecycle::rot_provisioning;
    case 3:
      return enrol::Lifecycle::secured;
    case 4:
    case 5:
      return enrol::Lifecycle::debug;
    case 6:
      return enrol::Lifecycle::decommissioned;
    default:
      return enrol::Lifecycle::unknown;
  }
}

Result<Bytes> payload_of(Bytes token) noexcept {
  Reader in(token);
  if (const auto next = cbor::peek(in); next && *next == cbor::Major::tag) PEDIGREE_TRY(cbor::read_tag(in));
  PEDIGREE_TRY(cbor::read_array(in));
  PEDIGREE_TRY(cbor::skip(in));  // protected header
  PEDIGREE_TRY(cbor::skip(in));  // unprotected header
  return cbor::read_bstr(in);
}

}  // namespace

Result<TokenFacts> read_token_facts(Bytes token) noexcept {
  PEDIGREE_ASSIGN(const Bytes payload, payload_of(token));
  Reader in(payload);
  TokenFacts facts;
  bool has_instance_id = false;
  PEDIGREE_ASSIGN(std::size_t claims, cbor::read_map(in));
  for (; claims > 0; --claims) {
    PEDIGREE_ASSIGN(const std::int64_t number, cbor::read_int(in));
    if (number == kInstanceId || number == kInstanceIdProfile1) {
      PEDIGREE_ASSIGN(const Bytes id, cbor::read_bstr(in));
      if (id.size() != facts.instance_id.size()) return fail(ErrorCode::bad_value);
      std::copy(id.begin(), id.end(), facts.instance_id.begin());
      has_instance_id = true;
    } else if (number == kLifecycle || number == kLifecycleProfile1) {
      PEDIGREE_ASSIGN(const std::uint64_t claim, cbor::read_uint(in));
      facts.lifecycle = lifecycle_of(claim);
    } else {
      PEDIGREE_TRY(cbor::skip(in));
    }
  }
  if (!has_instance_id) return fail(ErrorCode::missing_field);
  return facts;
}

}  // namespace pedigree::tfm
