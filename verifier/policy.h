// SPDX-License-Identifier: Apache-2.0
// What a relying party accepts. Loaded from TOML (docs/formats.md has the keys); every setting has a default
// that errs on the side of refusal.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "core/psa_token/psa_token.h"
#include "core/x509/path.h"
#include "verifier/images.h"
#include "verifier/reference.h"

namespace pedigree::verifier {

/// What happens where a thing is not as the policy would have it.
enum class Level : std::uint8_t { ignore, warn, reject };

struct Policy {
  std::string name = "default";
  std::vector<std::vector<std::uint8_t>> roots;     ///< trusted roots, DER certificates
  std::vector<Sha256> root_spki_sha256;             ///< trusted roots by key
  std::vector<std::vector<std::uint8_t>> raw_keys;  ///< trusted SubjectPublicKeyInfo for tokens without chain
  std::vector<psa_token::Profile> profiles{psa_token::Profile::tfm, psa_token::Profile::psa_2_0_0,
                                           psa_token::Profile::legacy, psa_token::Profile::psa_iot_1};
  std::vector<psa_token::Lifecycle> lifecycles{psa_token::Lifecycle::secured};
  Level other_lifecycle = Level::reject;
  Level test_keys = Level::reject;         ///< published test keys; devices whose entropy is a fixed seed
  Level unknown_revocation = Level::warn;  ///< no source tells whether a certificate of the chain is revoked
  Level unknown_device = Level::reject;    ///< the registry, where there is one, does not know the device
  Level no_reference = Level::ignore;      ///< no reference values for this implementation id
  Level reference_mismatch = Level::reject;
  /// A software component names a signer and is not the measure of one of `images`.
  Level unknown_image = Level::ignore;
  /// A certificate must say that its key is for attestation (tokens) or for signing data: a device's other
  /// keys sign what its non-secure world chose, which might look like a token.
  Level purpose_not_stated = Level::reject;
  bool nonce_required = true;
  ReferenceValues reference;
  std::vector<std::vector<std::uint8_t>> reference_keys;  ///< SubjectPublicKeyInfo of who signs CoRIM
  KnownImages images;  ///< verified images that devices may run; not from the policy's file
};

/// A policy file that cannot be used: one sentence with file, line and key.
struct PolicyError {
  ErrorCode code = ErrorCode::bad_configuration;
  std::string what;
};
/// What is needed to read reference manifests that are signed (CoRIM in COSE_Sign1), and those that expire.
struct ManifestContext {
  const crypto::Crypto* crypto = nullptr;  ///< null: signed manifests are refused
  std::optional<der::UnixTime> now{};  ///< empty: their validity is not checked, and signed ones are refused
};
/// Reads a policy; files it names (roots, reference values) are relative to it. Unknown keys are errors.
[[nodiscard]] std::expected<Policy, PolicyError> load_policy(const std::filesystem::path& file,
                                                             const ManifestContext& context = {});
/// The same from text; files are relative to `folder`.
[[nodiscard]] std::expected<Policy, PolicyError> parse_policy(std::string_view toml,
                                                              const std::filesystem::path& folder,
                                                              const ManifestContext& context = {});

}  // namespace pedigree::verifier
