// SPDX-License-Identifier: Apache-2.0
// pedigree authority csr|sign-intermediate|import-certificate|cross-sign: intermediates below a root that
// is kept offline, and what leads to another root.
#include <boost/json.hpp>
#include <ctime>

#include "authority/config.h"
#include "authority/cross.h"
#include "cli/authority_command.h"
#include "cli/describe.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "cli/private_key.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/app.h"
#include "server/app/directory.h"
#include "server/app/intermediates.h"
#include "server/app/record.h"

namespace pedigree::cli {
namespace {

struct IntermediateArguments {
  std::string directory;
  std::string name;
  std::string common_name;
  std::string key_type = "P-256";
  std::string token;
  std::string key;
  std::string parent = "root";
  std::string profile, settings;
  std::string file;
  std::string issuer;
  std::string out;
  std::string passphrase_file;
  std::vector<std::string> profiles;
  bool standby = false;
  bool limits_path = false;
  std::uint32_t path_len = 0;
  std::uint32_t days = 3650;
};

constexpr const char* kPassphraseHelp =
    "File with the passphrase of the CA keys (else PEDIGREE_PASSPHRASE, else asked for)";

/// The first block of this label, or the file as DER.
std::expected<Octets, Problem> read_der(const std::string& file, std::string_view label) {
  auto found = read_certificates(file, label);
  if (!found) return std::unexpected(found.error());
  return std::move(found->front());
}

void run_csr(Context& context, const IntermediateArguments& arguments) {
  app::SecretText passphrase;
  if (arguments.token.empty()) {
    auto given = read_passphrase(arguments.passphrase_file, true);
    if (!given) return print_error(context, kExitUnreadable, given.error());
    passphrase = *std::move(given);
  }
  const app::IssuerRequest wish{arguments.name, arguments.common_name, ca_key_types().at(arguments.key_type),
                                arguments.token};
  const auto request = app::request_issuer({arguments.directory}, wish, passphrase);
  if (!request) return report_refusal(context, "request the intermediate", request.error());
  const auto written = write_output(arguments.out, as_bytes(to_pem("CERTIFICATE REQUEST", *request)));
  if (!written) return print_error(context, kExitUnreadable, written.error());
  if (context.json) return print_json({{"name", arguments.name}, {"request", arguments.out}});
  if (context.quiet) return;
  print_line("wrote " + styled(context, Style::strong, printable(arguments.out)) + ", the request of " +
             printable(arguments.name));
  print_line("Next, where the root's key is: pedigree authority sign-intermediate --request " +
             printable(arguments.out));
}

/// A profile of the settings in a file, or of the built-in ones.
std::expected<std::optional<authority::Profile>, Problem> find_profile(
    const IntermediateArguments& arguments) {
  if (arguments.profile.empty()) return std::nullopt;
  authority::Config config = authority::default_config();
  if (!arguments.settings.empty()) {
    const auto text = app::read_text(arguments.settings);
    auto read = text ? authority::read_config(*text) : std::unexpected(text.error());
    if (!read) {
      return std::unexpected(
          Problem{.summary = "cannot use " + arguments.settings + ": " + read.error().detail,
                  .details = {},
                  .next = {},
                  .note = {}});
    }
    config = *std::move(read);
  }
  const auto found = config.profiles.find(arguments.profile);
  if (found != config.profiles.end() && found->second.kind == authority::ProfileKind::intermediate) {
    return found->second;
  }
  return std::unexpected(
      Problem{.summary = "there is no profile " + arguments.profile + " for intermediates",
              .details = {},
              .next = "leave --profile out, name matter-pai, or give the file that has it: --settings",
              .note = {}});
}

void run_sign(Context& context, const IntermediateArguments& arguments) {
  const auto profile = find_profile(arguments);
  if (!profile) return print_error(context, kExitUsage, profile.error());
  const auto request = read_der(arguments.file, "CERTIFICATE REQUEST");
  if (!request) return print_error(context, kExitUnreadable, request.error());
  const auto issuer = read_der(arguments.issuer, "CERTIFICATE");
  if (!issuer) return print_error(context, kExitUnreadable, issuer.error());
  const auto key = open_private_key(arguments.key, arguments.passphrase_file);
  if (!key) return print_error(context, kExitUnreadable, key.error());
  app::SignedIntermediate wish;
  wish.request = *request;
  wish.issuer = *issuer;
  wish.key = key->view();
  wish.common_name = arguments.common_name;
  wish.path_len = arguments.path_len;
  wish.days = arguments.days;
  wish.profile = *profile ? &**profile : nullptr;
  wish.now = std::time(nullptr);
  const auto made = app::sign_intermediate(wish);
  if (!made) return report_refusal(context, "sign the request", made.error());
  const auto written = app::write_private(arguments.out, app::certificate_pem(*made));
  if (!written) return report_refusal(context, "write the certificate", written.error());
  const auto certificate = x509::Certificate::parse(*made);
  const std::string until = certificate ? day_text(certificate->not_after()) : std::string();
  if (context.json) {
    return print_json(
        {{"name", arguments.common_name}, {"certificate", arguments.out}, {"not_after", until}});
  }
  if (context.quiet) return;
  print_line("certified " + styled(context, Style::strong, printable(arguments.common_name)) + " until " +
             until);
  print_line("Next, where the request is from: pedigree authority import-certificate --certificate " +
             printable(arguments.out));
}

/// The import as an event of the authority's log.
app::Answer<void> note_import(const IntermediateArguments& arguments, Bytes certificate) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return std::unexpected(authority.error());
  const auto digest = (*authority)->engine().crypto().sha256(certificate);
  if (!digest) return authority::refuse(digest.error());
  return app::record(**authority, {"issuer_installed",
                                   arguments.name + " below " + arguments.parent,
                                   *digest,
                                   {login(), "local"},
                                   std::time(nullptr)});
}

void run_import(Context& context, const IntermediateArguments& arguments) {
  const auto certificate = read_der(arguments.file, "CERTIFICATE");
  if (!certificate) return print_error(context, kExitUnreadable, certificate.error());
  app::SecretText passphrase;
  if (arguments.key.empty()) {
    auto given = read_passphrase(arguments.passphrase_file, false);
    if (!given) return print_error(context, kExitUnreadable, given.error());
    passphrase = *std::move(given);
  }
  const app::ImportedIssuer wish{
      arguments.name,     arguments.parent,
      arguments.key,      arguments.profiles,
      std::time(nullptr), arguments.standby ? registry::IssuerState::standby : registry::IssuerState::active};
  const auto done = app::import_issuer({arguments.directory}, wish, *certificate, passphrase);
  if (!done) return report_refusal(context, "import the certificate", done.error());
  if (const auto noted = note_import(arguments, *certificate); !noted) {
    return report_refusal(context, "write the import into the log", noted.error(),
                          "the certificate is imported; run the command again once the registry answers");
  }
  if (context.json) return print_json({{"name", arguments.name}, {"parent", arguments.parent}});
  if (context.quiet) return;
  print_line("imported " + styled(context, Style::strong, printable(arguments.name)) + ", below " +
             printable(arguments.parent) + "; the server knows it once it is started again");
  if (arguments.standby) {
    print_line("It is on standby. Then: pedigree authority issuer rotate OLD " + printable(arguments.name));
  }
}

CLI::App* add(CLI::App& authority, const char* name, const char* help, IntermediateArguments& arguments,
              const char* passphrase_help) {
  CLI::App* command = authority.add_subcommand(name, help);
  command->add_option("--passphrase-file", arguments.passphrase_file, passphrase_help)->option_text("FILE");
  return command;
}

void add_directory(CLI::App& command, IntermediateArguments& arguments) {
  command.add_option("--dir", arguments.directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  command.add_option("NAME", arguments.name, "The intermediate's name in this authority")
      ->required()
      ->option_text("NAME");
}

void add_csr(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<IntermediateArguments>();
  CLI::App* command =
      add(authority, "csr", "Make an intermediate's key, and a request for whoever has the root's", *a,
          kPassphraseHelp);
  add_directory(*command, *a);
  command->add_option("--common-name", a->common_name, "Common name to ask for")
      ->required()
      ->option_text("TEXT");
  command->add_option("--key", a->key_type, "Type of the key")
      ->check(CLI::IsMember(ca_key_types()))
      ->option_text("P-256|P-384|Ed25519|RSA-3072|RSA-4096");
  command->add_option("--token", a->token, "Make the key in this PKCS#11 token")->option_text("pkcs11:URI");
  command->add_option("--out", a->out, "File to write the request to (PKCS#10, PEM)")
      ->required()
      ->option_text("FILE");
  command->callback([a, &context] { run_csr(context, *a); });
}

void add_sign(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<IntermediateArguments>();
  CLI::App* command =
      add(authority, "sign-intermediate", "Sign an intermediate's request with the root's key, offline", *a,
          kKeyPassphraseHelp);
  command->footer(
      "Needs no directory, and no network. Of the request its key is taken, after proof of possession, and\n"
      "nothing else.");
  command->add_option("--request", a->file, "PKCS#10 request (PEM or DER)")->required()->option_text("FILE");
  command->add_option("--issuer", a->issuer, "The root's certificate, or another CA's")
      ->required()
      ->option_text("FILE");
  command->add_option("--issuer-key", a->key, "Its private key: PEM, or a pkcs11: URI")
      ->required()
      ->option_text("KEY");
  command->add_option("--name", a->common_name, "Common name of the intermediate")
      ->required()
      ->option_text("TEXT");
  command->add_option("--path-len", a->path_len, "How many levels of CA may stand below it")
      ->check(CLI::Range(0, 5))
      ->option_text("N");
  command->add_option("--days", a->days, "Days until it expires, at most as long as its issuer")
      ->check(CLI::Range(1, 36500))
      ->option_text("N");
  CLI::Option* const profile =
      command
          ->add_option("--profile", a->profile,
                       "Profile of the intermediate, such as matter-pai, in place of --path-len")
          ->option_text("NAME");
  command
      ->add_option("--settings", a->settings,
                   "An authority.toml whose profiles are taken; else the built-in ones")
      ->option_text("FILE")
      ->needs(profile);
  command->add_option("--out", a->out, "File to write the certificate to (PEM)")
      ->required()
      ->option_text("FILE");
  command->callback([a, &context] { run_sign(context, *a); });
}

void add_import(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<IntermediateArguments>();
  CLI::App* command =
      add(authority, "import-certificate",
          "Take an intermediate's certificate into the authority's directory", *a, kPassphraseHelp);
  add_directory(*command, *a);
  command->add_option("--certificate", a->file, "The certificate (PEM or DER)")
      ->required()
      ->option_text("FILE");
  command->add_option("--parent", a->parent, "Who signed it: root, or an intermediate's name")
      ->option_text("NAME");
  command->add_flag("--standby", a->standby,
                    "Publish it and issue nothing by it until it is made active: authority issuer");
  command->add_option("--key", a->key, "A pkcs11: URI, where the key is in a token")
      ->option_text("pkcs11:URI");
  command->add_option("--profile", a->profiles, "A profile that it issues; may be repeated")
      ->option_text("NAME")
      ->allow_extra_args(false);
  command->callback([a, &context] { run_import(context, *a); });
}

void run_cross(Context& context, const IntermediateArguments& arguments) {
  const auto root = read_der(arguments.file, "CERTIFICATE");
  if (!root) return print_error(context, kExitUnreadable, root.error());
  const auto issuer = read_der(arguments.issuer, "CERTIFICATE");
  if (!issuer) return print_error(context, kExitUnreadable, issuer.error());
  const auto key = open_private_key(arguments.key, arguments.passphrase_file);
  if (!key) return print_error(context, kExitUnreadable, key.error());
  authority::CrossFields fields;
  fields.certificate = *root;
  fields.issuer = {*issuer, key->view()};
  if (arguments.limits_path) fields.path_len = arguments.path_len;
  fields.not_before = std::time(nullptr);
  fields.not_after = fields.not_before + static_cast<der::UnixTime>(arguments.days) * 86400;
  const crypto::OpenSslCrypto crypto;
  const auto made = authority::make_cross_certificate(crypto, fields);
  if (!made) return report_refusal(context, "certify the other root", made.error());
  const auto written = app::write_private(arguments.out, app::certificate_pem(*made));
  if (!written) return report_refusal(context, "write the certificate", written.error());
  const auto certificate = x509::Certificate::parse(*made);
  const std::string subject = certificate ? name_text(certificate->subject()) : std::string();
  const std::string until = certificate ? day_text(certificate->not_after()) : std::string();
  if (context.json) {
    return print_json({{"subject", subject}, {"certificate", arguments.out}, {"not_after", until}});
  }
  if (context.quiet) return;
  print_line("cross-certified " + styled(context, Style::strong, subject) + " until " + until);
  print_line("Whoever trusts the issuer follows chains of that root with this certificate behind them.");
}

void add_cross(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<IntermediateArguments>();
  CLI::App* command =
      add(authority, "cross-sign", "Certify another root by this one's key, offline", *a, kKeyPassphraseHelp);
  command->footer(
      "For a root that follows another, or one of a partner: devices and relying parties that know the "
      "issuer\n"
      "alone then follow chains of the other root. Needs no directory, and no network. Name, key and limits\n"
      "are the other root's, which must be self-signed.");
  command->add_option("--certificate", a->file, "The other root's certificate (PEM or DER)")
      ->required()
      ->option_text("FILE");
  command->add_option("--issuer", a->issuer, "This root's certificate")->required()->option_text("FILE");
  command->add_option("--issuer-key", a->key, "Its private key: PEM, or a pkcs11: URI")
      ->required()
      ->option_text("KEY");
  command->add_option("--path-len", a->path_len, "How many levels of CA may stand below it, less than it has")
      ->check(CLI::Range(0, 5))
      ->option_text("N")
      ->each([a](const std::string&) { a->limits_path = true; });
  command->add_option("--days", a->days, "Days until it expires, at most as long as both roots")
      ->check(CLI::Range(1, 36500))
      ->option_text("N");
  command->add_option("--out", a->out, "File to write the certificate to (PEM)")
      ->required()
      ->option_text("FILE");
  command->callback([a, &context] { run_cross(context, *a); });
}

}  // namespace

void add_authority_intermediate(CLI::App& authority, Context& context) {
  add_cross(authority, context);
  add_csr(authority, context);
  add_sign(authority, context);
  add_import(authority, context);
}

}  // namespace pedigree::cli
