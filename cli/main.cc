// SPDX-License-Identifier: Apache-2.0
// The program `pedigree`: global options, the commands, and what happens when a command line is wrong.
#include <CLI/CLI.hpp>
#include <exception>

#include "cli/app.h"
#include "cli/output.h"
#include "cli/process.h"

namespace pedigree::cli {
namespace {

int run(int argc, char** argv) {
  Context context;
  CLI::App app;
  build_app(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print_help(app);
  } catch (const CLI::CallForVersion&) {
    print_version(app);
  } catch (const CLI::ParseError& error) {
    report_usage(app, error, context);
  }
  return context.exit_code;
}

}  // namespace
}  // namespace pedigree::cli

int main(int argc, char** argv) {
  using namespace pedigree::cli;
  protect_process();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    Context context;
    print_error(context, kExitUnexpected, {.summary = error.what(), .details = {}, .next = {}, .note = {}});
    return context.exit_code;
  }
}
