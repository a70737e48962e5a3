// SPDX-License-Identifier: Apache-2.0
// What the two forms of an EAR share.
#pragma once

#include "verifier/ear/ear.h"

namespace pedigree::verifier {

/// The EAT profile of an EAR (draft-ietf-rats-ear 3).
inline constexpr std::string_view kEarProfile = "tag:ietf.org,2026:rats/ear#03";
/// Label of the only submodule.
inline constexpr std::string_view kEarSubmodule = "PSA";
/// ear_verifier_id, "build".
inline constexpr std::string_view kEarBuild = "pedigree " PEDIGREE_VERSION;

/// A key that may sign EARs, and its kid. Errors: as write_ear_jwt.
[[nodiscard]] Result<Sha256> ear_key_id(const crypto::Crypto& crypto, const crypto::PrivateKey& key);
/// Errors: bad_value (the nonce's length).
[[nodiscard]] Result<void> check_ear_options(const EarOptions& options) noexcept;
/// Whether the result names the key as attested.
[[nodiscard]] bool names_key(const Appraisal& appraisal) noexcept;

}  // namespace pedigree::verifier
