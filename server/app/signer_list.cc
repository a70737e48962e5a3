// SPDX-License-Identifier: Apache-2.0
#include "server/app/signer_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "core/firmware_image/revocation_list.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using crypto::KeyType;
using crypto::OpenSslKey;

constexpr der::UnixTime kSignerLife = der::UnixTime{20} * 365 * 86400;
/// How often another process may give out the number that this one wanted.
constexpr int kTries = 8;

std::unexpected<authority::Refusal> database(const Error& error) {
  return refuse(error.code, std::string(sentence(error.code)));
}

/// The signer of lists, made where there is none yet.
Answer<void> ensure_signer(const Layout& layout, const SecretText& passphrase, der::UnixTime now) {
  std::error_code ignored;
  if (std::filesystem::exists(layout.list_certificate(), ignored)) return {};
  if (!std::filesystem::exists(layout.root_key(), ignored)) {
    return refuse(ErrorCode::io_failure,
                  fmt::format("this directory has no signer of lists yet; put {} back for this one time",
                              layout.root_key().string()));
  }
  const auto root = read_certificate(layout.root_certificate());
  if (!root) return std::unexpected(root.error());
  const auto key = open_key(layout.root_key(), passphrase);
  if (!key) return std::unexpected(key.error());
  return make_list_signer(layout, {*root, key->view()}, passphrase, now);
}

class Issuing {
 public:
  Issuing(LocalAuthority& authority, const SignerListOptions& options, const SecretText& passphrase)
      : authority_(authority), options_(options), passphrase_(passphrase) {}

  Answer<IssuedSignerList> run() {
    for (int i = 0; i < kTries; ++i) {
      auto issued = once();
      if (issued || issued.error().code != ErrorCode::list_rolled_back) return issued;
    }
    return refuse(ErrorCode::database_failure, "other processes keep issuing lists at the same time");
  }

 private:
  Answer<IssuedSignerList> once() {
    IssuedSignerList issued;
    // The last list before the revocations: what is revoked in between makes a new list, at worst one too
    // many.
    const auto last = authority_.store().signer_list();
    if (!last && last.error().code != ErrorCode::not_found) return database(last.error());
    auto revoked = authority_.store().revoked_signers();
    if (!revoked) return database(revoked.error());
    issued.revoked = *std::move(revoked);
    if (last && !options_.renew && says(last->message, issued.revoked)) {
      issued.list = *last;
      return issued;
    }
    // Seconds of the clock where they are larger: a database that was restored from an old copy goes on above
    // the numbers that it has forgotten.
    const std::uint64_t next = last ? last->number + 1 : 1;
    issued.list.number = std::max(next, static_cast<std::uint64_t>(options_.now));
    issued.list.issued_at = options_.now;
    auto message = sign(issued);
    if (!message) return std::unexpected(message.error());
    issued.list.message = *std::move(message);
    issued.is_new = true;
    if (const auto kept = keep(issued.list); !kept) return std::unexpected(kept.error());
    return issued;
  }

  /// Whether a list names just these keys.
  static bool says(Bytes message, const std::vector<registry::SignerRevocation>& revoked) {
    const auto read = image::read_list(message);
    return read && read->list.size() == revoked.size() &&
           std::ranges::all_of(revoked, [&](const auto& one) { return read->list.contains(one.key); });
  }

  Answer<Der> sign(const IssuedSignerList& issued) {
    const Layout& layout = authority_.layout();
    if (const auto made = ensure_signer(layout, passphrase_, options_.now); !made) {
      return std::unexpected(made.error());
    }
    const auto certificate = read_certificate(layout.list_certificate());
    if (!certificate) return std::unexpected(certificate.error());
    const auto key = open_key(layout.list_key(), passphrase_);
    if (!key) return std::unexpected(key.error());
    std::vector<Sha256> keys;
    for (const auto& one : issued.revoked) keys.push_back(one.key);
    Der payload(image::kMaxRevocationList);
    Writer out(payload);
    image::write_revocations(issued.list.number, issued.list.issued_at, keys, out);
    payload.resize(out.size());
    // Devices know the root by its hash, so it goes along.
    const Bytes chain[] = {*certificate, authority_.engine().root()};
    Der buffer(2 * image::kMaxRevocationList);
    const auto message = image::sign_list(crypto_, payload, chain, key->view(), buffer);
    if (!message) return refuse(message.error());
    return check(Der(message->begin(), message->end()), *certificate);
  }

  /// As a device will: a list that devices would refuse is not given out. Where the clock was put back behind
  /// the signer's making, that is no reason to withhold one.
  Answer<Der> check(Der message, const Der& certificate) const {
    const x509::TrustAnchor anchor{{}, authority_.engine().root_spki_sha256(), {}};
    const auto signer = x509::Certificate::parse(certificate);
    const der::UnixTime at = signer ? std::max(options_.now, signer->not_before()) : options_.now;
    Der scratch(image::kRevocationScratch);
    x509::Verdict path;
    const auto list = image::verify_list(crypto_, message, {{&anchor, 1}, at}, scratch, path);
    if (list) return message;
    const ErrorCode code = path.code.value_or(list.error().code);
    return refuse(code,
                  fmt::format("{}: {}", authority_.layout().list_certificate().string(), sentence(code)));
  }

  Answer<void> keep(const registry::SignerList& list) {
    std::promise<registry::Outcome<registry::SignerList>> promise;
    authority_.store().add_signer_list(list,
                                       [&promise](auto outcome) { promise.set_value(std::move(outcome)); });
    const auto outcome = promise.get_future().get();
    if (!outcome) return database({outcome.error().code, 0});
    return {};
  }

  LocalAuthority& authority_;
  const SignerListOptions& options_;
  const SecretText& passphrase_;
  crypto::OpenSslCrypto crypto_;
};

}  // namespace

Answer<void> make_list_signer(const Layout& layout, const authority::Signer& root,
                              const SecretText& passphrase, der::UnixTime now) {
  const bool is_curve = root.key.type == KeyType::p384 || root.key.type == KeyType::ed25519;
  const auto key = OpenSslKey::generate(is_curve ? root.key.type : KeyType::p256);
  if (!key) return refuse(key.error());
  const authority::ListSignerFields fields{"Pedigree signer revocations", key->view(), root, now,
                                           now + kSignerLife};
  const crypto::OpenSslCrypto crypto;
  const auto certificate = authority::make_list_signer(crypto, fields);
  if (!certificate) return refuse(certificate.error());
  auto pem = key->to_pem(passphrase.text());
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  if (const auto written = write_private(layout.list_key(), secret.text()); !written) return written;
  return write_private(layout.list_certificate(), certificate_pem(*certificate));
}

Answer<IssuedSignerList> issue_signer_list(LocalAuthority& authority, const SignerListOptions& options,
                                           const SecretText& passphrase) {
  return Issuing(authority, options, passphrase).run();
}

}  // namespace pedigree::app
