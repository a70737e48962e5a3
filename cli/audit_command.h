// SPDX-License-Identifier: Apache-2.0
// What the subcommands of `pedigree audit` share.
#pragma once

#include <CLI/CLI.hpp>

#include "authority/refusal.h"
#include "cli/output.h"
#include "server/audit/checkpoint.h"

namespace pedigree::cli {

/// The log's key: as text, from a file, or (where `given` is empty) from the authority's directory.
[[nodiscard]] authority::Answer<audit::LogKey> log_key(const std::string& given,
                                                       const std::string& directory);
/// A checkpoint, or a proof, from a file or stdin.
[[nodiscard]] std::expected<std::string, Problem> read_note(const std::string& file);

/// `pedigree audit prove|check|consistency`.
void add_audit_proofs(CLI::App& audit, Context& context);
/// `pedigree audit who`.
void add_audit_who(CLI::App& audit, Context& context);

}  // namespace pedigree::cli
