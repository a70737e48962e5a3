// SPDX-License-Identifier: Apache-2.0
// What the parts of the one program share: its context, its exit codes, and how a command joins it.
//
// A command stands in a file <name>_command.cc of its own, which defines add_<name>_command: it adds a
// subcommand to `app`, with help texts for all that it takes, and a callback that does the work and leaves
// its exit code in `context`. It is declared below and called in app.cc.
#pragma once

namespace CLI {
class App;
}

namespace pedigree::cli {

/// Exit codes of the program; scripts rely on them: extend, never renumber.
enum ExitCode : int {
  kExitOk = 0,
  kExitUnexpected = 1,        ///< a failure that has no code of its own
  kExitUsage = 2,             ///< the command line is not understood
  kExitNotTrusted = 3,        ///< a verification ran and its answer is no
  kExitDeviceRefused = 4,     ///< the device refused
  kExitAuthorityRefused = 5,  ///< the authority refused
  kExitNoConnection = 6,      ///< no connection, or no answer in time
  kExitUnreadable = 7,        ///< a file or input cannot be read, or is not what it should be
};

/// Set from the global options before a command's callback runs.
struct Context {
  bool json = false;      ///< print JSON on stdout and nothing else there
  bool colour = false;    ///< stdout takes colour
  bool quiet = false;     ///< print only errors and what was asked for
  bool progress = false;  ///< stderr is a terminal and may show progress bars
  int exit_code = kExitOk;
};

// One line for each command, in the order of the help; the calls are in app.cc.
void add_authority_command(CLI::App& app, Context& context);
void add_audit_command(CLI::App& app, Context& context);
void add_device_command(CLI::App& app, Context& context);
void add_provision_command(CLI::App& app, Context& context);
void add_rma_command(CLI::App& app, Context& context);
void add_decommission_command(CLI::App& app, Context& context);
void add_repin_command(CLI::App& app, Context& context);
void add_grant_command(CLI::App& app, Context& context);
void add_attest_command(CLI::App& app, Context& context);
void add_device_test_command(CLI::App& app, Context& context);
void add_image_command(CLI::App& app, Context& context);
void add_export_command(CLI::App& app, Context& context);
void add_inspect_command(CLI::App& app, Context& context);
void add_verify_command(CLI::App& app, Context& context);
void add_completion_command(CLI::App& app, Context& context);
void add_man_command(CLI::App& app, Context& context);
void add_version_command(CLI::App& app, Context& context);

}  // namespace pedigree::cli
