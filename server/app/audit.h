// SPDX-License-Identifier: Apache-2.0
// The audit log of an authority's directory: its key, its signed heads, and its verification.
#pragma once

#include <optional>

#include "server/app/app.h"
#include "server/audit/checkpoint.h"
#include "server/http/audit_signer.h"
#include "server/http/repeat.h"
#include "server/store/audit_verify.h"

namespace pedigree::app {

/// Makes the log's Ed25519 key, encrypted with the passphrase, and the text of its public half, whose name
/// is made of the root's hash: audit.key.pem and audit.vkey in the directory. Errors: io_failure, those of
/// the crypto.
[[nodiscard]] Answer<void> make_log_key(const Layout& layout, const Sha256& root_spki_sha256,
                                        const SecretText& passphrase);
/// The public half. Errors: io_failure, bad_configuration.
[[nodiscard]] Answer<audit::LogKey> read_log_key(const Layout& layout);
[[nodiscard]] Answer<audit::LogKey> parse_log_key(std::string_view text);

/// Opens the log's key, or makes one for a directory from before there was a log; borrows the store and the
/// crypto. Errors: io_failure, wrong_passphrase, bad_configuration (the halves do not belong together).
[[nodiscard]] Answer<std::unique_ptr<http::AuditSigner>> open_log_signer(const Layout& layout,
                                                                         const Sha256& root_spki_sha256,
                                                                         const SecretText& passphrase,
                                                                         registry::Store& store,
                                                                         const crypto::Crypto& crypto);

/// Has the log's head signed from time to time, on a thread of its own, and once more at the end.
class LogKeeper {
 public:
  /// Borrows the signer.
  LogKeeper(http::AuditSigner& signer, std::chrono::milliseconds interval);
  ~LogKeeper();
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

 private:
  void sign_now();

  http::AuditSigner& signer_;
  std::optional<http::Repeat> repeat_;
};

/// Signs the log's head now, with the directory's key. Errors: those of open_log_signer, database_failure
/// (AuditSigner::sign was in trouble).
[[nodiscard]] Answer<registry::SignedHead> sign_log(LocalAuthority& authority, const SecretText& passphrase);

/// A checkpoint from a file, with the file's name.
struct NamedCheckpoint {
  std::string name;
  std::string note;
};

/// Holds the log against the registry, the heads that the database keeps and those given (verify_audit).
/// A kept head that the key did not sign is a finding. Errors: io_failure, database_failure; for a given
/// checkpoint those of open_checkpoint, with its name.
[[nodiscard]] Answer<store::AuditReport> verify_log(const Layout& layout, const audit::LogKey& key,
                                                    std::span<const NamedCheckpoint> checkpoints,
                                                    const store::AuditProgress& progress);

/// The proof that event `number` is in the log, by the newest signed head. Errors: not_found (no signed head
/// covers it yet), database_failure.
[[nodiscard]] Answer<audit::InclusionProof> prove_event(registry::Store& store, const audit::LogKey& key,
                                                        std::uint64_t number);

}  // namespace pedigree::app
