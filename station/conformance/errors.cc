// SPDX-License-Identifier: Apache-2.0
// Which errors of the one list no request provokes, and why. Those that are not here are answered in a run on
// a device in assembly and test whose root is the test's, and the suite's tests see to it.
#include <algorithm>
#include <array>

#include "station/conformance/suite.h"

namespace pedigree::station::conformance {
namespace {

struct Unprovoked {
  ErrorCode code;
  std::string_view why;
};

// clang-format off
constexpr Unprovoked kUnprovoked[] = {
    {ErrorCode::buffer_too_small, "for a device whose packets are too small for its list of slots"},
    {ErrorCode::unknown_field, "only a receipt is read so strictly, and devices write them"},
    {ErrorCode::bad_pem, "nothing on SMP is PEM"},
    {ErrorCode::key_not_found, "the key store would have to lose a key"},
    {ErrorCode::crypto_failure, "the crypto library would have to fail"},
    {ErrorCode::no_entropy, "the random number generator would have to fail"},
    {ErrorCode::wrong_passphrase, "devices have no passphrases"},
    {ErrorCode::bad_attribute, "devices write requests, and read none"},
    {ErrorCode::not_yet_valid, "for a device with a clock; its chains may begin later"},
    {ErrorCode::expired, "for a device with a clock"},
    {ErrorCode::eku_forbids, "a device asks for no key purpose: who relies on the chain does"},
    {ErrorCode::untrusted_root, "a device says which of its roots is meant: chain_root_mismatch"},
    {ErrorCode::revoked, "revocation is the authority's and the verifier's"},
    {ErrorCode::key_mismatch, "a device says whose key is meant: chain_key_mismatch"},
    {ErrorCode::bad_header, "a header that cannot be read is not answered"},
    {ErrorCode::unknown_critical_header, "devices read no COSE but lists of revoked signers: list_refused"},
    {ErrorCode::bad_checksum, "a damaged frame is not answered"},
    {ErrorCode::bad_frame, "a damaged frame is not answered"},
    {ErrorCode::payload_missing, "devices read no detached payloads"},
    {ErrorCode::frame_too_large, "an oversized packet is not answered, or by SMP's own number"},
    {ErrorCode::lifecycle_forbids, "for a device that is decommissioned, or secured without a root"},
    {ErrorCode::grant_required, "for a device that is secured"},
    {ErrorCode::storage_failure, "the storage would have to fail"},
    {ErrorCode::storage_full, "the storage would have to be full of other things"},
    {ErrorCode::origin_unsupported, "for a device that lacks one of the origins"},
    {ErrorCode::storage_corrupt, "a stored record would have to be damaged"},
    {ErrorCode::communication_failure, "the secure service would have to be gone"},
    {ErrorCode::not_owner, "a partition of the device would have to own a slot"},
    {ErrorCode::grant_other_operation, "for a device that is secured, by a grant that it takes"},
    {ErrorCode::grant_other_slot, "for a device that is secured, by a grant that it takes"},
    {ErrorCode::grant_other_key, "for a device that is secured, by a grant that it takes"},
    {ErrorCode::attestation_failure, "the attestation service would have to fail"},
};
// clang-format on

constexpr ErrorCode kAll[] = {
#define PEDIGREE_ERROR_CODE(name, number, text) ErrorCode::name,
    PEDIGREE_ERRORS(PEDIGREE_ERROR_CODE)
#undef PEDIGREE_ERROR_CODE
};

/// Numbers below are of encodings, chains and the device service; above, of hosts and firmware images.
constexpr unsigned kDeviceErrors = 150;

}  // namespace

std::vector<ErrorRow> error_rows(const std::set<ErrorCode>& answered) {
  std::vector<ErrorRow> rows;
  for (const ErrorCode code : kAll) {
    const bool seen = answered.contains(code);
    if (static_cast<unsigned>(code) >= kDeviceErrors && !seen) continue;
    const auto* const known = std::ranges::find(kUnprovoked, code, &Unprovoked::code);
    rows.push_back({code, seen, known == std::end(kUnprovoked) ? std::string_view() : known->why});
  }
  return rows;
}

}  // namespace pedigree::station::conformance
