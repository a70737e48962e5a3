// SPDX-License-Identifier: Apache-2.0
// A copy of an authority's directory, made while it serves, and a directory made of such a copy.
#pragma once

#include "server/app/files.h"
#include "server/store/audit_verify.h"
#include "server/store/database_check.h"

namespace pedigree::app {

/// What a backup holds, as its backup.json says.
struct BackupContent {
  der::UnixTime made_at = 0;
  std::size_t files = 0;              ///< without backup.json
  std::uint64_t octets = 0;           ///< of the database, where it is in the backup
  std::uint64_t checkpoint_size = 0;  ///< events that backup.checkpoint covers; 0: there is none yet
  std::string database_url{};         ///< of the registry in PostgreSQL, which is not in the backup; or empty
};

/// Copies every file of the directory, and the database as it is at one moment, into a new folder of mode
/// 0700; files are of mode 0600 and synchronised, keys as encrypted as they are. The newest signed head of
/// the database is also written as backup.checkpoint, and last backup.json, with the SHA-256 of each file.
/// A registry in PostgreSQL is for that server's tools to dump, afterwards: its head is taken all the same.
/// Where it fails, the folder is removed. Errors: io_failure (the target is there, or full),
/// database_failure, wrong_state (a file was changed meanwhile: again).
[[nodiscard]] Answer<BackupContent> make_backup(const Layout& layout, const std::filesystem::path& target,
                                                const store::CopyProgress& progress, der::UnixTime now);

struct Restored {
  BackupContent content;
  store::AuditReport audit;
};

/// Makes a directory of a backup: every file must be there, and the same as when it was copied; the audit log
/// must prove the database whole, and begin with the backup's checkpoint; one in PostgreSQL is to be restored
/// before. Where anything is wrong, no directory is left. Errors: io_failure, bad_configuration (backup.json,
/// a file that is missing, changed or one too many), database_failure, invalid_signature (the log: the first
/// finding in the detail).
[[nodiscard]] Answer<Restored> restore_backup(const std::filesystem::path& backup, const Layout& target,
                                              const store::AuditProgress& progress);

}  // namespace pedigree::app
