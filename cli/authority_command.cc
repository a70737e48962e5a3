// SPDX-License-Identifier: Apache-2.0
// pedigree authority init|serve; the other subcommands are in authority_queries.cc.
#include "cli/authority_command.h"

#include <pthread.h>
#include <sys/resource.h>

#include <boost/json.hpp>
#include <csignal>
#include <ctime>

#include "cli/files.h"
#include "cli/passphrase.h"
#include "registry/device.h"
#include "server/app/app.h"
#include "server/app/init.h"
#include "server/app/serve_mark.h"

namespace pedigree::cli {
namespace {

struct InitArguments {
  std::string directory;
  std::string root_name = "Pedigree Root CA";
  std::string root;
  std::vector<std::string> issuers;
  std::vector<std::string> hosts;
  std::string key = "P-256";
  std::string token;
  std::string passphrase_file;
  std::string crl_url;
  std::string database;
  bool listed = false;
};

struct ServeArguments {
  std::string directory;
  std::string listen = "127.0.0.1:8443";
  std::string ready_file;
  std::string passphrase_file;
  std::string metrics_listen;
  unsigned threads = 0;
  bool check = false;
};

app::Answer<app::InitOptions> init_options(const InitArguments& arguments) {
  app::InitOptions options;
  options.directory = arguments.directory;
  options.root_name = arguments.root_name;
  options.root_certificate = arguments.root;
  options.key_type = ca_key_types().at(arguments.key);
  options.token = arguments.token;
  options.hosts = arguments.hosts;
  options.crl_url = arguments.crl_url;
  options.database_url = arguments.database;
  options.listed_only = arguments.listed;
  options.now = std::time(nullptr);
  const std::vector<std::string> issuers = arguments.issuers.empty() && arguments.root.empty()
                                               ? std::vector<std::string>{"devices=Pedigree Device CA"}
                                               : arguments.issuers;
  for (const std::string& text : issuers) {
    auto issuer = app::parse_new_issuer(text);
    if (!issuer) return std::unexpected(issuer.error());
    options.issuers.push_back(*std::move(issuer));
  }
  return options;
}

void show_authority(const Context& context, const app::InitOptions& options,
                    const authority::Engine& engine) {
  const std::string pin = registry::hex(engine.root_spki_sha256());
  const app::Layout layout{options.directory};
  if (context.json) {
    boost::json::array issuers;
    for (const app::NewIssuer& issuer : options.issuers) {
      issuers.push_back(
          {{"name", issuer.name}, {"common_name", issuer.common_name}, {"parent", issuer.parent}});
    }
    print_json({{"directory", options.directory.string()},
                {"root",
                 {{"common_name", options.root_name},
                  {"spki_sha256", pin},
                  {"certificate", layout.root_certificate().string()}}},
                {"issuers", std::move(issuers)}});
    return;
  }
  const bool elsewhere = !options.root_certificate.empty();
  Table table;
  table.add({"root",
             {elsewhere ? printable(options.root_certificate.string()) : options.root_name, Style::strong},
             "pinned as " + shorten(pin)});
  for (const app::NewIssuer& issuer : options.issuers) {
    table.add({"issuer", {issuer.common_name, Style::strong}, issuer.name + ", below " + issuer.parent});
  }
  table.add({"station", layout.tls_certificate("station").string(), "client certificate for stations"});
  table.add({"operator", layout.tls_certificate("operator").string(), "client certificate for operators"});
  table.add({"relying party", layout.tls_certificate("relying-party").string(),
             "client certificate for verifying"});
  print(table.draw(context));
  if (context.quiet) return;
  print_line();
  if (elsewhere) {
    const std::string directory = printable(options.directory.string());
    print_line("Next: pedigree authority csr --dir " + directory + " devices --common-name NAME --out FILE");
    return print_line("      pedigree authority grant-signer --dir " + directory +
                      " --request FILE, before devices are secured");
  }
  print_line("Keep root.key.pem offline: serving does not need it.");
  print_line("Next: pedigree authority serve --dir " + printable(options.directory.string()));
}

/// The configuration that `init` refuses is what its options say.
void refuse_options(Context& context, const authority::Refusal& refusal) {
  print_error(context, kExitUsage,
              {.summary = "cannot make the authority: " + refusal.detail,
               .details = {},
               .next = "pedigree authority init --help",
               .note = {}});
}

void run_init(Context& context, const InitArguments& arguments) {
  const auto options = init_options(arguments);
  if (!options) return refuse_options(context, options.error());
  const auto passphrase = read_passphrase(arguments.passphrase_file, true);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  if (const auto made = app::init_directory(*options, *passphrase); !made) {
    if (made.error().code == ErrorCode::bad_configuration) return refuse_options(context, made.error());
    return report_refusal(context, "make the authority", made.error());
  }
  const auto directory = app::Directory::open(options->directory, nullptr);
  if (!directory) return report_refusal(context, "read the authority", directory.error());
  show_authority(context, *options, (*directory)->engine());
}

void announce(const Context& context, const ServeArguments& arguments, const app::App& serving) {
  const std::string url = serving.url();
  if (context.json) {
    boost::json::object protocols;
    for (const app::ServedProtocol& one : serving.protocols()) protocols[one.name] = one.where;
    print_json({{"url", url},
                {"directory", arguments.directory},
                {"database", serving.database()},
                {"protocols", std::move(protocols)}});
  } else if (!context.quiet) {
    print_line("serving " + styled(context, Style::strong, url) + "   " + serving.database() +
               ", TLS 1.3, client certificates");
    for (const app::ServedProtocol& one : serving.protocols()) {
      print_line("  " + one.name + "  " + one.where);
    }
    print_line("stop with Ctrl-C");
  }
}

/// As many connections as the system allows this process.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &files);
}

/// Passphrases are not kept: those of new keys, and of the old ones, come from the file again.
app::Answer<void> reload(const ServeArguments& arguments, app::App& serving) {
  const auto refused = [&](std::string detail) {
    serving.note({observe::LogLevel::error, "reload refused", detail});
    return authority::refuse(ErrorCode::bad_configuration, std::move(detail));
  };
  if (arguments.passphrase_file.empty()) {
    return refused("the keys' passphrase is not kept: serve with --passphrase-file to reload");
  }
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return refused(passphrase.error().summary);
  return serving.reload(*passphrase);
}

void run_serve(Context& context, const ServeArguments& arguments) {
  if (arguments.check) return run_serve_check(context, arguments.directory, arguments.passphrase_file);
  app::ServeOptions options;
  options.directory = arguments.directory;
  options.threads = arguments.threads;
  options.metrics_listen = arguments.metrics_listen;
  options.log = true;
  if (!authority::parse_listen(arguments.listen, options.host, options.port)) {
    return print_error(context, kExitUsage,
                       {.summary = "--listen takes an address and a port",
                        .details = {{"given", arguments.listen}},
                        .next = "--listen 127.0.0.1:8443, or [::1]:0 for any port",
                        .note = {}});
  }
  std::string host;
  std::uint16_t port = 0;
  if (!options.metrics_listen.empty() && !authority::parse_listen(options.metrics_listen, host, port)) {
    return print_error(context, kExitUsage,
                       {.summary = "--metrics-listen takes an address and a port",
                        .details = {{"given", arguments.metrics_listen}},
                        .next = "--metrics-listen 127.0.0.1:9464",
                        .note = {}});
  }
  auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  // A file that may not grow is a write that fails, and an answer that says so; not the end of the server.
  (void)std::signal(SIGXFSZ, SIG_IGN);
  // Blocked before any thread starts, so that only the wait below takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  raise_file_limit();
  const auto serving = app::App::start(options, *passphrase);
  *passphrase = app::SecretText();  // not needed again, however long this serves
  if (!serving) return report_refusal(context, "serve", serving.error());
  // What the log begins and ends with.
  (*serving)->note({observe::LogLevel::info, "serving", (*serving)->url()});
  (*serving)->note_tokens();
  app::ServeMark mark({arguments.directory});
  mark.serving((*serving)->url());
  for (const app::TokenTrouble& one : (*serving)->token_troubles()) {
    print_warning(context, "intermediate " + printable(one.issuer) + ": token " + printable(one.token) +
                               ": " + std::string(one.reason) + "; it signs as soon as its token is there");
  }
  announce(context, arguments, **serving);
  if (!arguments.ready_file.empty()) {
    const auto written = write_output(arguments.ready_file, as_bytes((*serving)->url() + "\n"));
    if (!written) return print_error(context, kExitUnreadable, written.error());
  }
  int signal = SIGHUP;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    mark.reloaded(reload(arguments, **serving));
  }
  (*serving)->note({observe::LogLevel::info, "stopping", {}});
}

void add_init(CLI::App& authority, Context& context) {
  CLI::App* init =
      authority.add_subcommand("init", "Make a root, intermediates and the system's TLS identities");
  const auto arguments = std::make_shared<InitArguments>();
  init->add_option("--dir", arguments->directory, "Directory to make")->required()->option_text("DIR");
  init->add_option("--root-name", arguments->root_name, "Common name of the root")->option_text("NAME");
  init->add_option("--issuer", arguments->issuers,
                   "An intermediate: name=Common Name, or name=Common Name@parent")
      ->option_text("SPEC");
  init->add_option("--root", arguments->root,
                   "Certificate of a root that is kept elsewhere: none is made, nor intermediates (see csr)")
      ->option_text("FILE");
  init->add_option("--host", arguments->hosts, "Name or address of the server, for its certificate")
      ->option_text("HOST");
  init->add_option("--key", arguments->key, "Type of the CA keys")
      ->check(CLI::IsMember(ca_key_types()))
      ->option_text("P-256|P-384|Ed25519|RSA-3072|RSA-4096");
  init->add_option("--token", arguments->token,
                   "Make the intermediates' keys in this PKCS#11 token, under their names (see token-init)")
      ->option_text("pkcs11:URI");
  init->add_option("--passphrase-file", arguments->passphrase_file,
                   "File with the passphrase of the CA keys (else PEDIGREE_PASSPHRASE, else asked for)")
      ->option_text("FILE");
  init->add_option("--crl-url", arguments->crl_url, "Base URL of CRL distribution points in certificates")
      ->option_text("URL");
  init->add_option("--database", arguments->database,
                   "PostgreSQL instead of SQLite: postgresql://USER@HOST/NAME, without a password")
      ->option_text("URL");
  init->add_flag("--listed", arguments->listed, "Certify only devices that were imported as expected");
  init->callback([arguments, &context] { run_init(context, *arguments); });
}

void add_serve(CLI::App& authority, Context& context) {
  CLI::App* serve = authority.add_subcommand("serve", "Serve the /v1 interface over HTTPS until SIGTERM");
  const auto arguments = std::make_shared<ServeArguments>();
  serve->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  serve->add_option("--listen", arguments->listen, "Address and port; port 0 takes a free one")
      ->option_text("HOST:PORT");
  serve->add_option("--ready-file", arguments->ready_file, "File to write the URL to once it listens")
      ->option_text("FILE");
  serve
      ->add_option("--passphrase-file", arguments->passphrase_file,
                   "File with the passphrase of the CA keys (else PEDIGREE_PASSPHRASE, else asked for)")
      ->option_text("FILE");
  serve
      ->add_option("--metrics-listen", arguments->metrics_listen,
                   "Address and port for metrics and health over plain HTTP (else [metrics] listen)")
      ->option_text("HOST:PORT");
  serve->add_flag("--check", arguments->check,
                  "Read all that serving reads, say what is wrong with it, and do nothing else");
  serve->add_option("--threads", arguments->threads, "Threads; 0: as many as there are cores")
      ->option_text("N");
  serve->callback([arguments, &context] { run_serve(context, *arguments); });
}

}  // namespace

authority::Refusal refusal_of(const http::Response& response) {
  const boost::json::value error = boost::json::parse(response.body);
  return {static_cast<ErrorCode>(error.at("code").to_number<std::uint16_t>()),
          std::string(error.at("detail").as_string())};
}

app::Answer<boost::json::value> ask(app::LocalAuthority& authority, http::Method method,
                                    const std::string& target, const std::string& body, std::string who) {
  const http::Response response = authority.call(method, target, body, std::move(who));
  if (response.status != 200) return std::unexpected(refusal_of(response));
  return boost::json::parse(response.body);
}

const std::map<std::string, crypto::KeyType>& ca_key_types() {
  using enum crypto::KeyType;
  static const std::map<std::string, crypto::KeyType> types{
      {"P-256", p256}, {"P-384", p384}, {"Ed25519", ed25519}, {"RSA-3072", rsa3072}, {"RSA-4096", rsa4096}};
  return types;
}

void report_refusal(Context& context, std::string_view doing, const authority::Refusal& refusal,
                    std::string next) {
  const bool file = refusal.code == ErrorCode::io_failure || refusal.code == ErrorCode::bad_pem ||
                    refusal.code == ErrorCode::bad_configuration ||
                    refusal.code == ErrorCode::database_failure ||
                    refusal.code == ErrorCode::wrong_passphrase;
  const bool network = refusal.code == ErrorCode::connection_failed;
  const bool usage = refusal.code == ErrorCode::bad_request;
  // Where the detail ends with the code's own sentence, once is enough.
  const std::string_view reason = sentence(refusal.code);
  std::vector<std::pair<std::string, std::string>> details;
  if (refusal.detail.find(reason) == std::string::npos) details.emplace_back("reason", reason);
  print_error(context,
              file      ? kExitUnreadable
              : usage   ? kExitUsage
              : network ? kExitNoConnection
                        : kExitAuthorityRefused,
              {.summary = "cannot " + std::string(doing) + ": " + refusal.detail,
               .details = std::move(details),
               .next = std::move(next),
               .note = {}});
}

void add_authority_command(CLI::App& app, Context& context) {
  CLI::App* authority = app.add_subcommand("authority", "Make and run a certification authority for devices");
  authority->require_subcommand(1);
  add_init(*authority, context);
  add_serve(*authority, context);
  add_authority_operations(*authority, context);
  add_authority_queries(*authority, context);
  add_authority_offline(*authority, context);
  add_authority_signers(*authority, context);
  add_authority_grants(*authority, context);
  add_authority_firmware(*authority, context);
  add_authority_protocols(*authority, context);
  add_authority_registry(*authority, context);
  add_authority_stations(*authority, context);
  add_authority_lint(*authority, context);
  add_authority_token(*authority, context);
  add_authority_ceremony(*authority, context);
  add_authority_intermediate(*authority, context);
  add_authority_issuers(*authority, context);
}

}  // namespace pedigree::cli
