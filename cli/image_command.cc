// SPDX-License-Identifier: Apache-2.0
// `pedigree image`: firmware images in MCUboot's format, with chains and lineage.
#include "cli/image_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/describe.h"
#include "cli/image_device.h"
#include "cli/image_values.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

std::unexpected<ImageFailure> usage(std::string summary) {
  return std::unexpected(ImageFailure{
      kExitUsage,
      {.summary = std::move(summary), .details = {}, .next = "pedigree image --help", .note = {}}});
}

std::unexpected<ImageFailure> unreadable(Problem problem) {
  return std::unexpected(ImageFailure{kExitUnreadable, std::move(problem)});
}

std::optional<Sha256> hash_of(Bytes spki) {
  const auto hash = crypto::OpenSslCrypto().sha256(spki);
  return hash ? std::optional(*hash) : std::nullopt;
}

}  // namespace

void add_image_trust_options(CLI::App& command, ImageTrustOptions& options) {
  command.add_option("--root", options.roots, "Trusted root certificate (PEM or DER); may be repeated")
      ->option_text("FILE")
      ->allow_extra_args(false);
  command
      .add_option("--root-spki", options.root_hashes,
                  "SHA-256 of a trusted root's public key info; the image's chain then holds that root")
      ->option_text("HEX")
      ->allow_extra_args(false);
  CLI::Option* time =
      command
          .add_option("--time", options.time,
                      "Validate as of this time: 2026-11-24, 2026-11-24T12:00:00Z or @SECONDS")
          ->option_text("TIME");
  command
      .add_flag("--no-time", options.no_time, "Do not check validity in time, as a device without a clock")
      ->excludes(time);
}

std::expected<std::unique_ptr<ImageTrust>, ImageFailure> ImageTrust::make(const ImageTrustOptions& options) {
  auto trust = std::make_unique<ImageTrust>();
  if (!options.no_time) trust->time_ = options.time.empty() ? unix_now() : parse_time(options.time);
  if (!options.no_time && !trust->time_) {
    return usage("--time takes 2026-11-24, 2026-11-24T12:00:00Z or @seconds, not " + options.time);
  }
  for (const std::string& file : options.roots) {
    auto found = read_certificates(file);
    if (!found) return unreadable(found.error());
    std::move(found->begin(), found->end(), std::back_inserter(trust->roots_));
  }
  for (const Octets& der : trust->roots_) {
    const auto root = x509::Certificate::parse(der);
    if (!root) {
      return unreadable({.summary = "a trusted root is no well-formed certificate: " +
                                    std::string(sentence(root.error().code)),
                         .details = {{"offset", std::to_string(root.error().offset)}},
                         .next = "look at it: pedigree inspect " + options.roots.front(),
                         .note = {}});
    }
    trust->anchors_.push_back({.certificate = *root, .spki_sha256 = {}, .root_spki = {}});
  }
  for (const std::string& text : options.root_hashes) {
    const auto hash = sha256_from_hex(text);
    if (!hash) return usage("--root-spki takes the 64 hex digits of a SHA-256, not " + text);
    trust->anchors_.push_back({.certificate = {}, .spki_sha256 = *hash, .root_spki = {}});
  }
  return trust;
}

std::optional<Sha256> spki_hash_of(const std::string& text_or_file) {
  if (const auto hash = sha256_from_hex(text_or_file)) return hash;
  const auto content = read_input(text_or_file);
  if (!content) return std::nullopt;
  if (const auto keys = split_certificates(*content, text_or_file, "PUBLIC KEY")) {
    const auto key = x509::parse_spki(keys->front());
    if (key) return hash_of(key->whole);
  }
  const auto certificates = split_certificates(*content, text_or_file);
  if (!certificates) return std::nullopt;
  const auto certificate = x509::Certificate::parse(certificates->front());
  return certificate ? hash_of(certificate->spki().whole) : std::nullopt;
}

Problem image_problem(const std::string& doing, const std::string& file, const image::VerifyFault& fault,
                      std::span<const Bytes> chain) {
  Problem problem{.summary = fmt::format("cannot {} {}: {}", doing, file, sentence(fault.error.code)),
                  .details = {},
                  .next = "look at it: pedigree image inspect " + file,
                  .note = {}};
  if (fault.tlv != image::TlvType{}) problem.details.emplace_back("tlv", tlv_text(fault.tlv));
  problem.details.emplace_back("offset", offset_text(fault.error.offset));
  if (fault.path.code) {
    Octets buffer(8192);
    Writer out(buffer);
    x509::print_verdict(fault.path, chain, out);
    problem.details.emplace_back("chain", as_text(out.written()));
  }
  return problem;
}

void add_image_command(CLI::App& app, Context& context) {
  CLI::App* image = app.add_subcommand("image", "Sign, verify and compare firmware images and their lineage");
  image->require_subcommand(1);
  image->footer(
      "Images are in MCUboot's format. What Pedigree adds are three TLVs: the signer's certificate chain, a\n"
      "statement about the image, and the statements of the images that it was built from.");
  add_image_sign(*image, context);
  add_image_verify(*image, context);
  add_image_inspect(*image, context);
  add_image_tree(*image, context);
  add_image_diff(*image, context);
  add_image_device_commands(*image, context);
}

}  // namespace pedigree::cli
