// SPDX-License-Identifier: Apache-2.0
// `pedigree export`: what others need to know of this authority, in one signed file.
#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/trust_bundle.h"
#include "verifier/reference.h"

namespace pedigree::cli {
namespace {

using verifier::BundleReference;

constexpr std::uint32_t kMaxDays = 3650;

struct BundleArguments {
  std::string directory;
  std::string out;
  std::string signer;
  std::string passphrase_file;
  std::vector<std::string> references;
  std::uint32_t valid_days = 7;
  bool exceptions_only = false;
};

/// Whether the content is a JSON document rather than CBOR, by its first character.
bool is_json(Bytes content) {
  const auto first = std::ranges::find_if(content, [](std::uint8_t octet) {
    return octet != ' ' && octet != '\n' && octet != '\r' && octet != '\t';
  });
  return first != content.end() && *first == '{';
}

/// Reads a document as the verifier will read it, so that a bundle is not refused for it later.
std::expected<std::pair<BundleReference::Kind, Octets>, Problem> read_reference(const std::string& file,
                                                                                der::UnixTime now) {
  auto content = read_input(file);
  if (!content) return std::unexpected(content.error());
  const auto kind = is_json(*content) ? BundleReference::Kind::json : BundleReference::Kind::corim;
  verifier::ReferenceValues values;
  const auto read = kind == BundleReference::Kind::json
                        ? verifier::read_reference_json(as_text(*content), values)
                        : verifier::read_corim(*content, values, now);
  if (read) return std::pair(kind, *std::move(content));
  return std::unexpected(
      Problem{.summary = file + " holds no reference values: " + read.error().what,
              .details = {{"offset", std::to_string(read.error().offset)}},
              .next = "docs/formats.md has the keys of the JSON form; CoRIM must be unsigned",
              .note = "no bundle was made"});
}

void show(const Context& context, const BundleArguments& arguments, const app::TrustBundle& made) {
  const std::string expires = authority::iso_time(made.expires_at);
  if (context.json) {
    return print_json(boost::json::object{{"file", arguments.out},
                                          {"number", made.number},
                                          {"expires_at", made.expires_at},
                                          {"signer", made.signer},
                                          {"issuers", made.issuers},
                                          {"revoked", made.revoked},
                                          {"devices", made.devices},
                                          {"devices_complete", !arguments.exceptions_only},
                                          {"octets", made.file.size()}});
  }
  if (context.quiet) return;
  print_line("wrote " + styled(context, Style::strong, arguments.out) + ", good until " + expires);
  Table facts;
  facts.add({"number", std::to_string(made.number)});
  facts.add({"signer", made.signer});
  facts.add({"revoked",
             std::to_string(made.revoked) + " certificates of " + std::to_string(made.issuers) + " issuers"});
  facts.add({"devices", std::to_string(made.devices) + (arguments.exceptions_only ? " out of use" : "")});
  facts.add({"size", std::to_string(made.file.size()) + " octets"});
  print(facts.draw(context));
}

void run_trust_bundle(Context& context, const BundleArguments& arguments) {
  app::TrustBundleOptions options;
  options.now = std::time(nullptr);
  options.signer = arguments.signer;
  options.valid_days = arguments.valid_days;
  options.exceptions_only = arguments.exceptions_only;
  for (const std::string& file : arguments.references) {
    auto reference = read_reference(file, options.now);
    if (!reference) return print_error(context, kExitUnreadable, reference.error());
    options.references.push_back(*std::move(reference));
  }
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  const auto opened = app::LocalAuthority::open(arguments.directory, &*passphrase);
  if (!opened) return report_refusal(context, "open the authority", opened.error());
  const auto made = app::make_trust_bundle(**opened, options);
  if (!made) return report_refusal(context, "make the bundle", made.error());
  if (const auto written = write_output(arguments.out, made->file); !written) {
    return print_error(context, kExitUnreadable, written.error());
  }
  show(context, arguments, *made);
}

}  // namespace

void add_export_command(CLI::App& app, Context& context) {
  CLI::App* exports =
      app.add_subcommand("export", "Write what a relying party needs to verify without a network");
  exports->require_subcommand(1);
  const auto arguments = std::make_shared<BundleArguments>();
  CLI::App* bundle = exports->add_subcommand(
      "trust-bundle", "Root, intermediates, revoked certificates, devices and reference values, signed");
  bundle->footer(
      "The verifier takes the file with nothing but the hash of the root's key (pedigree authority init "
      "shows\n"
      "it). After --valid days it clears nothing any more; what it calls revoked stays revoked.");
  bundle->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  bundle->add_option("--out", arguments->out, "File to write")->required()->option_text("FILE");
  bundle->add_option("--valid", arguments->valid_days, "How many days it may be used; 7 unless given")
      ->check(CLI::Range(std::uint32_t{1}, kMaxDays))
      ->option_text("DAYS");
  bundle
      ->add_option("--reference", arguments->references,
                   "Reference values to put in (JSON, or CoRIM that is not signed); may be repeated")
      ->option_text("FILE")
      ->allow_extra_args(false);
  bundle
      ->add_option("--signer", arguments->signer,
                   "The intermediate that signs; the first active one unless given")
      ->option_text("NAME");
  bundle->add_flag("--exceptions-only", arguments->exceptions_only,
                   "List only devices that are suspended, revoked or retired; no device is then unknown");
  bundle
      ->add_option("--passphrase-file", arguments->passphrase_file, "File with the passphrase of the CA keys")
      ->option_text("FILE");
  bundle->callback([arguments, &context] { run_trust_bundle(context, *arguments); });
}

}  // namespace pedigree::cli
