// SPDX-License-Identifier: Apache-2.0
// Intermediates as profiles of kind "intermediate" write them.
#pragma once

#include "authority/certify.h"
#include "authority/profile.h"

namespace pedigree::authority {

/// A CA below `fields.issuer`: subject, pathLen, key usage and purposes, permitted names and longest validity
/// are the profile's (its `days` cut fields.not_after). Errors: bad_configuration (the profile is of another
/// kind, or its subject is no name), wrong_key_type, path_too_long, eku_forbids (the issuer is limited to
/// other purposes), those of check_subject, check_issuer and certify.
[[nodiscard]] Answer<Der> make_intermediate(const crypto::Crypto& crypto, const Profile& profile,
                                            CertifyFields fields);

}  // namespace pedigree::authority
