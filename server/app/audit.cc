// SPDX-License-Identifier: Apache-2.0
#include "server/app/audit.h"

#include <fmt/format.h>

#include <ctime>
#include <future>

#include "authority/text.h"
#include "crypto/openssl/openssl_crypto.h"
#include "registry/audit_entry.h"
#include "server/app/database.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using crypto::OpenSslKey;
using registry::SignedHead;
using registry::merkle::Head;

std::unexpected<authority::Refusal> refuse_code(const Error& error) {
  return refuse(error.code, std::string(sentence(error.code)));
}

Result<std::array<std::uint8_t, 32>> public_half(const crypto::Crypto& crypto, const OpenSslKey& key) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const auto half, crypto.public_key(key.view(), buffer));
  std::array<std::uint8_t, 32> out{};
  if (half.type != crypto::KeyType::ed25519) return fail(ErrorCode::wrong_key_type);
  std::ranges::copy(half.key, out.begin());
  return out;
}

class Signer final : public http::AuditSigner {
 public:
  Signer(OpenSslKey key, audit::LogKey public_key, registry::Store& store, const crypto::Crypto& crypto)
      : key_(std::move(key)), public_key_(std::move(public_key)), store_(store), crypto_(crypto) {}

  void sign(Done done) override {
    auto made = make();
    if (!made) return done(std::unexpected(made.error()));
    if (made->is_kept) return done(std::move(made->head));
    store_.add_signed_head(std::move(made->head), [done = std::move(done)](auto outcome) {
      if (!outcome) return done(std::unexpected(Trouble::failed));
      done(*std::move(outcome));
    });
  }

 private:
  struct Made {
    SignedHead head;
    bool is_kept = false;
  };

  /// Nothing is signed beside what was signed before: the log must still begin with it.
  std::expected<Made, Trouble> make() {
    const auto last = store_.signed_head();
    const bool is_first = !last && last.error().code == ErrorCode::not_found;
    if (!last && !is_first) return std::unexpected(Trouble::failed);
    const auto head = store_.log_head();
    if (last && !agrees(*last, head)) return std::unexpected(Trouble::changed);
    if (!head) return std::unexpected(Trouble::failed);
    if (last && last->size == head->size) return Made{*last, true};
    auto note = audit::sign_checkpoint(crypto_, public_key_, key_.view(), *head);
    if (!note) return std::unexpected(Trouble::failed);
    return Made{{head->size, std::time(nullptr), *std::move(note)}, false};
  }

  bool agrees(const SignedHead& last, const Result<Head>& head) {
    const auto opened = audit::open_checkpoint(crypto_, public_key_, last.note);
    if (!opened || opened->head.size != last.size) return false;
    // Where the log is shorter now, or has gaps, it has no such root.
    const auto root = head && head->size >= last.size ? store_.log_root(last.size) : Result<Sha256>();
    return root && *root == opened->head.root;
  }

  OpenSslKey key_;
  audit::LogKey public_key_;
  registry::Store& store_;
  const crypto::Crypto& crypto_;
};

}  // namespace

Answer<void> make_log_key(const Layout& layout, const Sha256& root_spki_sha256,
                          const SecretText& passphrase) {
  const crypto::OpenSslCrypto crypto;
  const auto key = OpenSslKey::generate(crypto::KeyType::ed25519);
  if (!key) return refuse(key.error());
  const auto half = public_half(crypto, *key);
  if (!half) return refuse(half.error());
  const audit::LogKey public_key{"pedigree.log/" + registry::hex(Bytes(root_spki_sha256).first(8)), *half};
  const auto text = audit::print_log_key(crypto, public_key);
  if (!text) return refuse(text.error());
  auto pem = key->to_pem(passphrase.text());
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  // The public half last: with both or with the private one alone it can be gone on from here.
  if (const auto written = write_private(layout.log_key(), secret.text()); !written) return written;
  return write_private(layout.log_public_key(), *text + "\n");
}

Answer<audit::LogKey> parse_log_key(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  const auto key = audit::parse_log_key(crypto::OpenSslCrypto(), text);
  if (!key) {
    return refuse(ErrorCode::bad_configuration,
                  "this is not the key of a log: name+8 hex digits+base64, as in audit.vkey");
  }
  return *key;
}

Answer<audit::LogKey> read_log_key(const Layout& layout) {
  const auto text = read_text(layout.log_public_key());
  if (!text) return std::unexpected(text.error());
  auto key = parse_log_key(*text);
  if (!key) {
    return refuse(key.error().code,
                  fmt::format("{}: {}", layout.log_public_key().string(), key.error().detail));
  }
  return key;
}

Answer<std::unique_ptr<http::AuditSigner>> open_log_signer(const Layout& layout,
                                                           const Sha256& root_spki_sha256,
                                                           const SecretText& passphrase,
                                                           registry::Store& store,
                                                           const crypto::Crypto& crypto) {
  std::error_code ignored;
  if (!std::filesystem::exists(layout.log_key(), ignored)) {
    if (const auto made = make_log_key(layout, root_spki_sha256, passphrase); !made) {
      return std::unexpected(made.error());
    }
  }
  auto key = open_key(layout.log_key(), passphrase);
  if (!key) return std::unexpected(key.error());
  auto public_key = read_log_key(layout);
  if (!public_key) return std::unexpected(public_key.error());
  const auto half = public_half(crypto, *key);
  if (!half || *half != public_key->key) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("{} is not the public half of {}", layout.log_public_key().string(),
                              layout.log_key().string()));
  }
  return std::make_unique<Signer>(*std::move(key), *std::move(public_key), store, crypto);
}

LogKeeper::LogKeeper(http::AuditSigner& signer, std::chrono::milliseconds interval)
    : signer_(signer), repeat_(std::in_place, [this] { sign_now(); }, interval) {}

LogKeeper::~LogKeeper() {
  repeat_.reset();
  sign_now();
}

void LogKeeper::sign_now() {
  std::promise<void> signed_or_not;
  signer_.sign([&signed_or_not](const auto& head) {
    // Whoever asks for a checkpoint is told; a log that was changed stays so until somebody looks.
    if (!head) std::fputs(fmt::format("pedigree: {}\n", http::sentence(head.error())).c_str(), stderr);
    signed_or_not.set_value();
  });
  signed_or_not.get_future().wait();
}

Answer<SignedHead> sign_log(LocalAuthority& authority, const SecretText& passphrase) {
  const crypto::OpenSslCrypto crypto;
  const auto signer = open_log_signer(authority.layout(), authority.engine().root_spki_sha256(), passphrase,
                                      authority.store(), crypto);
  if (!signer) return std::unexpected(signer.error());
  std::promise<std::expected<SignedHead, http::AuditSigner::Trouble>> promise;
  (*signer)->sign([&promise](auto outcome) { promise.set_value(std::move(outcome)); });
  auto outcome = promise.get_future().get();
  if (!outcome) return refuse(ErrorCode::database_failure, std::string(http::sentence(outcome.error())));
  return *std::move(outcome);
}

Answer<store::AuditReport> verify_log(const Layout& layout, const audit::LogKey& key,
                                      std::span<const NamedCheckpoint> checkpoints,
                                      const store::AuditProgress& progress) {
  const crypto::OpenSslCrypto crypto;
  const auto database = database_of(layout);
  if (!database) return std::unexpected(database.error());
  std::string why;
  auto connection = store::Connection::open(database->location(), false, &why);
  if (!connection) return refuse_database(*database, connection.error().code, why);
  std::vector<store::KnownHead> heads;
  std::vector<std::string> findings;
  const auto kept = store::signed_heads(*connection);
  if (!kept) return refuse_code(kept.error());
  for (const SignedHead& head : *kept) {
    const auto opened = audit::open_checkpoint(crypto, key, head.note);
    if (opened && opened->head.size == head.size) {
      heads.push_back({opened->head, fmt::format("the checkpoint of {}", authority::iso_time(head.when))});
    } else {
      findings.push_back(
          fmt::format("the checkpoint of size {} in the database is not signed by {}", head.size, key.name));
    }
  }
  for (const NamedCheckpoint& given : checkpoints) {
    const auto opened = audit::open_checkpoint(crypto, key, given.note);
    if (!opened) {
      return refuse(opened.error().code, fmt::format("{}: {}", given.name, sentence(opened.error().code)));
    }
    heads.push_back({opened->head, given.name});
  }
  auto report = store::verify_audit(*connection, crypto, std::move(heads), progress);
  if (!report) return refuse_code(report.error());
  report->findings.insert(report->findings.begin(), findings.begin(), findings.end());
  return *std::move(report);
}

Answer<audit::InclusionProof> prove_event(registry::Store& store, const audit::LogKey& key,
                                          std::uint64_t number) {
  const auto last = store.signed_head();
  const bool is_missing = !last && last.error().code == ErrorCode::not_found;
  if (!last && !is_missing) return refuse_code(last.error());
  if (is_missing || last->size < number) {
    return refuse(ErrorCode::not_found,
                  fmt::format("event {} is in the log, and no signed checkpoint covers it yet", number));
  }
  const crypto::OpenSslCrypto crypto;
  if (const auto opened = audit::open_checkpoint(crypto, key, last->note); !opened) {
    return refuse(opened.error().code, "the last checkpoint in the database is not signed by " + key.name);
  }
  const auto event = store.event(number);
  if (!event) return refuse_code(event.error());
  auto path = store.inclusion_proof(number - 1, last->size);
  if (!path) return refuse_code(path.error());
  return audit::InclusionProof{registry::encode_entry(*event), number - 1, *std::move(path), last->note};
}

}  // namespace pedigree::app
