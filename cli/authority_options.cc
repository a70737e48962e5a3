// SPDX-License-Identifier: Apache-2.0
#include "cli/authority_options.h"

namespace pedigree::cli {

CLI::Option* add_authority_options(CLI::App& command, AuthorityArguments& arguments,
                                   const std::string& role) {
  CLI::Option* const url =
      command.add_option("--authority", arguments.options.url, "The authority: https://HOST:PORT")
          ->option_text("URL");
  command
      .add_option("--tls", arguments.tls,
                  "Folder with ca.cert.pem, " + role + ".cert.pem and " + role + ".key.pem")
      ->option_text("DIR");
  command.add_option("--ca", arguments.options.ca_file, "PEM file with the CA of the authority's server")
      ->option_text("FILE");
  command
      .add_option("--cert", arguments.options.certificate_file,
                  "PEM file with the " + role + "'s certificate")
      ->option_text("FILE");
  command.add_option("--key", arguments.options.key_file, "PEM file with the " + role + "'s private key")
      ->option_text("FILE");
  command
      .add_option("--authority-timeout", arguments.timeout,
                  "Try an unreachable authority for this many seconds (default 60)")
      ->check(CLI::Range(0.0, 86400.0));
  return url;
}

bool complete_authority(AuthorityArguments& arguments, const std::string& role) {
  station::AuthorityOptions& options = arguments.options;
  if (!arguments.tls.empty()) {
    if (options.ca_file.empty()) options.ca_file = arguments.tls + "/ca.cert.pem";
    if (options.certificate_file.empty()) options.certificate_file = arguments.tls + "/" + role + ".cert.pem";
    if (options.key_file.empty()) options.key_file = arguments.tls + "/" + role + ".key.pem";
  }
  return !options.ca_file.empty() && !options.certificate_file.empty() && !options.key_file.empty();
}

std::unique_ptr<station::AuthorityClient> open_authority(Lines& lines, const Context& context,
                                                         AuthorityArguments& arguments, std::string next) {
  arguments.options.give_up =
      std::chrono::duration_cast<std::chrono::milliseconds>(seconds(arguments.timeout));
  arguments.options.notice = notices(lines, context);
  return need(station::open_authority(lines.loop, arguments.options), std::move(next));
}

}  // namespace pedigree::cli
