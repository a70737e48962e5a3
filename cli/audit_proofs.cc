// SPDX-License-Identifier: Apache-2.0
// pedigree audit prove|check|consistency: proofs that need no trust in whoever keeps the database.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "authority/text.h"
#include "cli/audit_command.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"
#include "registry/audit_entry.h"
#include "server/app/audit.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct ProofArguments {
  std::string directory;
  std::string key;
  std::string certificate;
  std::string subject;
  std::string file;
  std::string older;
  std::string newer;
  std::string out = "-";
};

Problem unreadable(std::string summary) {
  return {.summary = std::move(summary), .details = {}, .next = {}, .note = {}};
}

/// A serial number, or that of the certificate in a file.
std::expected<registry::Serial, Problem> read_serial(const std::string& text) {
  if (const auto serial = registry::parse_serial(text)) return *serial;
  const auto certificates = read_certificates(text);
  if (!certificates) return std::unexpected(certificates.error());
  const auto parsed = x509::Certificate::parse(certificates->front());
  if (!parsed) return std::unexpected(unreadable(text + ": " + std::string(sentence(parsed.error().code))));
  const auto serial = registry::parse_serial(to_hex(parsed->serial()));
  if (!serial) return std::unexpected(unreadable(text + " is not a certificate that this authority issues"));
  return *serial;
}

void run_prove(Context& context, const ProofArguments& arguments) {
  const auto serial = read_serial(arguments.subject);
  if (!serial) return print_error(context, kExitUnreadable, serial.error());
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const auto key = app::read_log_key((*authority)->layout());
  if (!key) return report_refusal(context, "read the log's key", key.error());
  const auto event = (*authority)->store().issuance(*serial);
  if (!event) {
    return report_refusal(context, "prove it",
                          {event.error().code, "the log has no issuance of " + registry::hex(*serial)});
  }
  const auto proof = app::prove_event((*authority)->store(), *key, static_cast<std::uint64_t>(event->number));
  if (!proof) {
    return report_refusal(context, "prove it", proof.error(),
                          "pedigree audit checkpoint --dir " + arguments.directory);
  }
  const std::string text = audit::print_proof(*proof);
  if (context.json) return print_json({{"index", proof->index}, {"proof", text}});
  if (arguments.out == "-") return print(text);
  if (const auto written = write_output(arguments.out, as_bytes(text)); !written) {
    return print_error(context, kExitUnreadable, written.error());
  }
  if (!context.quiet) print_line("proof written to " + printable(arguments.out));
}

void refuse_proof(Context& context, const std::string& file, ErrorCode code) {
  const std::string why = code == ErrorCode::key_not_found ? "it is not signed by this log's key"
                          : code == ErrorCode::bad_value   ? "it is not what it should be, or was cut off"
                          : code == ErrorCode::key_mismatch
                              ? "it is signed by this key, and is another log's"
                              : "it does not prove what it says: a hash or the signature does not match";
  print_error(context, kExitNotTrusted, unreadable(file + ": " + why));
}

/// Whether the certificate, where one is given, is the one that the entry is about.
bool is_about(Context& context, const ProofArguments& arguments, const registry::Event& event) {
  if (arguments.certificate.empty()) return true;
  const auto certificates = read_certificates(arguments.certificate);
  if (!certificates) {
    print_error(context, kExitUnreadable, certificates.error());
    return false;
  }
  const auto digest = crypto::OpenSslCrypto().sha256(certificates->front());
  if (digest && event.digest == *digest) return true;
  print_error(context, kExitNotTrusted,
              unreadable(arguments.certificate + " is not the certificate that this proof is about"));
  return false;
}

void run_check(Context& context, const ProofArguments& arguments) {
  const auto key = log_key(arguments.key, arguments.directory);
  if (!key) return report_refusal(context, "read the log's key", key.error());
  const auto text = read_note(arguments.file);
  if (!text) return print_error(context, kExitUnreadable, text.error());
  const auto proof = audit::parse_proof(*text);
  if (!proof) return refuse_proof(context, arguments.file, proof.error().code);
  const auto checkpoint = audit::verify_proof(crypto::OpenSslCrypto(), *key, *proof);
  if (!checkpoint) return refuse_proof(context, arguments.file, checkpoint.error().code);
  const auto event = registry::decode_entry(proof->entry);
  if (!event) return refuse_proof(context, arguments.file, ErrorCode::bad_value);
  if (!is_about(context, arguments, *event)) return;
  if (context.json) {
    return print_json({{"ok", true},
                       {"log", checkpoint->origin},
                       {"event", proof->index + 1},
                       {"of", checkpoint->head.size},
                       {"what", event->what},
                       {"device", registry::hex(event->device)},
                       {"who", event->actor.who},
                       {"from", event->actor.from},
                       {"when", event->when},
                       {"why", event->why}});
  }
  if (context.quiet) return;
  print_line(fmt::format("{}  event {} of {} in {}", styled(context, Style::good, "in the log"),
                         proof->index + 1, checkpoint->head.size, printable(checkpoint->origin)));
  Table table;
  table.add({"what", {event->what + " " + event->why, Style::strong}});
  table.add({"device", registry::hex(event->device)});
  table.add({"by", event->actor.who + " from " + event->actor.from});
  table.add({"at", authority::iso_time(event->when)});
  print(table.draw(context));
}

void run_consistency(Context& context, const ProofArguments& arguments) {
  const auto key = log_key(arguments.key, arguments.directory);
  if (!key) return report_refusal(context, "read the log's key", key.error());
  const crypto::OpenSslCrypto crypto;
  std::vector<audit::Checkpoint> heads;
  for (const std::string& file : {arguments.older, arguments.newer}) {
    const auto note = read_note(file);
    if (!note) return print_error(context, kExitUnreadable, note.error());
    const auto opened = audit::open_checkpoint(crypto, *key, *note);
    if (!opened) return refuse_proof(context, file, opened.error().code);
    heads.push_back(*opened);
  }
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "open the authority", authority.error());
  const auto& from = heads[0].head;
  const auto& to = heads[1].head;
  Result<std::vector<Sha256>> proof;
  if (from.size > 0 && from.size < to.size) {
    proof = (*authority)->store().consistency_proof(from.size, to.size);
    if (!proof) return report_refusal(context, "read the log", {proof.error().code, {}});
  }
  const bool holds = registry::merkle::verify_consistency(crypto, from, to, *proof).has_value();
  if (!holds) context.exit_code = kExitNotTrusted;
  if (context.json) {
    json::array path;
    for (const Sha256& hash : *proof) path.emplace_back(to_base64(hash));
    return print_json({{"ok", holds}, {"from", from.size}, {"to", to.size}, {"proof", std::move(path)}});
  }
  print_line(holds ? fmt::format("{}  {} events are the first of {}", styled(context, Style::good, "ok"),
                                 from.size, to.size)
                   : fmt::format("{}  the log of {} events does not begin with that of {}",
                                 styled(context, Style::bad, "changed"), to.size, from.size));
}

void add_key(CLI::App& command, ProofArguments& arguments) {
  auto* key = command.add_option("--key", arguments.key, "The log's public key: text or file");
  key->option_text("KEY");
  command.add_option("--dir", arguments.directory, "The authority's directory")->option_text("DIR");
}

void add_prove(CLI::App& audit, Context& context) {
  auto* command =
      audit.add_subcommand("prove", "Write the proof that a certificate's issuance is in the log");
  const auto arguments = std::make_shared<ProofArguments>();
  command->add_option("subject", arguments->subject, "A serial number, or a certificate's file")
      ->required()
      ->option_text("SUBJECT");
  command->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  command->add_option("--out", arguments->out, "Where the proof is written; - is stdout")
      ->option_text("FILE");
  command->footer("The proof (c2sp.org/tlog-proof) holds without the database: 'pedigree audit check'.");
  command->callback([arguments, &context] { run_prove(context, *arguments); });
}

void add_check(CLI::App& audit, Context& context) {
  auto* command = audit.add_subcommand("check", "Check a proof, with nothing but the log's key");
  const auto arguments = std::make_shared<ProofArguments>();
  command->add_option("proof", arguments->file, "The proof; - is stdin")->required()->option_text("PROOF");
  add_key(*command, *arguments);
  command->add_option("--certificate", arguments->certificate, "It must be about this certificate")
      ->option_text("FILE");
  command->callback([arguments, &context] { run_check(context, *arguments); });
}

void add_consistency(CLI::App& audit, Context& context) {
  auto* command =
      audit.add_subcommand("consistency", "Prove that the log has only grown between two checkpoints");
  const auto arguments = std::make_shared<ProofArguments>();
  command->add_option("older", arguments->older, "The older checkpoint")->required()->option_text("OLDER");
  command->add_option("newer", arguments->newer, "The newer checkpoint")->required()->option_text("NEWER");
  command->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  command->add_option("--key", arguments->key, "The log's public key: text or file")->option_text("KEY");
  command->callback([arguments, &context] { run_consistency(context, *arguments); });
}

}  // namespace

void add_audit_proofs(CLI::App& audit, Context& context) {
  add_prove(audit, context);
  add_check(audit, context);
  add_consistency(audit, context);
}

}  // namespace pedigree::cli
