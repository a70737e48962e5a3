// SPDX-License-Identifier: Apache-2.0
#include "cli/ear.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ctime>

#include "cli/files.h"
#include "cli/private_key.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "verifier/ear/ear.h"

namespace pedigree::cli {
namespace {

using crypto::OpenSslKey;

Problem unusable_key(const std::string& file, std::string_view why) {
  return {.summary = "cannot sign with " + file + ": " + std::string(why),
          .details = {},
          .next = "make a key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + file,
          .note = {}};
}

std::expected<OpenSslKey, Problem> read_key(const EarArguments& arguments) {
  auto key = open_private_key(arguments.key_file, arguments.passphrase_file);
  if (key && key->type() != crypto::KeyType::p256) {
    return std::unexpected(unusable_key(arguments.key_file, "an EAR is signed with a P-256 key"));
  }
  return key;
}

Result<Octets> make_ear(const EarArguments& arguments, const OpenSslKey& key,
                        const verifier::Appraisal& appraisal, const std::string& policy) {
  const crypto::OpenSslCrypto library;
  verifier::EarOptions options;
  options.issued_at = std::time(nullptr);
  if (arguments.lifetime > 0) options.lifetime = arguments.lifetime;
  options.policy = policy;
  if (arguments.form == "cwt") return verifier::write_ear_cwt(library, key.view(), appraisal, options);
  PEDIGREE_ASSIGN(const std::string token, verifier::write_ear_jwt(library, key.view(), appraisal, options));
  const Bytes octets = as_bytes(token);
  return Octets(octets.begin(), octets.end());
}

EarOutcome refuse(Context& context, const Problem& problem) {
  print_error(context, kExitUnreadable, problem);
  return EarOutcome::failed;
}

void print_ear(const Context& context, const EarArguments& arguments, const Octets& ear) {
  const std::string text(as_text(ear));
  if (context.json) {
    return print_json(boost::json::object{{"form", arguments.form},
                                          {"ear", arguments.form == "jwt" ? text : to_base64(ear)}});
  }
  print(arguments.form == "jwt" ? text + "\n" : text);
}

}  // namespace

void add_ear_options(CLI::App& command, EarArguments& arguments) {
  CLI::Option* form = command
                          .add_option("--ear", arguments.form,
                                      "Print the answer for others, as a signed EAR, in place of the report")
                          ->check(CLI::IsMember({"jwt", "cwt"}))
                          ->option_text("jwt|cwt");
  CLI::Option* key =
      command.add_option("--ear-key", arguments.key_file, "P-256 private key (PEM) that signs it")
          ->option_text("FILE");
  form->needs(key);
  key->needs(form);
  command.add_option("--ear-out", arguments.out, "Write it to this file, and print the report too")
      ->needs(form)
      ->option_text("FILE");
  command.add_option("--ear-lifetime", arguments.lifetime, "Seconds after which it is not valid any more")
      ->needs(form)
      ->option_text("SECONDS");
  command
      .add_option("--ear-passphrase-file", arguments.passphrase_file, "File with the passphrase of that key")
      ->needs(form)
      ->option_text("FILE");
}

EarOutcome write_ear(Context& context, const EarArguments& arguments, const verifier::Appraisal& appraisal,
                     const std::string& policy) {
  if (arguments.form.empty()) return EarOutcome::not_asked;
  const auto key = read_key(arguments);
  if (!key) return refuse(context, key.error());
  const auto ear = make_ear(arguments, *key, appraisal, policy);
  if (!ear) return refuse(context, unusable_key(arguments.key_file, sentence(ear.error().code)));
  if (arguments.out == "-") {
    print_ear(context, arguments, *ear);
    return EarOutcome::printed;
  }
  if (const auto written = write_output(arguments.out, *ear); !written)
    return refuse(context, written.error());
  return EarOutcome::written;
}

}  // namespace pedigree::cli
