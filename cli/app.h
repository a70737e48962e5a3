// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: global options and all commands.
#pragma once

#include "cli/command.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace pedigree::cli {

/// Adds the global options and every command to `app`; both arguments outlive each other's use.
void build_app(CLI::App& app, Context& context);

/// What --help prints, of the command that was parsed last; as JSON where --json was given.
void print_help(const CLI::App& app);
/// What --version prints.
void print_version(const CLI::App& app);

/// Says what is wrong with the command line and what was probably meant; sets context.exit_code.
void report_usage(const CLI::App& app, const CLI::ParseError& error, Context& context);

}  // namespace pedigree::cli
