// SPDX-License-Identifier: Apache-2.0
// pedigree repin: devices take another root.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/authority_options.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/grant_devices.h"
#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"
#include "station/flow/grant.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using station::Outcome;

struct RepinArguments {
  LineArguments lines;
  AuthorityArguments authority;
  std::string root;
  std::string why;
};

[[noreturn]] void no_root(const std::string& file, std::string_view why) {
  stop(kExitUnreadable, file + " is no root: " + std::string(why),
       "--new-root takes the certificate of the root that the devices shall pin, which it has signed itself");
}

/// The root in this file. A device keeps no more of it than its key's hash, and cannot be made to forget that
/// by anybody else, so a file that is none is seen here or never.
station::NewRoot read_root(const std::string& file) {
  const auto certificates = read_certificates(file);
  if (!certificates) {
    throw Stop{kExitUnreadable, certificates.error()};
  }
  if (certificates->size() != 1) no_root(file, "it holds more than one certificate");
  const auto root = x509::Certificate::parse(certificates->front());
  if (!root) no_root(file, sentence(root.error().code));
  const auto& key = root->spki().key;
  if (!key) no_root(file, sentence(ErrorCode::unsupported_algorithm));
  const auto& constraints = root->extensions().basic_constraints;
  if (!constraints || !constraints->ca) no_root(file, sentence(ErrorCode::not_a_ca));
  const crypto::OpenSslCrypto crypto;
  const auto own = x509::verify_signature(crypto, root->spki(), root->signature_algorithm(), root->tbs(),
                                          root->signature());
  if (!equal(root->subject(), root->issuer()) || !own) no_root(file, "another one has signed it");
  const auto hash = crypto.sha256(root->spki().whole);
  if (!hash) no_root(file, sentence(hash.error().code));
  return {to_hex(*hash), key->type};
}

std::string outcome_text(const station::Repinned& done, const station::NewRoot& root) {
  if (done.already) return "had pinned root " + shorten(root.spki_sha256) + " before";
  std::string text =
      fmt::format("has pinned root {} in place of {}", shorten(root.spki_sha256), shorten(done.before));
  if (done.slots != 0) {
    text += fmt::format("; {} slot{} of before {} in use", done.slots, done.slots == 1 ? "" : "s",
                        done.slots == 1 ? "is" : "are");
  }
  return text;
}

void run_repin(Context& context, RepinArguments& arguments) {
  if (!complete_authority(arguments.authority, kGrantRole)) stop(kExitUsage, "--tls is missing", kTlsNext);
  const station::NewRoot root = read_root(arguments.root);
  Lines lines;
  const auto authority = prepare_for_grants(lines, context, arguments.lines, arguments.authority);
  json::array list;
  each_device(context, lines, list, [&](station::Device& device) -> Outcome<json::object> {
    STATION_ASSIGN(const auto info, device.info());
    STATION_ASSIGN(const auto done, station::repin_device(device, *authority, root, arguments.why));
    if (!context.json && !context.quiet) {
      print_line(fmt::format("{}  {}", styled(context, Style::strong, shorten(printable(info.id))),
                             outcome_text(done, root)));
    }
    return json::object{{"device", info.id},
                        {"already", done.already},
                        {"root", root.spki_sha256},
                        {"before", done.before},
                        {"slots", done.slots}};
  });
  finish_devices(context, lines, std::move(list));
}

}  // namespace

void add_repin_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<RepinArguments>();
  CLI::App* command = app.add_subcommand("repin", "Have devices pin another root, by a grant of their own");
  command->footer(
      "The authority is the one whose root they have pinned; from then on its grants are none for them, and\n"
      "those of the new root's authority are. Keys and chains stay: pedigree rma empties a device before it\n"
      "gets another owner. Nobody but the new root's authority can take it back. Run again, it goes on "
      "where\n"
      "it stopped.");
  add_line_options(*command, arguments->lines);
  add_authority_options(*command, arguments->authority, kGrantRole)->required();
  command
      ->add_option("--new-root", arguments->root, "Certificate of the root that they shall pin (PEM or DER)")
      ->required()
      ->option_text("FILE");
  command->add_option("--why", arguments->why, "A sentence for the history")->required()->option_text("TEXT");
  command->callback([arguments, &context] { guarded(context, [&] { run_repin(context, *arguments); }); });
}

}  // namespace pedigree::cli
