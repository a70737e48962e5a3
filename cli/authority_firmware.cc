// SPDX-License-Identifier: Apache-2.0
// pedigree authority oem|firmware-signer: who may sign firmware. Neither needs the authority to serve.
#include <boost/json.hpp>
#include <ctime>
#include <filesystem>

#include "authority/firmware_certificate.h"
#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/describe.h"
#include "cli/files.h"
#include "cli/image_values.h"
#include "cli/passphrase.h"
#include "cli/private_key.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/directory.h"

namespace pedigree::cli {
namespace {

using crypto::OpenSslKey;

constexpr std::uint32_t kMaxDays = 7300;

struct FirmwareArguments {
  std::string directory;                    // oem
  std::string issuer;                       // firmware-signer
  std::string issuer_key, passphrase_file;  // of whoever signs
  std::string name, out;
  std::uint32_t days = 0;
  std::string request, public_key, key, key_type = "P-256", key_passphrase_file;
  std::vector<std::string> vendors, classes;
  std::string minimum, maximum;
  bool any_product = false;
};

struct Failure {
  int exit_code = kExitUsage;
  Problem problem;
};
template <typename T>
using Outcome = std::expected<T, Failure>;

std::unexpected<Failure> usage(std::string summary, std::string next) {
  return std::unexpected(Failure{
      kExitUsage, {.summary = std::move(summary), .details = {}, .next = std::move(next), .note = {}}});
}

std::unexpected<Failure> unreadable(Problem problem) {
  return std::unexpected(Failure{kExitUnreadable, std::move(problem)});
}

std::unexpected<Failure> refused(std::string_view doing, const authority::Refusal& refusal) {
  return std::unexpected(Failure{kExitAuthorityRefused,
                                 {.summary = "cannot " + std::string(doing) + ": " + refusal.detail,
                                  .details = {},
                                  .next = {},
                                  .note = "nothing was written"}});
}

const std::map<std::string, crypto::KeyType>& key_types() {
  using enum crypto::KeyType;
  static const std::map<std::string, crypto::KeyType> types{
      {"P-256", p256}, {"P-384", p384}, {"Ed25519", ed25519}, {"RSA-2048", rsa2048}, {"RSA-3072", rsa3072}};
  return types;
}

/// The key that is certified, and the key itself where it was made here.
struct Subject {
  Octets spki;
  std::optional<OpenSslKey> made;
};

Outcome<Octets> key_of_request(const crypto::Crypto& crypto, const std::string& file) {
  const auto content = read_input(file);
  if (!content) return unreadable(content.error());
  auto found = split_certificates(*content, file, "CERTIFICATE REQUEST");
  if (!found) return unreadable(found.error());
  const auto key = authority::requested_key(crypto, found->front());
  if (!key) return refused("certify " + file, key.error());
  return Octets(key->begin(), key->end());
}

Outcome<Subject> find_subject(const crypto::Crypto& crypto, const FirmwareArguments& arguments) {
  Subject subject;
  const auto use = [&](const OpenSslKey& key) -> Outcome<void> {
    auto spki = authority::public_key_info(crypto, key.view());
    if (!spki) return refused("use the key", {spki.error().code, std::string(sentence(spki.error().code))});
    subject.spki = *std::move(spki);
    return {};
  };
  if (!arguments.request.empty()) {
    auto spki = key_of_request(crypto, arguments.request);
    if (!spki) return std::unexpected(spki.error());
    subject.spki = *std::move(spki);
  } else if (!arguments.public_key.empty()) {
    auto found = read_certificates(arguments.public_key, "PUBLIC KEY");
    if (!found) return unreadable(found.error());
    subject.spki = std::move(found->front());
  } else if (!arguments.key.empty()) {
    const auto key = open_private_key(arguments.key, arguments.key_passphrase_file);
    if (!key) return unreadable(key.error());
    if (auto used = use(*key); !used) return std::unexpected(used.error());
  } else {
    auto key = OpenSslKey::generate(key_types().at(arguments.key_type));
    if (!key) return refused("make a key", {key.error().code, std::string(sentence(key.error().code))});
    if (auto used = use(*key); !used) return std::unexpected(used.error());
    subject.made = *std::move(key);
  }
  return subject;
}

std::string certificate_file(const FirmwareArguments& arguments) {
  return arguments.out + ".cert.pem";
}
std::string chain_file(const FirmwareArguments& arguments) {
  return arguments.out + ".chain.pem";
}
std::string key_file(const FirmwareArguments& arguments) {
  return arguments.out + ".key.pem";
}

Outcome<void> check_free(const FirmwareArguments& arguments) {
  const bool makes_key = arguments.request.empty() && arguments.public_key.empty() && arguments.key.empty();
  for (const std::string& name : {certificate_file(arguments), chain_file(arguments), key_file(arguments)}) {
    std::error_code ignored;
    if (std::filesystem::exists(name, ignored) && (makes_key || name != key_file(arguments))) {
      return unreadable({.summary = name + " exists already",
                         .details = {},
                         .next = "choose another --out",
                         .note = "nothing was written"});
    }
  }
  return {};
}

/// A key that was made here goes into a file of its own, encrypted where there is a passphrase for it.
Outcome<void> write_key(const Context& context, const FirmwareArguments& arguments, const Subject& subject) {
  if (!subject.made) return {};
  app::SecretText passphrase;
  if (!arguments.key_passphrase_file.empty()) {
    auto given = read_passphrase(arguments.key_passphrase_file, false);
    if (!given) return unreadable(given.error());
    passphrase = *std::move(given);
  }
  auto pem = subject.made->to_pem(passphrase.text());
  if (!pem) return refused("write the key", {pem.error().code, std::string(sentence(pem.error().code))});
  const app::SecretText secret(*std::move(pem));
  if (const auto written = app::write_private(key_file(arguments), secret.text()); !written) {
    return refused("write the key", written.error());
  }
  if (passphrase.text().empty()) {
    print_warning(context, key_file(arguments) + " is not encrypted (--key-passphrase-file)");
  }
  return {};
}

Outcome<void> write_certificates(const FirmwareArguments& arguments, const Octets& certificate,
                                 const std::vector<Octets>& above) {
  std::string chain = app::certificate_pem(certificate);
  if (const auto written = app::write_private(certificate_file(arguments), chain); !written) {
    return refused("write the certificate", written.error());
  }
  if (above.empty()) return {};
  for (const Octets& der : above) chain += app::certificate_pem(der);
  if (const auto written = app::write_private(chain_file(arguments), chain); !written) {
    return refused("write the chain", written.error());
  }
  return {};
}

void show(const Context& context, const FirmwareArguments& arguments, const Octets& der, bool made_key,
          bool has_chain) {
  const auto certificate = x509::Certificate::parse(der);
  if (!certificate) return;
  const auto limits = image::find_limits(*certificate);
  const std::string may_sign = limits && *limits ? limits_text(**limits) : std::string();
  if (context.json) {
    boost::json::object out{{"name", arguments.name},
                            {"certificate", certificate_file(arguments)},
                            {"spki_sha256", sha256_hex(certificate->spki().whole)},
                            {"not_after", time_text(certificate->not_after())}};
    if (has_chain) out["chain"] = chain_file(arguments);
    if (made_key) out["key"] = key_file(arguments);
    if (!may_sign.empty()) out["may_sign"] = may_sign;
    return print_json(out);
  }
  if (context.quiet) return;
  print_line("certified " + styled(context, Style::strong, printable(arguments.name)) + " until " +
             day_text(certificate->not_after()));
  Table table;
  if (!may_sign.empty()) table.add({"may sign", may_sign});
  table.add({"key", key_text(certificate->spki()) + " " + shorten(sha256_hex(certificate->spki().whole))});
  table.add({"certificate", certificate_file(arguments)});
  if (has_chain) table.add({"chain", chain_file(arguments)});
  if (made_key) table.add({"private key", key_file(arguments)});
  print(table.draw(context));
}

authority::CertifyFields fields_of(const FirmwareArguments& arguments, const Subject& subject, Bytes issuer,
                                   const OpenSslKey& issuer_key) {
  authority::CertifyFields fields;
  fields.common_name = arguments.name;
  fields.spki = subject.spki;
  fields.issuer = {issuer, issuer_key.view()};
  fields.not_before = std::time(nullptr);
  // Without --days the profile's.
  const std::uint32_t days = arguments.days == 0 ? kMaxDays : arguments.days;
  fields.not_after = fields.not_before + static_cast<der::UnixTime>(days) * 86400;
  return fields;
}

Outcome<authority::FirmwareLimits> limits_of_options(const FirmwareArguments& arguments) {
  constexpr const char* kNext = "pedigree authority oem --help";
  authority::FirmwareLimits limits;
  for (const std::string& text : arguments.vendors) {
    const auto id = parse_uuid(text, vendor_name_space());
    if (!id) return usage("--vendor takes a UUID or a domain name, not " + text, kNext);
    limits.vendors.push_back(*id);
  }
  const auto name_space = limits.vendors.size() == 1 ? std::optional(limits.vendors.front()) : std::nullopt;
  for (const std::string& text : arguments.classes) {
    const auto id = parse_uuid(text, name_space);
    if (!id)
      return usage("--class takes a UUID, or beside one --vendor a name in its name space, not " + text,
                   kNext);
    limits.classes.push_back(*id);
  }
  for (const auto& [text, into] :
       {std::pair(&arguments.minimum, &limits.minimum), std::pair(&arguments.maximum, &limits.maximum)}) {
    if (text->empty()) continue;
    *into = parse_version(*text);
    if (!*into) return usage("a version is MAJOR.MINOR.REVISION+BUILD, not " + *text, kNext);
  }
  const bool limited = !limits.vendors.empty() || !limits.classes.empty() || limits.minimum || limits.maximum;
  if (limited == arguments.any_product) {
    return usage(
        limited
            ? "--any-product contradicts the limits that are given"
            : "say what the OEM may sign: --vendor, --class, --min-version, --max-version, or --any-product",
        kNext);
  }
  return limits;
}

/// The authority's rules for OEMs.
Outcome<authority::Profile> oem_profile(const app::Layout& layout, const FirmwareArguments& arguments) {
  const auto config = app::read_settings(layout);
  if (!config) {
    return unreadable({.summary = "cannot read the authority's settings: " + config.error().detail,
                       .details = {},
                       .next = {},
                       .note = {}});
  }
  const auto found = config->profiles.find("oem-intermediate");
  if (found == config->profiles.end()) return usage("there is no profile oem-intermediate", {});
  if (found->second.days && arguments.days > *found->second.days) {
    return usage("profile oem-intermediate allows " + std::to_string(*found->second.days) + " days",
                 "pedigree authority oem --help");
  }
  return found->second;
}

/// An OEM has no settings of the authority; its issuer's certificate says what it may.
authority::Profile signer_profile() {
  for (authority::Profile& profile : authority::default_profiles()) {
    if (profile.kind != authority::ProfileKind::firmware_signer) continue;
    profile.days = kMaxDays;
    return std::move(profile);
  }
  return authority::blank_profile("firmware-signer");
}

Outcome<void> make_oem(Context& context, const FirmwareArguments& arguments) {
  const crypto::OpenSslCrypto crypto;
  const auto limits = limits_of_options(arguments);
  if (!limits) return std::unexpected(limits.error());
  if (auto is_free = check_free(arguments); !is_free) return is_free;
  const app::Layout layout{arguments.directory};
  const auto profile = oem_profile(layout, arguments);
  if (!profile) return std::unexpected(profile.error());
  const auto root = app::read_certificate(layout.root_certificate());
  if (!root)
    return unreadable(
        {.summary = "cannot use the root: " + root.error().detail, .details = {}, .next = {}, .note = {}});
  const std::string root_key =
      arguments.issuer_key.empty() ? layout.root_key().string() : arguments.issuer_key;
  const auto key = open_private_key(root_key, arguments.passphrase_file);
  if (!key) return unreadable(key.error());
  const auto subject = find_subject(crypto, arguments);
  if (!subject) return std::unexpected(subject.error());
  const auto made =
      authority::make_oem(crypto, *profile, fields_of(arguments, *subject, *root, *key), *limits);
  if (!made) return refused("certify the OEM", made.error());
  if (auto done = write_key(context, arguments, *subject); !done) return done;
  if (auto done = write_certificates(arguments, *made, {}); !done) return done;
  show(context, arguments, *made, subject->made.has_value(), false);
  return {};
}

Outcome<void> make_signer(Context& context, const FirmwareArguments& arguments) {
  const crypto::OpenSslCrypto crypto;
  if (auto is_free = check_free(arguments); !is_free) return is_free;
  const auto above = read_certificates(arguments.issuer);
  if (!above) return unreadable(above.error());
  const auto key = open_private_key(arguments.issuer_key, arguments.passphrase_file);
  if (!key) return unreadable(key.error());
  const auto subject = find_subject(crypto, arguments);
  if (!subject) return std::unexpected(subject.error());
  const auto made = authority::make_firmware_signer(crypto, signer_profile(),
                                                    fields_of(arguments, *subject, above->front(), *key));
  if (!made) return refused("certify the signer", made.error());
  if (auto done = write_key(context, arguments, *subject); !done) return done;
  if (auto done = write_certificates(arguments, *made, *above); !done) return done;
  show(context, arguments, *made, subject->made.has_value(), true);
  return {};
}

using Make = Outcome<void> (*)(Context&, const FirmwareArguments&);

void add_subject_options(CLI::App& command, FirmwareArguments& a) {
  command.add_option("--name", a.name, "Common name")->required()->option_text("NAME");
  command.add_option("--out", a.out, "Writes PATH.cert.pem, and PATH.key.pem where the key is made here")
      ->required()
      ->option_text("PATH");
  command
      .add_option("--days", a.days,
                  "Days until it expires, at most as long as its issuer; else what the profile says")
      ->check(CLI::Range(std::uint32_t{1}, kMaxDays))
      ->option_text("N");
  CLI::Option* request =
      command
          .add_option("--request", a.request,
                      "PKCS#10 request of the key's owner (PEM or DER); else a key is made")
          ->option_text("FILE");
  CLI::Option* key = command.add_option("--key", a.key, "Certify this private key: PEM, or a pkcs11: URI")
                         ->excludes(request)
                         ->option_text("KEY");
  command.add_option("--key-type", a.key_type, "Type of the key that is made")
      ->check(CLI::IsMember(key_types()))
      ->excludes(request)
      ->excludes(key)
      ->option_text("P-256|P-384|Ed25519|RSA-2048|RSA-3072");
  command
      .add_option("--key-passphrase-file", a.key_passphrase_file,
                  "File with the passphrase of --key, or for the key that is made")
      ->option_text("FILE");
}

void add_callback(CLI::App& command, const std::shared_ptr<FirmwareArguments>& arguments, Context& context,
                  Make make) {
  command.callback([arguments, &context, make] {
    if (const auto done = make(context, *arguments); !done) {
      print_error(context, done.error().exit_code, done.error().problem);
    }
  });
}

void add_oem(CLI::App& authority, Context& context) {
  CLI::App* command = authority.add_subcommand(
      "oem", "Certify an OEM, which may then certify firmware signers for its products");
  command->footer(
      "The certificate is a CA's for codeSigning alone, with pathLen 0, and states what the OEM may sign:\n"
      "verifiers and boot loaders refuse images for other products, or of other versions.");
  const auto a = std::make_shared<FirmwareArguments>();
  command->add_option("--dir", a->directory, "The authority's directory, for its root")
      ->required()
      ->option_text("DIR");
  command
      ->add_option("--root-key", a->issuer_key,
                   "The root's private key, where it is kept elsewhere: PEM, or pkcs11:")
      ->option_text("KEY");
  command->add_option("--passphrase-file", a->passphrase_file, kKeyPassphraseHelp)->option_text("FILE");
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* help) {
    command->add_option(name, into, help)->option_text("ID")->allow_extra_args(false);
  };
  list("--vendor", a->vendors, "Vendor id that images must have: a UUID or a domain name; may be repeated");
  list("--class", a->classes,
       "Class id that images must have: a UUID or a name of the vendor's; may be repeated");
  command->add_option("--min-version", a->minimum, "Least version of an image")->option_text("VERSION");
  command->add_option("--max-version", a->maximum, "Greatest version of an image")->option_text("VERSION");
  command->add_flag("--any-product", a->any_product, "The OEM may sign for any product, in any version");
  add_subject_options(*command, *a);
  add_callback(*command, a, context, make_oem);
}

void add_signer(CLI::App& authority, Context& context) {
  CLI::App* command =
      authority.add_subcommand("firmware-signer", "Certify a firmware signer below an OEM's intermediate");
  command->footer(
      "Needs no directory: an OEM runs it with its own certificate and key. PATH.chain.pem is what\n"
      "pedigree image sign takes as --chain.");
  const auto a = std::make_shared<FirmwareArguments>();
  a->days = 1825;
  command
      ->add_option("--issuer", a->issuer,
                   "The OEM's certificate, and what stands above it if the chain is to hold it")
      ->required()
      ->option_text("FILE");
  command->add_option("--issuer-key", a->issuer_key, "The OEM's private key: PEM, or a pkcs11: URI")
      ->required()
      ->option_text("KEY");
  command->add_option("--passphrase-file", a->passphrase_file, kKeyPassphraseHelp)->option_text("FILE");
  command->add_option("--public-key", a->public_key, "Certify this public key (PEM or DER)")
      ->option_text("FILE");
  add_subject_options(*command, *a);
  add_callback(*command, a, context, make_signer);
}

}  // namespace

void add_authority_firmware(CLI::App& authority, Context& context) {
  add_oem(authority, context);
  add_signer(authority, context);
}

}  // namespace pedigree::cli
