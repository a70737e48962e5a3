// SPDX-License-Identifier: Apache-2.0
// pedigree audit: the log of everything that an authority did, signed, proven and verified.
#include "cli/audit_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/audit.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct AuditArguments {
  std::string directory;
  std::string passphrase_file;
  std::string out = "-";
  std::string key;
  std::vector<std::string> checkpoints;
};

void run_checkpoint(Context& context, const AuditArguments& arguments) {
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const auto head = app::sign_log(**authority, *passphrase);
  if (!head) {
    return report_refusal(context, "sign the log", head.error(),
                          "pedigree audit verify --dir " + arguments.directory);
  }
  if (context.json) {
    return print_json({{"size", head->size}, {"signed_at", head->when}, {"checkpoint", head->note}});
  }
  if (arguments.out == "-") return print(head->note);
  if (const auto written = write_output(arguments.out, as_bytes(head->note)); !written) {
    return print_error(context, kExitUnreadable, written.error());
  }
  if (!context.quiet) print_line(fmt::format("{} events signed in {}", head->size, printable(arguments.out)));
}

void run_key(Context& context, const AuditArguments& arguments) {
  const auto text = app::read_text(app::Layout{arguments.directory}.log_public_key());
  if (!text) return report_refusal(context, "read the log's key", text.error());
  if (context.json) return print_json({{"key", text->substr(0, text->find('\n'))}});
  print(*text);
}

void show_report(Context& context, const store::AuditReport& report) {
  const bool is_well = report.findings.empty();
  if (!is_well) context.exit_code = kExitNotTrusted;
  if (context.json) {
    json::array findings(report.findings.begin(), report.findings.end());
    return print_json({{"ok", is_well},
                       {"events", report.head.size},
                       {"root", to_base64(report.head.root)},
                       {"certificates", report.certificates},
                       {"devices", report.devices},
                       {"checkpoints", report.heads},
                       {"findings", std::move(findings)},
                       {"more_findings", report.more}});
  }
  for (const std::string& finding : report.findings) {
    print_line(styled(context, Style::bad, "wrong") + "  " + printable(finding));
  }
  if (report.more > 0) print_line(fmt::format("and {} more", report.more));
  if (is_well && context.quiet) return;
  print_line(
      fmt::format("{}  {} events, {} certificates, {} devices; {} checkpoints hold",
                  is_well ? styled(context, Style::good, "ok") : styled(context, Style::bad, "changed"),
                  report.head.size, report.certificates, report.devices, report.heads));
  if (is_well && report.heads == 0) {
    print_line(
        "No checkpoint was signed yet, so nothing proves what was there before. Next: pedigree audit "
        "checkpoint");
  }
}

void run_verify(Context& context, const AuditArguments& arguments) {
  const app::Layout layout{arguments.directory};
  const auto key = log_key(arguments.key, arguments.directory);
  if (!key) return report_refusal(context, "read the log's key", key.error());
  std::vector<app::NamedCheckpoint> given;
  for (const std::string& file : arguments.checkpoints) {
    auto note = read_note(file);
    if (!note) return print_error(context, kExitUnreadable, note.error());
    given.push_back({file, *std::move(note)});
  }
  std::optional<Progress> progress;
  const auto report = app::verify_log(layout, *key, given, [&](std::uint64_t done, std::uint64_t of) {
    if (!progress) progress.emplace(context, "verifying the log", of);
    progress->advance(done);
  });
  progress.reset();
  if (!report) return report_refusal(context, "verify the log", report.error());
  show_report(context, *report);
}

void add_directory(CLI::App& command, AuditArguments& arguments) {
  command.add_option("--dir", arguments.directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
}

void add_checkpoint(CLI::App& audit, Context& context) {
  auto* command = audit.add_subcommand("checkpoint", "Sign the log as it is now, for others to keep");
  const auto arguments = std::make_shared<AuditArguments>();
  add_directory(*command, *arguments);
  command->add_option("--out", arguments->out, "Where the checkpoint is written; - is stdout")
      ->option_text("FILE");
  command
      ->add_option("--passphrase-file", arguments->passphrase_file, "File with the passphrase of the CA keys")
      ->option_text("FILE");
  command->footer(
      "A checkpoint (c2sp.org/tlog-checkpoint) says how many events the log has and what they hash to. Keep\n"
      "copies where the authority's operators cannot reach them: 'pedigree audit verify --checkpoint FILE' "
      "then\n"
      "proves that nothing before it was changed or taken away. A serving authority signs one every minute.");
  command->callback([arguments, &context] { run_checkpoint(context, *arguments); });
}

void add_verify(CLI::App& audit, Context& context) {
  auto* command = audit.add_subcommand("verify", "Find what was changed by hand: in the log, or behind it");
  const auto arguments = std::make_shared<AuditArguments>();
  add_directory(*command, *arguments);
  command
      ->add_option("--checkpoint", arguments->checkpoints,
                   "A checkpoint that was kept elsewhere; may be repeated")
      ->option_text("FILE");
  command
      ->add_option("--key", arguments->key, "The log's key, from elsewhere than the directory: text or file")
      ->option_text("KEY");
  command->footer(
      "Reads the database alone: no server, no passphrase. Every event is hashed again and held against the\n"
      "tree, the tree against every checkpoint, and every certificate, state and revocation against the "
      "events.\n"
      "Exit code 3: something is not what was logged; each line names the row.");
  command->callback([arguments, &context] { run_verify(context, *arguments); });
}

}  // namespace

app::Answer<audit::LogKey> log_key(const std::string& given, const std::string& directory) {
  if (given.empty()) return app::read_log_key(app::Layout{directory});
  if (given.find('+') != std::string::npos) return app::parse_log_key(given);
  const auto text = app::read_text(given);
  if (!text) return std::unexpected(text.error());
  return app::parse_log_key(*text);
}

std::expected<std::string, Problem> read_note(const std::string& file) {
  const auto octets = read_input(file);
  if (!octets) return std::unexpected(octets.error());
  return std::string(octets->begin(), octets->end());
}

void add_audit_command(CLI::App& app, Context& context) {
  auto* audit = app.add_subcommand("audit", "Prove and verify what an authority has done");
  audit->require_subcommand(1);
  add_verify(*audit, context);
  add_checkpoint(*audit, context);
  add_audit_proofs(*audit, context);
  add_audit_who(*audit, context);
  auto* key = audit->add_subcommand("key", "Print the log's public key, for those who verify elsewhere");
  const auto arguments = std::make_shared<AuditArguments>();
  add_directory(*key, *arguments);
  key->callback([arguments, &context] { run_key(context, *arguments); });
}

}  // namespace pedigree::cli
