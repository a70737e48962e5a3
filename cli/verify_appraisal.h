// SPDX-License-Identifier: Apache-2.0
// `pedigree verify token` and `verify data`: what they share, from the options to what is printed.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <optional>

#include "cli/files.h"
#include "verifier/verifier.h"

namespace pedigree::cli {

/// Whom to trust and whom to ask, as the command line says.
struct TrustOptions {
  std::string policy;
  std::vector<std::string> roots, root_hashes, keys, chains, crls, ocsp, references;
  std::string bundle, registry;
  std::vector<std::string> images;  ///< firmware images, or folders of them
  std::string signer_revocations;
  std::string time;
  bool strict = false;
};
void add_trust_options(CLI::App& command, TrustOptions& options);

/// A failure before anything was appraised.
struct SetupFailure {
  ExitCode exit_code;
  Problem problem;
};

/// A verifier with all that it borrows.
class VerifierSetup {
 public:
  /// Reads the files that the options name. `nonce_required`: empty leaves it to the policy.
  static std::expected<std::unique_ptr<VerifierSetup>, SetupFailure> make(const TrustOptions& options,
                                                                          std::optional<bool> nonce_required);
  ~VerifierSetup();
  VerifierSetup(const VerifierSetup&) = delete;
  VerifierSetup& operator=(const VerifierSetup&) = delete;
  [[nodiscard]] const verifier::Verifier& verifier() const noexcept;
  /// Certificates of --chain, DER, leaf first.
  [[nodiscard]] std::span<const Bytes> chain() const noexcept;
  /// The time asked for, or now.
  [[nodiscard]] der::UnixTime time() const;
  /// What was passed over.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Parts;
  explicit VerifierSetup(std::unique_ptr<Parts> parts);
  static std::expected<void, SetupFailure> open_sources(const TrustOptions& options, verifier::Policy& policy,
                                                        Parts& parts);
  std::unique_ptr<Parts> parts_;
};

/// 0 where it is trusted; a warning is too, unless `strict`.
[[nodiscard]] ExitCode exit_code_of(verifier::Verdict verdict, bool strict) noexcept;
/// The whole appraisal for people.
void print_appraisal(const Context& context, const verifier::Appraisal& appraisal);
/// One line: verdict, device, size of what was signed, and the reason if there is one.
[[nodiscard]] std::string appraisal_line(const Context& context, const verifier::Appraisal& appraisal);

void add_verify_token_command(CLI::App& verify_app, Context& context);
void add_verify_data_command(CLI::App& verify_app, Context& context);
void add_verify_policy_command(CLI::App& verify_app, Context& context);

}  // namespace pedigree::cli
