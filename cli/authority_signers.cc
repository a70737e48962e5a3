// SPDX-License-Identifier: Apache-2.0
// pedigree authority revoke-signer|signer-revocations: firmware signers whose images devices are to refuse.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "core/x509/name.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/signer_list.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct SignerArguments {
  std::string directory;
  std::string certificate;
  std::string key_hash;
  std::string why;
  std::string out;
  std::string passphrase_file;
  bool renew = false;
};

/// The key that is to be revoked, and whose it is.
struct Named {
  Octets key;
  std::string subject;
};

std::expected<Named, Problem> named_by_certificate(const std::string& file) {
  const auto certificates = read_certificates(file);
  if (!certificates) return std::unexpected(certificates.error());
  const auto parsed = x509::Certificate::parse(certificates->front());
  if (!parsed) {
    return std::unexpected(Problem{.summary = file + ": " + std::string(sentence(parsed.error().code)),
                                   .details = {},
                                   .next = {},
                                   .note = "nothing was revoked"});
  }
  const auto digest = crypto::OpenSslCrypto().sha256(parsed->spki().whole);
  std::array<std::uint8_t, 500> subject{};
  Writer text(subject);
  x509::print_name(parsed->subject(), text);
  return Named{digest ? Octets(digest->begin(), digest->end()) : Octets(),
               std::string(as_text(text.written()))};
}

std::expected<Named, Problem> named_by_hash(const std::string& text) {
  auto key = from_hex(text);
  if (key && key->size() == sizeof(Sha256)) return Named{*std::move(key), {}};
  return std::unexpected(Problem{.summary = "--key-hash is not the SHA-256 of a key, 64 hex digits",
                                 .details = {},
                                 .next = "give --certificate FILE, from which the hash is taken",
                                 .note = "nothing was revoked"});
}

void run_revoke(Context& context, const SignerArguments& arguments) {
  const auto named = arguments.certificate.empty() ? named_by_hash(arguments.key_hash)
                                                   : named_by_certificate(arguments.certificate);
  if (!named) {
    return print_error(context, arguments.certificate.empty() ? kExitUsage : kExitUnreadable, named.error());
  }
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const json::object body{{"key", to_base64(named->key)}, {"name", named->subject}, {"why", arguments.why}};
  const auto asked = ask(**authority, http::Method::post, "/v1/signer-revocations", json::serialize(body),
                         "local uid " + std::to_string(getuid()));
  if (!asked) return report_refusal(context, "revoke it", asked.error());
  const json::value& answer = *asked;
  if (context.json) return print_json(answer);
  if (context.quiet) return;
  const std::string subject(answer.at("name").as_string());
  print_line(fmt::format("revoked the firmware signer {} (key {}) since {}",
                         styled(context, Style::strong, subject.empty() ? "-" : printable(subject)),
                         shorten(std::string(answer.at("key").as_string())),
                         authority::iso_time(answer.at("revoked_at").as_int64())));
  print_line(fmt::format(
      "Devices learn of it by the next list. Next: pedigree authority signer-revocations --dir {} --out FILE",
      printable(arguments.directory)));
}

json::object to_json(const registry::SignerRevocation& one) {
  return {{"key", registry::hex(one.key)}, {"name", one.name}, {"revoked_at", one.when}, {"why", one.why}};
}

void show_revoked(const Context& context, const std::vector<registry::SignerRevocation>& revoked) {
  Table table({"key", "signer", "since", "why"});
  for (const auto& one : revoked) {
    table.add({shorten(registry::hex(one.key)), one.name.empty() ? "-" : one.name,
               authority::iso_time(one.when), one.why});
  }
  if (!revoked.empty()) print(table.draw(context));
}

/// Shows what is known, and signs nothing.
void run_show(Context& context, app::LocalAuthority& authority) {
  const auto revoked = authority.store().revoked_signers();
  if (!revoked) return report_refusal(context, "read the registry", {revoked.error().code, {}});
  const auto list = authority.store().signer_list();
  json::array keys;
  for (const auto& one : *revoked) keys.push_back(to_json(one));
  if (context.json) {
    return print_json(json::object{{"number", list ? list->number : 0}, {"revoked", std::move(keys)}});
  }
  print_line(list ? fmt::format("last list {}, of {}", list->number, authority::iso_time(list->issued_at))
                  : std::string("no list was issued yet"));
  show_revoked(context, *revoked);
}

void run_list(Context& context, const SignerArguments& arguments) {
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  if (arguments.out.empty()) return run_show(context, **authority);
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  app::SignerListOptions options;
  options.now = std::time(nullptr);
  options.renew = arguments.renew;
  const auto issued = app::issue_signer_list(**authority, options, *passphrase);
  if (!issued) return report_refusal(context, "issue the list", issued.error());
  if (const auto written = write_output(arguments.out, issued->list.message); !written) {
    return print_error(context, kExitUnreadable, written.error());
  }
  if (context.json) {
    json::array keys;
    for (const auto& one : issued->revoked) keys.push_back(to_json(one));
    return print_json(json::object{{"file", arguments.out},
                                   {"number", issued->list.number},
                                   {"issued_at", issued->list.issued_at},
                                   {"signed_now", issued->is_new},
                                   {"octets", issued->list.message.size()},
                                   {"revoked", std::move(keys)}});
  }
  if (context.quiet) return;
  print_line(fmt::format("wrote {}: list {} of {} revoked signers, {}",
                         styled(context, Style::strong, printable(arguments.out)), issued->list.number,
                         issued->revoked.size(),
                         issued->is_new ? "signed now" : "which says all that is known"));
  show_revoked(context, issued->revoked);
  print_line("Stations fetch it from the authority; by hand: pedigree image revocations FILE");
}

}  // namespace

void add_authority_signers(CLI::App& authority, Context& context) {
  const auto revoked = std::make_shared<SignerArguments>();
  CLI::App* revoke = authority.add_subcommand(
      "revoke-signer", "Revoke a firmware signer, or an OEM's intermediate: devices refuse its images");
  revoke->add_option("--dir", revoked->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  CLI::Option* const certificate = revoke
                                       ->add_option("--certificate", revoked->certificate,
                                                    "The certificate, or a chain that begins with it")
                                       ->option_text("FILE");
  CLI::Option* const hash =
      revoke->add_option("--key-hash", revoked->key_hash, "SHA-256 of the key's SubjectPublicKeyInfo")
          ->option_text("HEX")
          ->excludes(certificate);
  revoke->add_option("--why", revoked->why, "A sentence for the history")->required()->option_text("TEXT");
  revoke->callback([revoked, certificate, hash, &context] {
    if (certificate->count() + hash->count() == 0) throw CLI::RequiredError("--certificate or --key-hash");
    run_revoke(context, *revoked);
  });

  const auto listed = std::make_shared<SignerArguments>();
  CLI::App* list = authority.add_subcommand(
      "signer-revocations", "Show revoked firmware signers, or sign and write their list for devices");
  list->footer(
      "Without --out it signs nothing. With it, a list is signed where the last one does not say all that "
      "is\n"
      "known; its number is larger than that of every list before, and stations get it from then on.");
  list->add_option("--dir", listed->directory, "The authority's directory")->required()->option_text("DIR");
  list->add_option("--out", listed->out, "File to write the signed list to")->option_text("FILE");
  list->add_flag("--renew", listed->renew, "Sign a new list in any case");
  list->add_option("--passphrase-file", listed->passphrase_file, "File with the passphrase of the CA keys")
      ->option_text("FILE");
  list->callback([listed, &context] { run_list(context, *listed); });
}

}  // namespace pedigree::cli
