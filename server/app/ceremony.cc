// SPDX-License-Identifier: Apache-2.0
#include "server/app/ceremony.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "authority/text.h"
#include "core/cose/cose.h"
#include "crypto/openssl/openssl_crypto.h"
#include "crypto/shares/shares.h"
#include "registry/device.h"
#include "server/app/signer_list.h"
#include "server/http/json.h"

namespace pedigree::app {
namespace {

namespace json = boost::json;
using authority::refuse;
using crypto::OpenSslKey;

constexpr der::UnixTime kRootLife = der::UnixTime{20} * 365 * 86400;
constexpr std::string_view kShareBegin = "-----BEGIN PEDIGREE KEY SHARE-----\n";
constexpr std::string_view kShareEnd = "-----END PEDIGREE KEY SHARE-----\n";

std::string share_name(std::size_t index) {
  return fmt::format("share-{}.pem", index);
}

SecretText passphrase_of(Bytes secret) {
  return SecretText(registry::hex(secret));
}

Answer<shares::Share> read_share(const std::filesystem::path& file, const SecretText& passphrase) {
  const auto text = read_private(file);
  if (!text) return std::unexpected(text.error());
  const std::string& pem = text->text();
  const std::size_t begin = pem.find(kShareBegin);
  const std::size_t end = pem.find(kShareEnd);
  std::optional<std::vector<std::uint8_t>> sealed;
  if (begin != std::string::npos && end != std::string::npos && end > begin) {
    std::string base64 = pem.substr(begin + kShareBegin.size(), end - begin - kShareBegin.size());
    std::erase_if(base64, [](char c) { return c == '\n' || c == '\r'; });
    sealed = http::from_base64(base64);
  }
  if (!sealed) return refuse(ErrorCode::bad_pem, fmt::format("{} holds no share", file.string()));
  auto share = shares::open(*sealed, passphrase.text());
  if (share) return *share;
  const bool wrong = share.error().code == ErrorCode::wrong_passphrase;
  return refuse(share.error().code,
                fmt::format("{}: {}", file.string(),
                            wrong ? "the passphrase is not this share's, or the share was changed"
                                  : std::string(sentence(share.error().code))));
}

class Ceremony {
 public:
  Ceremony(const CeremonyOptions& options, std::filesystem::path folder, const SecretText& passphrase)
      : options_(options), layout_{std::move(folder)}, passphrase_(passphrase) {}

  Answer<void> run() {
    if (const auto made = make_directory(layout_.directory); !made) return made;
    for (const auto step : {&Ceremony::make_root, &Ceremony::make_shares, &Ceremony::try_shares,
                            &Ceremony::make_lists_signer, &Ceremony::write_transcript}) {
      if (const auto done = (this->*step)(); !done) return done;
    }
    return {};
  }

 private:
  void record(std::string what, std::initializer_list<std::filesystem::path> files = {}) {
    json::array list;
    for (const auto& file : files) list.emplace_back(file.filename().string());
    steps_.push_back({{"step", std::move(what)}, {"files", std::move(list)}});
    for (const auto& file : files) files_.push_back(file);
  }

  Answer<void> make_root() {
    auto key = OpenSslKey::generate(options_.key_type);
    if (!key) return refuse(key.error());
    key_ = *std::move(key);
    auto root = authority::make_ca(
        crypto_,
        {options_.root_name, key_->view(), {}, std::nullopt, options_.now, options_.now + kRootLife});
    if (!root) return refuse(root.error());
    root_ = *std::move(root);
    if (const auto random = crypto_.random(secret_.span()); !random) return refuse(random.error());
    auto pem = key_->to_pem(passphrase_of(secret_.span()).text());
    if (!pem) return refuse(pem.error());
    const SecretText secret(*std::move(pem));
    if (const auto written = write_private(layout_.root_key(), secret.text()); !written) return written;
    record(fmt::format("made the root key, {}, and its certificate", crypto::name(options_.key_type)),
           {layout_.root_certificate(), layout_.root_key()});
    return write_private(layout_.root_certificate(), certificate_pem(root_));
  }

  Answer<void> make_shares() {
    const std::span<const std::uint8_t, shares::kSecretSize> secret(secret_.span().data(),
                                                                    shares::kSecretSize);
    const auto made =
        shares::split(secret, options_.threshold, static_cast<std::uint8_t>(options_.custodians.size()));
    if (!made) return refuse(made.error());
    for (std::size_t i = 0; i < made->size(); ++i) {
      const Custodian& custodian = options_.custodians.at(i);
      const auto sealed = shares::seal(made->at(i), custodian.passphrase.text());
      if (!sealed) return refuse(sealed.error());
      const auto path = layout_.directory / share_name(i + 1);
      const auto written =
          write_private(path, fmt::format("{}{}\n{}", kShareBegin, http::to_base64(*sealed), kShareEnd));
      if (!written) return written;
      record(fmt::format("share {} of {} for {}", i + 1, made->size(), custodian.name), {path});
    }
    return {};
  }

  /// From the files, as they will be used.
  Answer<void> open_by(std::size_t first) {
    std::vector<std::filesystem::path> files;
    std::vector<SecretText> passphrases;
    for (std::size_t i = first; i < first + options_.threshold; ++i) {
      files.push_back(layout_.directory / share_name(i + 1));
      passphrases.emplace_back(std::string(options_.custodians.at(i).passphrase.text()));
    }
    const auto joined = join_shares(files, passphrases);
    if (!joined) return std::unexpected(joined.error());
    const auto key = open_key(layout_.root_key(), *joined);
    if (!key) return std::unexpected(key.error());
    const auto root = x509::Certificate::parse(root_);
    if (root && authority::check_key_of(crypto_, key->view(), *root)) return {};
    return refuse(ErrorCode::key_mismatch, "the key that the shares open is not the root's");
  }

  Answer<void> try_shares() {
    if (const auto opened = open_by(0); !opened) return opened;
    if (const auto opened = open_by(options_.custodians.size() - options_.threshold); !opened) return opened;
    record(
        fmt::format("opened the key with the first {0} shares, and with the last {0}", options_.threshold));
    return {};
  }

  Answer<void> make_lists_signer() {
    const auto made = make_list_signer(layout_, {root_, key_->view()}, passphrase_, options_.now);
    if (!made) return made;
    record("certified the signer of lists of revoked firmware signers",
           {layout_.list_certificate(), layout_.list_key()});
    return {};
  }

  Answer<void> write_transcript() {
    json::object hashes;
    for (const auto& file : files_) {
      const auto text = read_private(file);
      if (!text) return std::unexpected(text.error());
      const auto hash = crypto_.sha256(as_bytes(text->text()));
      if (!hash) return refuse(hash.error());
      hashes[file.filename().string()] = registry::hex(*hash);
    }
    const std::string text = json::serialize(json::object{{"tool", options_.tool},
                                                          {"led_by", options_.who},
                                                          {"began", authority::iso_time(options_.now)},
                                                          {"root", options_.root_name},
                                                          {"threshold", options_.threshold},
                                                          {"shares", options_.custodians.size()},
                                                          {"steps", steps_},
                                                          {"sha256", std::move(hashes)}});
    Der buffer(2 * text.size() + 4096);
    const Bytes chain[] = {root_};
    const auto message = cose::write_sign1(
        crypto_, {.payload = as_bytes(text), .external_aad = as_bytes(kTranscriptContext), .x5chain = chain},
        key_->view(), buffer);
    if (!message) return refuse(message.error());
    return write_private(layout_.directory / "transcript.cose", as_text(*message));
  }

  const CeremonyOptions& options_;
  Layout layout_;
  const SecretText& passphrase_;
  crypto::OpenSslCrypto crypto_;
  std::optional<OpenSslKey> key_;
  Der root_;
  SecretArray<shares::kSecretSize> secret_;
  json::array steps_;
  std::vector<std::filesystem::path> files_;
};

Answer<void> check_options(const CeremonyOptions& options, const SecretText& passphrase) {
  const auto bad = [](std::string why) { return refuse(ErrorCode::bad_configuration, std::move(why)); };
  const auto is_text = [](std::string_view text) { return !text.empty() && text.size() <= 64; };
  if (options.custodians.size() > shares::kMaxShares || options.threshold < 2 ||
      options.threshold > options.custodians.size()) {
    return bad("at least 2 custodians are needed, at most 16, and a threshold from 2 to their number");
  }
  for (const Custodian& custodian : options.custodians) {
    if (!is_text(custodian.name) || custodian.passphrase.text().empty()) {
      return bad("each custodian has a name of 1 to 64 characters and a passphrase");
    }
  }
  if (!is_text(options.root_name) || !is_text(options.who)) return bad("names have 1 to 64 characters");
  if (passphrase.text().empty()) return bad("an empty passphrase would leave a key unprotected");
  if (!cose::algorithm_for(options.key_type) || options.key_type > crypto::KeyType::ed25519) {
    return bad("the root's key is on P-256 or P-384, or Ed25519");
  }
  return {};
}

}  // namespace

Answer<void> hold_ceremony(const CeremonyOptions& options, const SecretText& passphrase) {
  if (const auto checked = check_options(options, passphrase); !checked) return checked;
  std::error_code ignored;
  if (std::filesystem::exists(options.directory, ignored)) {
    return refuse(ErrorCode::io_failure, fmt::format("{} exists already", options.directory.string()));
  }
  const std::filesystem::path partial = options.directory.string() + ".partial";
  std::filesystem::remove_all(partial, ignored);
  const auto done = Ceremony(options, partial, passphrase).run();
  if (!done) {
    std::filesystem::remove_all(partial, ignored);
    return done;
  }
  std::error_code failed;
  std::filesystem::rename(partial, options.directory, failed);
  if (!failed) return {};
  return refuse(ErrorCode::io_failure,
                fmt::format("cannot make {}: {}", options.directory.string(), failed.message()));
}

Answer<SecretText> join_shares(const std::vector<std::filesystem::path>& files,
                               const std::vector<SecretText>& passphrases) {
  if (files.size() != passphrases.size()) {
    return refuse(ErrorCode::bad_configuration, "there must be a passphrase for each share");
  }
  std::vector<shares::Share> opened;
  opened.reserve(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto share = read_share(files.at(i), passphrases.at(i));
    if (!share) return std::unexpected(share.error());
    opened.push_back(*share);
  }
  SecretArray<shares::kSecretSize> secret;
  const std::span<std::uint8_t, shares::kSecretSize> out(secret.span().data(), shares::kSecretSize);
  const auto joined = shares::join(opened, out);
  if (joined) return passphrase_of(secret.span());
  if (joined.error().code == ErrorCode::key_mismatch) {
    return refuse(ErrorCode::key_mismatch,
                  fmt::format("{} is a share of another ceremony than {}",
                              files.at(joined.error().offset).string(), files.front().string()));
  }
  const std::size_t needed = opened.empty() ? 2 : opened.front().threshold;
  return refuse(ErrorCode::bad_configuration,
                files.size() < needed
                    ? fmt::format("{} shares are needed, and {} were given", needed, files.size())
                    : fmt::format("{} is there twice", files.at(joined.error().offset).string()));
}

Answer<std::string> verify_transcript(const std::filesystem::path& directory, Bytes root) {
  const auto octets = read_text(directory / "transcript.cose");
  if (!octets) return std::unexpected(octets.error());
  const auto message = cose::Sign1::parse(as_bytes(*octets));
  if (!message) return refuse(message.error());
  const auto certificate = x509::Certificate::parse(root);
  if (!certificate) return refuse(certificate.error());
  if (!certificate->spki().key || !message->payload())
    return refuse(ErrorCode::untrusted_root, "no key, or no text");
  const crypto::OpenSslCrypto crypto;
  Der scratch(2 * octets->size() + 1024);
  const auto good = message->verify(crypto, *certificate->spki().key, as_bytes(kTranscriptContext), scratch);
  if (!good) return refuse(good.error().code, "the transcript is not signed by this root");
  const std::string text(as_text(*message->payload()));
  json::error_code error;
  const json::value parsed = json::parse(text, error);
  const json::object* hashes = nullptr;
  if (!error && parsed.is_object()) {
    const json::value* list = parsed.as_object().if_contains("sha256");
    hashes = list == nullptr ? nullptr : list->if_object();
  }
  if (hashes == nullptr) return refuse(ErrorCode::bad_value, "the transcript lists no files");
  for (const auto& [name, hash] : *hashes) {
    const std::filesystem::path file = directory / std::filesystem::path(std::string(name)).filename();
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) continue;  // shares have gone with their custodians
    const auto content = read_text(file);
    if (!content) return std::unexpected(content.error());
    const auto actual = crypto.sha256(as_bytes(*content));
    if (!actual || !hash.is_string() || registry::hex(*actual) != std::string_view(hash.as_string())) {
      return refuse(ErrorCode::bad_digest, fmt::format("{} is not the file of the ceremony", file.string()));
    }
  }
  return text;
}

}  // namespace pedigree::app
