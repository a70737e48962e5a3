// SPDX-License-Identifier: Apache-2.0
// What the subcommands of `pedigree authority` share.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <map>

#include "authority/refusal.h"
#include "cli/output.h"
#include "core/crypto/crypto.h"
#include "server/app/app.h"

namespace pedigree::cli {

/// Prints an authority's refusal and sets the exit code that belongs to it.
void report_refusal(Context& context, std::string_view doing, const authority::Refusal& refusal,
                    std::string next = {});

/// `pedigree authority list|revoke|export`.
void add_authority_queries(CLI::App& authority, Context& context);
/// `pedigree authority client|revoke-issuer`.
void add_authority_offline(CLI::App& authority, Context& context);
/// `pedigree authority revoke-signer|signer-revocations`.
void add_authority_signers(CLI::App& authority, Context& context);
/// `pedigree authority grant|grant-signer|sign-grant-signer`.
void add_authority_grants(CLI::App& authority, Context& context);
/// `pedigree authority oem|firmware-signer`.
void add_authority_firmware(CLI::App& authority, Context& context);
/// `pedigree authority import|batches|alarms`.
void add_authority_registry(CLI::App& authority, Context& context);
/// `pedigree authority station|policy`.
void add_authority_stations(CLI::App& authority, Context& context);
/// `pedigree authority lint`.
void add_authority_lint(CLI::App& authority, Context& context);
/// `pedigree authority csr|sign-intermediate|import-certificate|cross-sign`.
void add_authority_intermediate(CLI::App& authority, Context& context);
/// `pedigree authority issuer`.
void add_authority_issuers(CLI::App& authority, Context& context);
/// `pedigree authority ceremony|ceremony-verify|join-shares`.
void add_authority_ceremony(CLI::App& authority, Context& context);
/// `pedigree authority token-init`.
void add_authority_token(CLI::App& authority, Context& context);
/// `pedigree authority enrol-token`.
void add_authority_protocols(CLI::App& authority, Context& context);
/// Types of key that CAs may have, by their names.
[[nodiscard]] const std::map<std::string, crypto::KeyType>& ca_key_types();
/// Who acts, for the registry's history: the login name, as far as the system knows it.
[[nodiscard]] std::string login();
/// What a refusal of /v1 says.
[[nodiscard]] authority::Refusal refusal_of(const http::Response& response);
/// Asks /v1 of an authority's directory, as the operator `who`: the answer, or its refusal.
[[nodiscard]] app::Answer<boost::json::value> ask(app::LocalAuthority& authority, http::Method method,
                                                  const std::string& target, const std::string& body = {},
                                                  std::string who = login());
/// `pedigree authority status|reload|backup|restore`.
void add_authority_operations(CLI::App& authority, Context& context);
/// `serve --check`. `passphrase_file` may be empty.
void run_serve_check(Context& context, const std::string& directory, const std::string& passphrase_file);
/// The reasons of revocation that the registry takes, by their names in RFC 5280 5.3.1.
[[nodiscard]] std::vector<std::string> reason_names();

}  // namespace pedigree::cli
