// SPDX-License-Identifier: Apache-2.0
// pedigree authority ceremony|ceremony-verify|join-shares: the root that is kept offline.
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/ceremony.h"

namespace pedigree::cli {
namespace {

struct CeremonyArguments {
  std::string directory;
  std::string root_name = "Pedigree Root CA";
  std::string root;
  std::string key = "P-256";
  std::string who;
  std::string passphrase_file;
  std::vector<std::string> custodians;
  std::vector<std::string> files;
  std::vector<std::string> passphrase_files;
  unsigned threshold = 2;
};

const std::map<std::string, crypto::KeyType>& key_types() {
  using enum crypto::KeyType;
  static const std::map<std::string, crypto::KeyType> types{
      {"P-256", p256}, {"P-384", p384}, {"Ed25519", ed25519}};
  return types;
}

void run_ceremony(Context& context, const CeremonyArguments& arguments) {
  app::CeremonyOptions options;
  options.directory = arguments.directory;
  options.root_name = arguments.root_name;
  options.key_type = key_types().at(arguments.key);
  options.threshold = static_cast<std::uint8_t>(arguments.threshold);
  options.who = arguments.who;
  options.tool = "pedigree " PEDIGREE_VERSION;
  options.now = std::time(nullptr);
  const auto passphrase = read_passphrase(arguments.passphrase_file, true);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  (void)unsetenv("PEDIGREE_PASSPHRASE");  // it is not a custodian's
  for (const std::string& text : arguments.custodians) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string file = text.substr(std::min(equals + 1, text.size()));
    if (file.empty()) (void)std::fprintf(stderr, "%s. ", printable(text.substr(0, equals)).c_str());
    auto own = read_passphrase(file, true);
    if (!own) return print_error(context, kExitUnreadable, own.error());
    options.custodians.push_back({text.substr(0, equals), *std::move(own)});
  }
  const auto held = app::hold_ceremony(options, *passphrase);
  if (!held) return report_refusal(context, "hold the ceremony", held.error());
  if (context.json) {
    return print_json({{"directory", arguments.directory},
                       {"root", arguments.root_name},
                       {"threshold", arguments.threshold},
                       {"shares", options.custodians.size()}});
  }
  if (context.quiet) return;
  print_line("made the root " + styled(context, Style::strong, printable(arguments.root_name)) + " in " +
             printable(arguments.directory) + "; " + std::to_string(arguments.threshold) + " of " +
             std::to_string(options.custodians.size()) + " shares open its key");
  for (std::size_t i = 0; i < options.custodians.size(); ++i) {
    print_line("  share-" + std::to_string(i + 1) + ".pem  for " + printable(options.custodians.at(i).name));
  }
  print_line("Give each share to its custodian, and keep none here.");
}

void run_verify(Context& context, const CeremonyArguments& arguments) {
  const auto root = read_certificates(arguments.root);
  if (!root) return print_error(context, kExitUnreadable, root.error());
  const auto text = app::verify_transcript(arguments.directory, root->front());
  if (!text) return report_refusal(context, "trust the transcript", text.error());
  const boost::json::value transcript = boost::json::parse(*text);
  if (context.json) return print_json(transcript);
  const auto word = [&](const char* key) { return printable(std::string(transcript.at(key).as_string())); };
  print_line("signed by the root " + styled(context, Style::strong, word("root")) + ", " + word("began") +
             ", led by " + word("led_by") + ", with " + word("tool"));
  if (context.quiet) return;
  for (const auto& step : transcript.at("steps").as_array()) {
    print_line("  " + printable(std::string(step.at("step").as_string())));
  }
  print_line("The files that are here are those of the ceremony.");
}

void run_join(Context& context, const CeremonyArguments& arguments) {
  std::vector<std::filesystem::path> files(arguments.files.begin(), arguments.files.end());
  std::vector<app::SecretText> passphrases;
  (void)unsetenv("PEDIGREE_PASSPHRASE");
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (i >= arguments.passphrase_files.size())
      (void)std::fprintf(stderr, "%s. ", printable(files.at(i).string()).c_str());
    const std::string file = i < arguments.passphrase_files.size() ? arguments.passphrase_files.at(i) : "";
    auto passphrase = read_passphrase(file, false);
    if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
    passphrases.push_back(*std::move(passphrase));
  }
  const auto joined = app::join_shares(files, passphrases);
  if (!joined) return report_refusal(context, "join the shares", joined.error());
  // Past the buffers of streams, which nobody wipes.
  std::string_view rest = joined->text();
  while (!rest.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!rest.empty()) {
    return print_error(context, kExitUnreadable,
                       {.summary = "cannot write the passphrase", .details = {}, .next = {}, .note = {}});
  }
}

void add_ceremony(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<CeremonyArguments>();
  CLI::App* command = authority.add_subcommand(
      "ceremony", "Make an offline root whose key opens with m of n custodians' shares");
  command->add_option("--dir", a->directory, "Directory to make")->required()->option_text("DIR");
  command->add_option("--root-name", a->root_name, "Common name of the root")->option_text("NAME");
  command->add_option("--key", a->key, "Type of the root's key")
      ->check(CLI::IsMember(key_types()))
      ->option_text("P-256|P-384|Ed25519");
  command->add_option("--threshold", a->threshold, "How many shares open the key")
      ->check(CLI::Range(2, 16))
      ->option_text("M");
  command
      ->add_option("--custodian", a->custodians,
                   "A custodian: NAME, who types a passphrase, or NAME=FILE with it; repeated")
      ->required()
      ->option_text("NAME")
      ->allow_extra_args(false);
  command->add_option("--led-by", a->who, "Who leads the ceremony, for the transcript")
      ->required()
      ->option_text("NAME");
  command
      ->add_option("--passphrase-file", a->passphrase_file,
                   "File with the passphrase for the key of the signer of revocation lists")
      ->option_text("FILE");
  command->callback([a, &context] { run_ceremony(context, *a); });
}

void add_verify(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<CeremonyArguments>();
  CLI::App* command = authority.add_subcommand(
      "ceremony-verify", "Verify a ceremony's transcript, and the files of it that are there");
  command->add_option("--dir", a->directory, "The ceremony's directory")->required()->option_text("DIR");
  command->add_option("--root", a->root, "The root's certificate, as devices pin it")
      ->required()
      ->option_text("FILE");
  command->callback([a, &context] { run_verify(context, *a); });
}

void add_join(CLI::App& authority, Context& context) {
  const auto a = std::make_shared<CeremonyArguments>();
  CLI::App* command = authority.add_subcommand(
      "join-shares", "Write the passphrase of a root's key, of enough shares, into a pipe");
  command->footer(
      "For: pedigree authority join-shares ... | pedigree authority sign-intermediate "
      "--passphrase-file - ...");
  command->add_option("--share", a->files, "A share; repeated")
      ->required()
      ->option_text("FILE")
      ->allow_extra_args(false);
  command
      ->add_option("--share-passphrase-file", a->passphrase_files,
                   "File with the passphrase of the share in the same place; else it is asked for")
      ->option_text("FILE")
      ->allow_extra_args(false);
  command->callback([a, &context] { run_join(context, *a); });
}

}  // namespace

void add_authority_ceremony(CLI::App& authority, Context& context) {
  add_ceremony(authority, context);
  add_verify(authority, context);
  add_join(authority, context);
}

}  // namespace pedigree::cli
