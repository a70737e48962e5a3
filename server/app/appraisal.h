// SPDX-License-Identifier: Apache-2.0
// The verifier as the authority serves it: its own root and registry, and the policy of its directory.
#pragma once

#include "crypto/openssl/keys.h"
#include "server/app/directory.h"
#include "server/http/appraiser.h"
#include "server/store/registry_status.h"

namespace pedigree::app {

/// The policy of `verifier.toml`, or where there is no such file the default: lifecycle secured, no test key,
/// and a certificate whose revocation nothing is known of is refused. This authority's root is trusted in
/// either. Errors: bad_configuration (with file, line and key), io_failure.
[[nodiscard]] Answer<verifier::Policy> read_verifier_policy(const Directory& directory);

class Appraisal {
 public:
  /// Borrows the directory. `store`: the options of the store that writes in this process; the database must
  /// exist. Errors: those of read_verifier_policy, database_failure, no_entropy.
  static Answer<std::unique_ptr<Appraisal>> open(const Directory& directory,
                                                 const store::StoreOptions& store);

  [[nodiscard]] http::Appraiser& appraiser() noexcept { return appraiser_; }
  [[nodiscard]] const store::RegistryStatus& registry() const noexcept { return *registry_; }

 private:
  struct Parts;
  Appraisal(const Directory& directory, Parts parts);

  std::optional<crypto::OpenSslKey> key_;
  std::unique_ptr<store::RegistryStatus> registry_;
  std::unique_ptr<authority::AppraisalNonces> nonces_;
  verifier::Verifier verifier_;
  authority::EvidenceAppraiser evidence_;
  http::Appraiser appraiser_;
};

}  // namespace pedigree::app
