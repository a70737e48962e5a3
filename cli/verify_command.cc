// SPDX-License-Identifier: Apache-2.0
// `pedigree verify`: is it to be trusted, and why.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/verify_appraisal.h"
#include "cli/verify_chain.h"
#include "core/x509/oids.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

struct ChainOptions {
  std::vector<std::string> files, roots, root_hashes, crls;
  std::string time, purpose;
  bool no_time = false;
  bool allow_ca = false;
};

std::optional<Octets> purpose_oid(const std::string& text) {
  namespace oid = x509::oid;
  const auto octets = [](Bytes value) { return Octets(value.begin(), value.end()); };
  if (text == "client-auth") return octets(oid::kClientAuth);
  if (text == "server-auth") return octets(oid::kServerAuth);
  if (text == "code-signing") return octets(oid::kCodeSigning);
  if (text == "ocsp-signing") return octets(oid::kOcspSigning);
  return parse_oid(text);
}

Problem usage_problem(std::string summary) {
  return {.summary = std::move(summary), .details = {}, .next = "pedigree verify chain --help", .note = {}};
}

/// Sets what the options say; a Problem here is one of usage.
std::expected<void, Problem> read_options(const ChainOptions& options, ChainQuestion& question) {
  if (options.roots.empty() && options.root_hashes.empty())
    return std::unexpected(usage_problem("no root is trusted: give --root or --root-spki"));
  for (const std::string& text : options.root_hashes) {
    const auto hash = sha256_from_hex(text);
    if (!hash)
      return std::unexpected(usage_problem("--root-spki takes the 64 hex digits of a SHA-256, not " + text));
    question.root_hashes.push_back(*hash);
  }
  if (!options.no_time) question.time = unix_now();
  if (!options.time.empty()) {
    question.time = parse_time(options.time);
    if (!question.time)
      return std::unexpected(
          usage_problem("--time takes 2026-11-24, 2026-11-24T12:00:00Z or @seconds, not " + options.time));
  }
  if (!options.purpose.empty()) {
    question.purpose = purpose_oid(options.purpose);
    if (!question.purpose)
      return std::unexpected(usage_problem(
          "--purpose takes client-auth, server-auth, code-signing, ocsp-signing or a dotted OID, not " +
          options.purpose));
  }
  question.leaf_may_be_ca = options.allow_ca;
  return {};
}

std::expected<void, Problem> read_files(const ChainOptions& options, ChainQuestion& question) {
  const auto append = [](const std::vector<std::string>& files, std::vector<Octets>& to,
                         std::string_view label) -> std::expected<void, Problem> {
    for (const std::string& file : files) {
      auto elements = read_certificates(file, label);
      if (!elements) return std::unexpected(elements.error());
      std::move(elements->begin(), elements->end(), std::back_inserter(to));
    }
    return {};
  };
  if (auto done = append(options.files, question.chain, "CERTIFICATE"); !done) return done;
  if (auto done = append(options.roots, question.roots, "CERTIFICATE"); !done) return done;
  if (auto done = append(options.crls, question.crls, "X509 CRL"); !done) return done;
  for (const Octets& root : question.roots)
    if (const auto parsed = x509::Certificate::parse(root); !parsed)
      return std::unexpected(Problem{.summary = "a trusted root is no well-formed certificate: " +
                                                std::string(sentence(parsed.error().code)),
                                     .details = {{"offset", std::to_string(parsed.error().offset)}},
                                     .next = "look at it: pedigree inspect " + options.roots.front(),
                                     .note = {}});
  return {};
}

void verify(const ChainOptions& options, Context& context) {
  ChainQuestion question;
  if (const auto done = read_options(options, question); !done)
    return print_error(context, kExitUsage, done.error());
  if (const auto done = read_files(options, question); !done)
    return print_error(context, kExitUnreadable, done.error());
  const crypto::OpenSslCrypto crypto;
  const ChainAnswer answer = verify_chain(crypto, question);
  print_answer(context, question, answer);
  context.exit_code = answer.trusted ? kExitOk : kExitNotTrusted;
}

}  // namespace

void add_verify_command(CLI::App& app, Context& context) {
  CLI::App* verify_app =
      app.add_subcommand("verify", "Decide whether something is to be trusted, and say why");
  verify_app->require_subcommand(1);
  add_verify_token_command(*verify_app, context);
  add_verify_data_command(*verify_app, context);
  add_verify_policy_command(*verify_app, context);
  CLI::App* chain =
      verify_app->add_subcommand("chain", "Validate a certificate chain against a trusted root");
  chain->footer(
      "FILEs hold the chain, leaf first, as PEM, DER or the CBOR array that devices send. Exit status 3\n"
      "means that the chain was read and is not to be trusted.");
  const auto options = std::make_shared<ChainOptions>();
  chain->add_option("FILE", options->files, "Files with the chain, leaf first; - is stdin")->required();
  chain->add_option("--root", options->roots, "Trusted root certificate (PEM or DER); may be repeated")
      ->option_text("FILE")
      ->allow_extra_args(false);
  chain
      ->add_option(
          "--root-spki", options->root_hashes,
          "SHA-256 of a trusted root's public key info; the chain then holds that root; may be repeated")
      ->option_text("HEX")
      ->allow_extra_args(false);
  CLI::Option* time =
      chain
          ->add_option("--time", options->time,
                       "Validate as of this time: 2026-11-24, 2026-11-24T12:00:00Z or @SECONDS")
          ->option_text("TIME");
  chain->add_flag("--no-time", options->no_time, "Do not check validity in time, as a device without a clock")
      ->excludes(time);
  chain
      ->add_option("--purpose", options->purpose,
                   "Key purpose: client-auth, server-auth, code-signing, ocsp-signing or a dotted OID")
      ->option_text("NAME");
  chain->add_option("--crl", options->crls, "CRL of an issuer in the chain (PEM or DER); may be repeated")
      ->option_text("FILE")
      ->allow_extra_args(false);
  chain->add_flag("--allow-ca", options->allow_ca, "The first certificate may be a CA's");
  chain->callback([options, &context] { verify(*options, context); });
}

}  // namespace pedigree::cli
