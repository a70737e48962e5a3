// SPDX-License-Identifier: Apache-2.0
// `pedigree verify token` and `pedigree verify policy`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ctime>

#include "cli/ear.h"
#include "cli/verify_appraisal.h"
#include "crypto/openssl/openssl_crypto.h"
#include "verifier/report.h"

namespace pedigree::cli {
namespace {

struct TokenOptions {
  TrustOptions trust;
  EarArguments ear;
  std::string file, nonce;
  bool no_nonce = false;
};

void verify_token(const TokenOptions& options, Context& context) {
  const auto nonce = from_hex(options.nonce);
  if (!nonce)
    return print_error(context, kExitUsage,
                       {.summary = "--nonce takes hex digits: " + nonce.error().summary,
                        .details = {},
                        .next = "pedigree verify token --help",
                        .note = {}});
  const auto setup =
      VerifierSetup::make(options.trust, options.no_nonce ? std::optional<bool>(false) : std::nullopt);
  if (!setup) return print_error(context, setup.error().exit_code, setup.error().problem);
  for (const std::string& warning : (*setup)->warnings()) print_warning(context, warning);
  const auto token = read_input(options.file, verifier::kMaxEvidence);
  if (!token) return print_error(context, kExitUnreadable, token.error());
  const verifier::Appraisal appraisal = (*setup)->verifier().appraise(
      {.token = *token, .chain = (*setup)->chain(), .nonce = *nonce}, (*setup)->time());
  const EarOutcome ear = write_ear(context, options.ear, appraisal, (*setup)->verifier().policy().name);
  if (ear == EarOutcome::failed) return;
  if (ear != EarOutcome::printed) {
    if (context.json)
      print_json(verifier::to_json(appraisal));
    else
      print_appraisal(context, appraisal);
  }
  context.exit_code = exit_code_of(appraisal.verdict, options.trust.strict);
}

void verify_policy(const std::string& file, Context& context) {
  const crypto::OpenSslCrypto crypto;
  const auto policy = verifier::load_policy(file, {.crypto = &crypto, .now = std::time(nullptr)});
  if (!policy)
    return print_error(context, kExitUnreadable,
                       {.summary = policy.error().what,
                        .details = {},
                        .next = "docs/formats.md lists the keys of a policy",
                        .note = {}});
  const std::size_t roots = policy->roots.size() + policy->root_spki_sha256.size();
  if (context.json)
    return print_json(boost::json::object{{"name", policy->name},
                                          {"roots", roots},
                                          {"keys", policy->raw_keys.size()},
                                          {"implementations", policy->reference.size()}});
  print_line(fmt::format("{}  policy {}: {} root{}, {} key{}, reference values for {} implementation{}",
                         styled(context, Style::good, "ok"), printable(policy->name), roots,
                         roots == 1 ? "" : "s", policy->raw_keys.size(),
                         policy->raw_keys.size() == 1 ? "" : "s", policy->reference.size(),
                         policy->reference.size() == 1 ? "" : "s"));
  if (roots == 0 && policy->raw_keys.empty())
    print_warning(context, "this policy trusts no root and no key; nothing can be trusted by it alone");
}

}  // namespace

void add_verify_token_command(CLI::App& verify_app, Context& context) {
  CLI::App* command =
      verify_app.add_subcommand("token", "Appraise a PSA attestation token (RFC 9783), with its chain");
  command->footer(
      "FILE holds the token as the device gave it (COSE_Sign1). Exit status 3 means that it was read and is\n"
      "not to be trusted.");
  const auto options = std::make_shared<TokenOptions>();
  command->add_option("FILE", options->file, "The token; - is stdin")->required();
  CLI::Option* nonce =
      command->add_option("--nonce", options->nonce, "The nonce that the device was asked with")
          ->option_text("HEX");
  command->add_flag("--no-nonce", options->no_nonce, "Take a token of any age")->excludes(nonce);
  add_trust_options(*command, options->trust);
  command
      ->add_option(
          "--image", options->trust.images,
          "Signed firmware image, or a folder of them, to find what the token measures; may be repeated")
      ->option_text("PATH")
      ->allow_extra_args(false);
  command
      ->add_option("--signer-revocations", options->trust.signer_revocations,
                   "List of revoked firmware signers, whose images are not taken")
      ->option_text("FILE");
  add_ear_options(*command, options->ear);
  command->callback([options, &context] { verify_token(*options, context); });
}

void add_verify_policy_command(CLI::App& verify_app, Context& context) {
  CLI::App* command = verify_app.add_subcommand("policy", "Check a policy file, and the files that it names");
  const auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "The policy, TOML")->required();
  command->callback([file, &context] { verify_policy(*file, context); });
}

}  // namespace pedigree::cli
