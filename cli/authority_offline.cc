// SPDX-License-Identifier: Apache-2.0
// pedigree authority client|revoke-issuer: what needs the keys that serving leaves closed.
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/app.h"
#include "server/app/offline.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct OfflineArguments {
  std::string directory;
  std::string name;
  std::string role = "relying-party";
  std::string out;
  std::string reason = "keyCompromise";
  std::string why;
  std::string root_crl;
  std::string passphrase_file;
  std::uint32_t days = 0;
};

const std::map<std::string, authority::TlsRole>& roles() {
  using enum authority::TlsRole;
  static const std::map<std::string, authority::TlsRole> roles{{"station", station},
                                                               {"operator", operator_},
                                                               {"relying-party", relying_party},
                                                               {"bootstrap", bootstrap},
                                                               {"auditor", auditor}};
  return roles;
}

void run_client(Context& context, const OfflineArguments& arguments) {
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  const app::Layout layout{arguments.directory};
  app::NewClient client;
  client.role = roles().at(arguments.role);
  client.name = arguments.name;
  client.days = arguments.days;
  client.certificate = arguments.out + ".cert.pem";
  client.key = arguments.out + ".key.pem";
  const auto made = app::make_client(layout, client, *passphrase, std::time(nullptr));
  if (!made) return report_refusal(context, "make the client", made.error());
  if (context.json) {
    return print_json({{"role", arguments.role},
                       {"name", arguments.name},
                       {"certificate", client.certificate.string()},
                       {"key", client.key.string()}});
  }
  if (context.quiet) return;
  print_line(arguments.role + " " + styled(context, Style::strong, printable(arguments.name)) + ": " +
             printable(client.certificate.string()) + ", " + printable(client.key.string()));
}

void print_revoked(const Context& context, const json::value& revoked, const std::string& root_crl) {
  if (context.json) return print_json(revoked);
  if (context.quiet) return;
  const auto text = [&](const char* key) { return std::string(revoked.at(key).as_string()); };
  print_line("revoked " + styled(context, Style::strong, text("name")) + " (serial " + text("serial") +
             ") since " + authority::iso_time(revoked.at("revoked_at").as_int64()) + " (" + text("reason") +
             ")");
  print_line("It issues no more, and what it issued is not believed here from now on.");
  if (text("parent") != "root") {
    print_line("The CRL of " + text("parent") + " lists it.");
  } else if (root_crl.empty()) {
    print_line("Others learn of it by the root's CRL: --root-crl FILE, which needs the root's key.");
  }
}

/// The root's CRL over every revoked intermediate below it.
app::Answer<app::Der> root_crl(const app::Layout& layout, app::LocalAuthority& authority,
                               const app::SecretText& passphrase) {
  const auto revoked = authority.store().revoked({"root"});
  if (!revoked) return authority::refuse(revoked.error());
  std::vector<x509::RevokedEntry> entries;
  for (const registry::Revoked& one : *revoked)
    entries.push_back({one.serial.octets(), one.when, one.reason});
  return app::make_root_crl(layout, entries, authority.engine().config().crl_days, passphrase,
                            std::time(nullptr));
}

void run_revoke_issuer(Context& context, const OfflineArguments& arguments) {
  std::optional<app::SecretText> passphrase;
  if (!arguments.root_crl.empty()) {
    auto given = read_passphrase(arguments.passphrase_file, false);
    if (!given) return print_error(context, kExitUnreadable, given.error());
    passphrase = *std::move(given);
  }
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const json::object body{{"reason", arguments.reason}, {"why", arguments.why}};
  const auto answer = ask(**authority, http::Method::post, "/v1/issuers/" + arguments.name + "/revoke",
                          json::serialize(body), "local uid " + std::to_string(getuid()));
  if (!answer) return report_refusal(context, "revoke it", answer.error());
  if (passphrase) {
    const auto crl = root_crl({arguments.directory}, **authority, *passphrase);
    if (!crl) return report_refusal(context, "make the root's CRL", crl.error());
    const auto written = write_output(arguments.root_crl, as_bytes(to_pem("X509 CRL", *crl)));
    if (!written) return print_error(context, kExitUnreadable, written.error());
  }
  print_revoked(context, *answer, arguments.root_crl);
}

CLI::App* add(CLI::App& authority, const char* name, const char* help, OfflineArguments& arguments) {
  CLI::App* command = authority.add_subcommand(name, help);
  command->add_option("--dir", arguments.directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  command
      ->add_option("--passphrase-file", arguments.passphrase_file,
                   "File with the passphrase of the CA keys (else PEDIGREE_PASSPHRASE, else asked for)")
      ->option_text("FILE");
  return command;
}

}  // namespace

void add_authority_offline(CLI::App& authority, Context& context) {
  const auto made = std::make_shared<OfflineArguments>();
  CLI::App* client = add(
      authority, "client",
      "Make a client certificate for a station, operator, relying party, auditor, or bootstrapping devices",
      *made);
  client->add_option("--role", made->role, "What it may do")
      ->check(CLI::IsMember(roles()))
      ->option_text("station|operator|relying-party|auditor|bootstrap");
  client->add_option("--name", made->name, "Common name; it stands in the history of what it does")
      ->required()
      ->option_text("NAME");
  client->add_option("--out", made->out, "Writes PATH.cert.pem and PATH.key.pem")
      ->required()
      ->option_text("PATH");
  client
      ->add_option("--days", made->days,
                   "Days until it expires, at most (and else) those of the role's profile")
      ->check(CLI::Range(1, 3650))
      ->option_text("N");
  client->callback([made, &context] { run_client(context, *made); });

  const auto revoked = std::make_shared<OfflineArguments>();
  CLI::App* revoke =
      add(authority, "revoke-issuer", "Revoke an intermediate, and with it all that it issued", *revoked);
  revoke->add_option("NAME", revoked->name, "The intermediate's name")->required()->option_text("NAME");
  revoke->add_option("--reason", revoked->reason, "Reason of RFC 5280 5.3.1")
      ->check(CLI::IsMember(reason_names()));
  revoke->add_option("--why", revoked->why, "A sentence for the history")->required()->option_text("TEXT");
  revoke
      ->add_option("--root-crl", revoked->root_crl,
                   "Also write the root's CRL there; needs root.key.pem and the passphrase")
      ->option_text("FILE");
  revoke->callback([revoked, &context] { run_revoke_issuer(context, *revoked); });
}

}  // namespace pedigree::cli
