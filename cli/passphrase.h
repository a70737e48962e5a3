// SPDX-License-Identifier: Apache-2.0
// Where a passphrase comes from: a file, the environment, or the terminal; never the command line.
#pragma once

#include <expected>

#include "cli/output.h"
#include "server/app/files.h"

namespace pedigree::cli {

/// The first line of `file`; else PEDIGREE_PASSPHRASE; else asked for on the terminal (twice with `confirm`).
[[nodiscard]] std::expected<app::SecretText, Problem> read_passphrase(const std::string& file, bool confirm);

}  // namespace pedigree::cli
