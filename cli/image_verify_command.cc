// SPDX-License-Identifier: Apache-2.0
// `pedigree image verify`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/describe.h"
#include "cli/image_files.h"
#include "cli/image_values.h"
#include "cli/image_verify.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using Done = std::expected<void, ImageFailure>;

struct VerifyArguments {
  std::string file;
  ImageTrustOptions trust;
  std::string key, parent_signer, revocations, minimum_counter;
};

std::unexpected<ImageFailure> usage(std::string summary) {
  return std::unexpected(ImageFailure{
      kExitUsage,
      {.summary = std::move(summary), .details = {}, .next = "pedigree image verify --help", .note = {}}});
}

std::unexpected<ImageFailure> unusable(const std::string& file, std::string_view why) {
  return std::unexpected(ImageFailure{kExitUnreadable,
                                      {.summary = fmt::format("cannot use {}: {}", file, why),
                                       .details = {},
                                       .next = "look at it: pedigree inspect " + file,
                                       .note = {}}});
}

/// The question, and what it borrows.
struct Asked {
  std::unique_ptr<ImageTrust> trust;
  Octets key, list;
  Octets scratch = Octets(image::kRevocationScratch);
  ImageQuestion question;
};

/// A public key, or the key of a certificate.
Done read_key(const std::string& file, Asked& asked) {
  const auto content = read_input(file);
  if (!content) return std::unexpected(ImageFailure{kExitUnreadable, content.error()});
  auto found = split_certificates(*content, file, "PUBLIC KEY");
  if (!found) found = split_certificates(*content, file);
  if (!found) return std::unexpected(ImageFailure{kExitUnreadable, found.error()});
  asked.key = found->front();
  auto spki = x509::parse_spki(asked.key);
  if (!spki) {
    const auto certificate = x509::Certificate::parse(asked.key);
    if (!certificate) return unusable(file, sentence(spki.error().code));
    spki = certificate->spki();
  }
  if (!spki->key) return unusable(file, sentence(ErrorCode::unsupported_algorithm));
  asked.question.key = spki->key;
  return {};
}

Done read_revocations(const crypto::Crypto& crypto, const std::string& file, Asked& asked) {
  auto content = read_input(file, image::kMaxRevocationList);
  if (!content) return std::unexpected(ImageFailure{kExitUnreadable, content.error()});
  asked.list = *std::move(content);
  x509::Verdict path;
  const auto list = image::verify_list(crypto, asked.list, asked.question.trust, asked.scratch, path);
  if (!list) return unusable(file, sentence(list.error().code));
  asked.question.revocations = *list;
  return {};
}

Done ask(const crypto::Crypto& crypto, const VerifyArguments& arguments, Asked& asked) {
  auto trust = ImageTrust::make(arguments.trust);
  if (!trust) return std::unexpected(trust.error());
  asked.trust = *std::move(trust);
  asked.question.trust = asked.trust->view();
  if (asked.trust->empty() == arguments.key.empty()) {
    return usage(arguments.key.empty()
                     ? "nothing is trusted: give --root, --root-spki or --key"
                     : "give either roots for the image's chain, or one key for an image without");
  }
  if (!arguments.key.empty()) {
    if (!arguments.parent_signer.empty() || !arguments.revocations.empty()) {
      return usage("--require-parent-signer and --revocations need a chain, and so --root");
    }
    if (auto done = read_key(arguments.key, asked); !done) return done;
  }
  if (!arguments.parent_signer.empty()) {
    asked.question.parent_signer = spki_hash_of(arguments.parent_signer);
    if (!asked.question.parent_signer) {
      return usage("--require-parent-signer takes a certificate, a public key or 64 hex digits, not " +
                   arguments.parent_signer);
    }
  }
  if (!arguments.minimum_counter.empty()) {
    asked.question.minimum_counter = parse_number(arguments.minimum_counter);
    if (!asked.question.minimum_counter) return usage("--minimum-counter takes a 32-bit number");
  }
  if (arguments.revocations.empty()) return {};
  return read_revocations(crypto, arguments.revocations, asked);
}

json::object answer_json(const ImageAnswer& answer) {
  json::object out{{"trusted", answer.trusted}, {"verdict", printable(answer.sentence)}};
  if (answer.code) {
    out["code"] = json::string(name(*answer.code));
    out["tlv"] =
        answer.fault.tlv == image::TlvType{} ? json::value() : json::value(tlv_text(answer.fault.tlv));
    out["offset"] = answer.fault.error.offset;
  }
  const ImageView& view = answer.view;
  out["version"] = version_text(view.product.version);
  if (!answer.digest.empty()) out["digest"] = to_hex(answer.digest);
  out["security_counter"] = view.security_counter ? json::value(*view.security_counter) : json::value();
  const std::vector<Bytes> chain(view.chain.begin(), view.chain.end());
  out["signer"] = chain.empty() ? json::value() : json::value(printable(path_text(chain)));
  json::array parents;
  for (const StatementView& stated : view.lineage)
    parents.push_back(json::string(printable(stated.content.statement.name)));
  out["lineage"] = std::move(parents);
  json::array checks;
  for (const ChainCheck& check : answer.checks) {
    checks.push_back(
        json::object{{"result", check.result}, {"what", check.what}, {"why", printable(check.why)}});
  }
  out["checks"] = std::move(checks);
  return out;
}

void print_text(const Context& context, const ImageAnswer& answer) {
  print_line(fmt::format(
      "{}  {}",
      styled(context, answer.trusted ? Style::good : Style::bad, answer.trusted ? "trusted" : "not trusted"),
      printable(answer.sentence)));
  if (context.quiet) return;
  Table table;
  for (const ChainCheck& check : answer.checks) {
    const Style style = check.result == "ok"     ? Style::good
                        : check.result == "no"   ? Style::bad
                        : check.result == "warn" ? Style::warning
                                                 : Style::faint;
    table.add({{check.result, style}, check.what, check.why});
  }
  print(table.draw(context));
  if (!answer.code) return;
  const std::vector<Bytes> chain(answer.view.chain.begin(), answer.view.chain.end());
  Table where;
  for (const auto& [key, value] : image_problem("", "", answer.fault, chain).details) where.add({key, value});
  print(where.draw(context));
}

void run_verify(Context& context, const VerifyArguments& arguments) {
  const crypto::OpenSslCrypto crypto;
  Asked asked;
  if (const auto done = ask(crypto, arguments, asked); !done) {
    return print_error(context, done.error().exit_code, done.error().problem);
  }
  const auto file = ImageFile::open(arguments.file);
  if (!file) return print_error(context, kExitUnreadable, file.error());
  const ImageAnswer answer = verify_image_file(crypto, (*file)->source(), asked.question);
  if (!answer.is_image || answer.code == ErrorCode::io_failure) {
    return print_error(context, kExitUnreadable, image_problem("verify", arguments.file, answer.fault, {}));
  }
  if (context.json) {
    print_json(answer_json(answer));
  } else {
    print_text(context, answer);
  }
  context.exit_code = answer.trusted ? kExitOk : kExitNotTrusted;
}

}  // namespace

void add_image_verify(CLI::App& image, Context& context) {
  CLI::App* command =
      image.add_subcommand("verify", "Decide whether a device may trust an image, and say why");
  command->footer(
      "By a root: the image's own chain must end there, and its OEM may sign this product. By a key: as\n"
      "MCUboot does alone, for images of others. Exit status 3 means that the image was read and is "
      "refused;\n"
      "the TLV at fault is named with its offset.");
  const auto arguments = std::make_shared<VerifyArguments>();
  command
      ->add_option("FILE", arguments->file, "The image: binary, or Intel HEX by its ending .hex; - is stdin")
      ->required();
  add_image_trust_options(*command, arguments->trust);
  command
      ->add_option("-k,--key", arguments->key,
                   "Public key, or certificate with it, that signed an image without a chain")
      ->option_text("FILE");
  command
      ->add_option(
          "--require-parent-signer", arguments->parent_signer,
          "Accept only what was built from an image by this signer or under this CA: a certificate, a "
          "public key, or the SHA-256 of its public key info")
      ->option_text("FILE");
  command
      ->add_option("--revocations", arguments->revocations,
                   "List of revoked signers, signed under the same root")
      ->option_text("FILE");
  command
      ->add_option("--minimum-counter", arguments->minimum_counter,
                   "Refuse a lower security counter, as a device that had a newer image")
      ->option_text("N");
  command->callback([arguments, &context] { run_verify(context, *arguments); });
}

}  // namespace pedigree::cli
