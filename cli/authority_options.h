// SPDX-License-Identifier: Apache-2.0
// How the authority that a command talks to is named on the command line, the same for every such command.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/device_lines.h"
#include "station/link/authority_client.h"

namespace pedigree::cli {

struct AuthorityArguments {
  std::string tls;
  double timeout = 60;
  station::AuthorityOptions options;
};
/// --authority, --tls, --ca, --cert, --key, --authority-timeout; the client is a `role` ("station",
/// "operator"). Gives --authority, which the caller may require.
CLI::Option* add_authority_options(CLI::App& command, AuthorityArguments& arguments, const std::string& role);
/// Files that are not named are those of --tls. False: one of the three is missing.
[[nodiscard]] bool complete_authority(AuthorityArguments& arguments, const std::string& role);
/// What stop() says then may be done.
inline constexpr const char* kTlsNext =
    "give --tls FOLDER, the folder tls of the authority, or --ca, --cert and --key";
/// Opens it; notices go where those of the lines go. Throws Stop, with `next`.
[[nodiscard]] std::unique_ptr<station::AuthorityClient> open_authority(Lines& lines, const Context& context,
                                                                       AuthorityArguments& arguments,
                                                                       std::string next);

}  // namespace pedigree::cli
