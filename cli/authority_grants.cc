// SPDX-License-Identifier: Apache-2.0
// pedigree authority grant|grant-signer|sign-grant-signer: what secured devices are permitted, for stations
// without a network; and who signs it.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "authority/grant.h"
#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/describe.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "cli/private_key.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/app.h"
#include "server/app/grant_signer.h"
#include "server/app/record.h"
#include "server/http/json.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kMaxDays = 3650;

struct GrantArguments {
  std::string directory, passphrase_file, root_key, out;
  std::string device, nonce, operation, purpose, algorithm = "P-256", root, why;
  std::string request, certificate, issuer;
  std::uint32_t slot = 0;
  std::uint32_t days = app::kGrantSignerDays;
};

constexpr const char* kElsewhere =
    "where the root's key is elsewhere: --request FILE, pedigree authority sign-grant-signer there, and "
    "--certificate FILE here";

json::object question_of(const GrantArguments& arguments) {
  json::object question{{"device", arguments.device},
                        {"nonce", arguments.nonce},
                        {"operation", arguments.operation},
                        {"why", arguments.why}};
  if (arguments.slot != 0) question["slot"] = arguments.slot;
  if (!arguments.purpose.empty()) question["purpose"] = arguments.purpose;
  question["algorithm"] = arguments.algorithm;
  if (!arguments.root.empty()) question["root"] = arguments.root;
  return question;
}

/// What a person may do about it.
std::string next_step(ErrorCode code, const GrantArguments& arguments) {
  switch (code) {
    case ErrorCode::unknown_device:
      return "the device's id is in pedigree grant challenge, and in pedigree provision --info";
    case ErrorCode::not_found:
    case ErrorCode::grant_expired:
    case ErrorCode::grant_signer_refused:
      return "make a signer: pedigree authority grant-signer --dir " + printable(arguments.directory);
    default:
      return {};
  }
}

void run_grant(Context& context, const GrantArguments& arguments) {
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  if (const auto taken = (*authority)->take_grant_signer(*passphrase); !taken) {
    return report_refusal(context, "grant it", taken.error(), next_step(taken.error().code, arguments));
  }
  const auto asked =
      ask(**authority, http::Method::post, "/v1/grants", json::serialize(question_of(arguments)));
  if (!asked) {
    return report_refusal(context, "grant it", asked.error(), next_step(asked.error().code, arguments));
  }
  const json::value& answer = *asked;
  const auto message = http::from_base64(answer.at("grant").as_string());
  if (const auto written = write_output(arguments.out, message.value_or(Octets())); !written) {
    return print_error(context, kExitUnreadable, written.error());
  }
  if (context.json) {
    return print_json(json::object{{"file", arguments.out},
                                   {"issued_at", answer.at("issued_at")},
                                   {"expires_at", answer.at("expires_at")},
                                   {"state", answer.at("state")}});
  }
  if (context.quiet) return;
  print_line(fmt::format("wrote {}: {} granted until {}",
                         styled(context, Style::strong, printable(arguments.out)), arguments.operation,
                         authority::iso_time(answer.at("expires_at").as_int64())));
  print_line(fmt::format("  the device is {}", std::string(answer.at("state").as_string())));
  print_line("Next: pedigree grant send " + printable(arguments.out));
}

/// Writes what happens to the signer into the audit log of this authority.
app::NoteGrantSigner into_log(app::LocalAuthority& authority) {
  return [&authority](const app::GrantSignerNote& note) {
    return app::record(authority, {note.what, note.why, note.digest, {login(), "local"}, std::time(nullptr)});
  };
}

void request_signer(Context& context, const GrantArguments& arguments, const app::SecretText& passphrase,
                    const app::NoteGrantSigner& note) {
  const auto request = app::request_grant_signer({arguments.directory}, passphrase, note);
  if (!request) return report_refusal(context, "request the signer", request.error());
  const auto written = write_output(arguments.request, as_bytes(to_pem("CERTIFICATE REQUEST", *request)));
  if (!written) return print_error(context, kExitUnreadable, written.error());
  if (context.json) return print_json(json::object{{"request", arguments.request}});
  if (context.quiet) return;
  print_line("wrote " + styled(context, Style::strong, printable(arguments.request)));
  print_line("Next, where the root's key is: pedigree authority sign-grant-signer --request " +
             printable(arguments.request));
}

void say_who_signs(Context& context, const GrantArguments& arguments) {
  const std::string file = app::Layout{arguments.directory}.grant_certificate().string();
  const auto certificate = app::read_certificate(file);
  const auto parsed = certificate ? x509::Certificate::parse(*certificate) : fail(ErrorCode::io_failure);
  const std::string until = parsed ? authority::iso_time(parsed->not_after()) : std::string();
  if (context.json) return print_json(json::object{{"certificate", file}, {"not_after", until}});
  if (context.quiet) return;
  print_line(fmt::format("{} signs grants until {}", styled(context, Style::strong, printable(file)), until));
  print_line(
      "A server takes it when it starts. A device refuses the old one from the new one's first grant on.");
}

void import_signer(Context& context, const GrantArguments& arguments, const app::SecretText& passphrase,
                   const app::NoteGrantSigner& note) {
  const auto certificate = read_certificates(arguments.certificate);
  if (!certificate) return print_error(context, kExitUnreadable, certificate.error());
  const auto taken = app::import_grant_signer({arguments.directory}, certificate->front(), passphrase,
                                              std::time(nullptr), note);
  if (!taken) return report_refusal(context, "take the signer's certificate", taken.error());
  say_who_signs(context, arguments);
}

void make_signer(Context& context, const GrantArguments& arguments, const app::SecretText& passphrase,
                 const app::NoteGrantSigner& note) {
  const app::Layout layout{arguments.directory};
  const auto root = app::read_certificate(layout.root_certificate());
  if (!root) return report_refusal(context, "read the root's certificate", root.error());
  const std::filesystem::path file =
      arguments.root_key.empty() ? layout.root_key() : std::filesystem::path(arguments.root_key);
  const auto key = app::open_key(file, passphrase);
  if (!key) return report_refusal(context, "open the root's key", key.error(), kElsewhere);
  const auto made = app::make_grant_signer(layout, {*root, key->view()}, passphrase, std::time(nullptr),
                                           arguments.days, note);
  if (!made) return report_refusal(context, "make the signer", made.error());
  say_who_signs(context, arguments);
}

void run_signer(Context& context, const GrantArguments& arguments) {
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const app::NoteGrantSigner note = into_log(**authority);
  if (!arguments.request.empty()) return request_signer(context, arguments, *passphrase, note);
  if (!arguments.certificate.empty()) return import_signer(context, arguments, *passphrase, note);
  make_signer(context, arguments, *passphrase, note);
}

void run_sign(Context& context, const GrantArguments& arguments) {
  const auto request = read_certificates(arguments.request, "CERTIFICATE REQUEST");
  if (!request) return print_error(context, kExitUnreadable, request.error());
  const auto issuer = read_certificates(arguments.issuer);
  if (!issuer) return print_error(context, kExitUnreadable, issuer.error());
  const auto key = open_private_key(arguments.root_key, arguments.passphrase_file);
  if (!key) return print_error(context, kExitUnreadable, key.error());
  std::unique_ptr<app::LocalAuthority> authority;
  if (!arguments.directory.empty()) {
    auto opened = app::LocalAuthority::open(arguments.directory);
    if (!opened) return report_refusal(context, "open the authority", opened.error());
    authority = *std::move(opened);
  }
  const auto made =
      app::sign_grant_signer(request->front(), {issuer->front(), key->view()}, std::time(nullptr),
                             arguments.days, authority ? into_log(*authority) : app::NoteGrantSigner());
  if (!made) return report_refusal(context, "sign the request", made.error());
  const auto digest = crypto::OpenSslCrypto().sha256(*made);
  const std::string sha256 = digest ? registry::hex(*digest) : std::string();
  const auto written = write_output(arguments.out, as_bytes(app::certificate_pem(*made)));
  if (!written) return print_error(context, kExitUnreadable, written.error());
  const auto certificate = x509::Certificate::parse(*made);
  const std::string until = certificate ? day_text(certificate->not_after()) : std::string();
  if (context.json) {
    return print_json(json::object{{"certificate", arguments.out}, {"not_after", until}, {"sha256", sha256}});
  }
  if (context.quiet) return;
  print_line("certified a signer of grants until " + until);
  print_line("  SHA-256 " + sha256 + ", as the audit log names it");
  print_line("Next, where the request is from: pedigree authority grant-signer --certificate " +
             printable(arguments.out));
}

void add_directory(CLI::App& command, GrantArguments& a) {
  command.add_option("--dir", a.directory, "The authority's directory")->required()->option_text("DIR");
  command.add_option("--passphrase-file", a.passphrase_file, "File with the passphrase of the CA keys")
      ->option_text("FILE");
}

void add_grant(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<GrantArguments>();
  CLI::App* command =
      authority.add_subcommand("grant", "Sign a grant for one secured device, one operation and one nonce");
  command->footer(
      "For a station that does not reach the authority: pedigree grant challenge shows device and nonce "
      "there.\n"
      "A device that is to be decommissioned is retired in the registry before the grant is written. Its\n"
      "certificates stay good unless they are revoked: pedigree authority revoke.");
  add_directory(*command, *a);
  command->add_option("--device", a->device, "Device id")->required()->option_text("ID");
  command->add_option("--nonce", a->nonce, "The device's challenge, 64 hex digits")
      ->required()
      ->option_text("HEX");
  command->add_option("--operation", a->operation, "What is granted")
      ->required()
      ->check(CLI::IsMember({"begin", "replace", "destroy", "repin", "decommission"}))
      ->option_text("begin|replace|destroy|repin|decommission");
  command->add_option("--slot", a->slot, "Key slot of begin, replace, destroy")
      ->check(CLI::Range(std::uint32_t{1}, static_cast<std::uint32_t>(enrol::kMaxSlots)))
      ->option_text("N");
  command->add_option("--purpose", a->purpose, "Purpose of the key of begin, replace")
      ->check(CLI::IsMember({"iak", "idevid", "tls", "data"}))
      ->option_text("iak|idevid|tls|data");
  command->add_option("--algorithm", a->algorithm, "Algorithm of the key of begin, replace")
      ->check(CLI::IsMember({"P-256", "P-384"}))
      ->option_text("P-256|P-384");
  command->add_option("--new-root", a->root, "SHA-256 of the new root's key, 64 hex digits, of repin")
      ->option_text("HEX");
  command->add_option("--why", a->why, "A sentence for the history")->required()->option_text("TEXT");
  command->add_option("--out", a->out, "File to write the grant to")->required()->option_text("FILE");
  command->callback([a, &context] { run_grant(context, *a); });
}

CLI::Option* add_days(CLI::App& command, GrantArguments& a) {
  return command.add_option("--days", a.days, "Days until it expires, at most as long as its root")
      ->check(CLI::Range(std::uint32_t{1}, kMaxDays))
      ->option_text("N");
}

void add_signer(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<GrantArguments>();
  CLI::App* command = authority.add_subcommand(
      "grant-signer", "Make the delegate of the root that signs grants, or a new one");
  command->footer(
      "authority init has made the first, where it has made the root. A lost key is ended by a new one.\n"
      "Where the root's key is elsewhere, a request goes there (--request), and a certificate comes back\n"
      "(--certificate); until then the old one signs. Each is an event of the audit log: "
      "grant_signer_requested,\n"
      "grant_signer_installed (pedigree audit who --what).");
  add_directory(*command, *a);
  CLI::Option* const key =
      command
          ->add_option("--root-key", a->root_key,
                       "The root's private key, where it is not in the directory (PEM, the same passphrase)")
          ->option_text("FILE");
  CLI::Option* const days = add_days(*command, *a);
  CLI::Option* const request =
      command
          ->add_option("--request", a->request, "Make a key, and write a request for whoever has the root's")
          ->option_text("FILE")
          ->excludes(key)
          ->excludes(days);
  command->add_option("--certificate", a->certificate, "Take the certificate that was requested")
      ->option_text("FILE")
      ->excludes(key)
      ->excludes(days)
      ->excludes(request);
  command->callback([a, &context] { run_signer(context, *a); });
}

void add_sign(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<GrantArguments>();
  CLI::App* command = authority.add_subcommand(
      "sign-grant-signer", "Sign the request for a signer of grants with the root's key, offline");
  command->footer(
      "Needs no directory, and no network. Of the request its key is taken, after proof of possession, and\n"
      "nothing else. Where an authority's directory is at hand, --dir has its audit log say that it was "
      "signed;\n"
      "the log of the authority that takes the certificate says that in any case.");
  command->add_option("--dir", a->directory, "An authority's directory, whose audit log says so")
      ->option_text("DIR");
  command->add_option("--passphrase-file", a->passphrase_file, kKeyPassphraseHelp)->option_text("FILE");
  command->add_option("--request", a->request, "PKCS#10 request (PEM or DER)")
      ->required()
      ->option_text("FILE");
  command->add_option("--issuer", a->issuer, "The root's certificate")->required()->option_text("FILE");
  command->add_option("--issuer-key", a->root_key, "Its private key: PEM, or a pkcs11: URI")
      ->required()
      ->option_text("KEY");
  add_days(*command, *a);
  command->add_option("--out", a->out, "File to write the certificate to (PEM)")
      ->required()
      ->option_text("FILE");
  command->callback([a, &context] { run_sign(context, *a); });
}

}  // namespace

void add_authority_grants(CLI::App& authority, Context& context) {
  add_grant(authority, context);
  add_signer(authority, context);
  add_sign(authority, context);
}

}  // namespace pedigree::cli
