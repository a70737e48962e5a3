// SPDX-License-Identifier: Apache-2.0
#include "testing/differential/chains.h"

#include <algorithm>
#include <array>

#include "core/x509/general_name.h"
#include "core/x509/oids.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;
using x509::CertificateFields;
namespace oid = x509::oid;

const crypto::OpenSslCrypto& library() {
  static const crypto::OpenSslCrypto crypto;
  return crypto;
}

struct PoolKey {
  explicit PoolKey(KeyType type) : key(*crypto::OpenSslKey::generate(type)) {
    spki = spki_of(library(), key.view());
    id = *library().sha256(spki);
  }
  crypto::OpenSslKey key;
  Octets spki;
  Sha256 id{};
};

/// P-256 most often, as in the field; RSA keys take long to make.
const PoolKey& pick_key(Random& random) {
  static const std::vector<PoolKey> pool = [] {
    std::vector<PoolKey> keys;
    for (const KeyType type :
         {KeyType::p256, KeyType::p256, KeyType::p256, KeyType::p256, KeyType::p256, KeyType::p256,
          KeyType::p384, KeyType::ed25519, KeyType::rsa2048, KeyType::rsa3072}) {
      keys.emplace_back(type);
    }
    return keys;
  }();
  return pool[random() % pool.size()];
}

bool chance(Random& random, unsigned percent) {
  return random() % 100 < percent;
}

/// The parts of one certificate before it is signed; owns what the fields borrow.
class Draft {
 public:
  Draft(Random& random, Case& subject, std::size_t level) : random_(random), case_(subject), level_(level) {}

  /// `flaw` percent says how often something is wrong.
  void fill(const std::string& subject, const std::string& issuer, const PoolKey& key,
            const PoolKey& issuer_key, bool ca) {
    key_ = &key;
    issuer_key_ = &issuer_key;
    subject_ = common_name(subject);
    issuer_ = common_name(subject != issuer && flaw(3, "issuer name") ? "Somebody Else" : issuer);
    set_validity();
    set_usage(ca);
    set_identifiers();
    set_names(ca);
    set_unknown();
  }

  Octets sign() {
    CertificateFields fields;
    const std::array<std::uint8_t, 4> serial{0x11, 0x22, 0x33, static_cast<std::uint8_t>(level_ + 1)};
    fields.serial = serial;
    fields.issuer = issuer_;
    fields.subject = subject_;
    fields.not_before = not_before_;
    fields.not_after = not_after_;
    fields.spki = key_->spki;
    fields.extensions = extensions_;
    const PoolKey& signer = !is_root() && flaw(4, "signed by another key") ? pick_key(random_) : *issuer_key_;
    Octets buffer(4096);
    const auto der = x509::write_certificate(library(), fields, signer.key.view(),
                                             algorithm_of(signer.key.type()), buffer);
    return der ? Octets(der->begin(), der->end()) : Octets();
  }

 private:
  [[nodiscard]] bool is_root() const { return issuer_key_ == key_ && issuer_ == subject_; }

  bool flaw(unsigned percent, const char* what) {
    if (!chance(random_, percent)) return false;
    case_.flaws += std::to_string(level_) + ": " + what + "; ";
    return true;
  }

  crypto::SignatureAlgorithm algorithm_of(KeyType type) {
    crypto::SignatureAlgorithm algorithm = crypto::default_algorithm(type);
    if (algorithm.scheme == crypto::Scheme::eddsa) return algorithm;
    if (algorithm.scheme == crypto::Scheme::rsa_pkcs1 && chance(random_, 50)) {
      algorithm.scheme = crypto::Scheme::rsa_pss;
    }
    constexpr crypto::Hash kHashes[] = {crypto::Hash::sha256, crypto::Hash::sha384, crypto::Hash::sha512};
    algorithm.hash = kHashes[random_() % 3];
    return algorithm;
  }

  void set_validity() {
    if (flaw(2, "expired")) not_after_ = kDifferentialNow - 1;
    if (flaw(2, "not yet valid")) not_before_ = kDifferentialNow + 1;
    if (flaw(2, "last second")) not_after_ = kDifferentialNow;
    if (flaw(2, "first second")) not_before_ = kDifferentialNow;
    if (flaw(4, "no well-defined expiration")) not_after_ = der::kNoWellDefinedExpiration;
  }

  void set_usage(bool ca) {
    if (flaw(2, "CA flag turned round")) ca = !ca;
    if (ca || flaw(10, "empty basicConstraints"))
      extensions_.basic_constraints = x509::BasicConstraints{ca, {}};
    if (ca && flaw(20, "pathLen")) {
      extensions_.basic_constraints->path_len = static_cast<std::uint32_t>(random_() % 3);
    }
    if (!ca && flaw(1, "pathLen without CA"))
      extensions_.basic_constraints = x509::BasicConstraints{false, 1};
    if (flaw(1, "no basicConstraints")) extensions_.basic_constraints.reset();
    extensions_.key_usage = ca ? x509::kKeyCertSign | x509::kCrlSign : x509::kDigitalSignature;
    if (flaw(5, "no keyUsage")) extensions_.key_usage = 0;
    if (flaw(2, "other keyUsage")) extensions_.key_usage = x509::kCrlSign | x509::kDigitalSignature;
    if (!ca && flaw(1, "keyCertSign without CA")) extensions_.key_usage |= x509::kKeyCertSign;
    if (!flaw(is_root() ? 3 : 15, "EKU")) return;
    static constexpr std::array<Bytes, 4> kPurposes{Bytes(oid::kClientAuth), Bytes(oid::kServerAuth),
                                                    Bytes(oid::kCodeSigning),
                                                    Bytes(oid::kAnyExtendedKeyUsage)};
    const std::size_t count = 1 + random_() % 2;
    // Half of the time clientAuth comes first, so that chains with EKU are accepted too.
    const std::size_t first = chance(random_, 50) ? 0 : random_() % (kPurposes.size() - count + 1);
    extensions_.ext_key_usage = std::span(kPurposes).subspan(first, count);
  }

  void set_identifiers() {
    if (!flaw(4, "no subjectKeyIdentifier")) extensions_.subject_key_identifier = Bytes(key_->id).first(20);
    if (!flaw(4, "no authorityKeyIdentifier")) {
      extensions_.authority_key_identifier = Bytes(issuer_key_->id).first(20);
    }
    if (!is_root() && flaw(2, "other authorityKeyIdentifier")) {
      extensions_.authority_key_identifier = Bytes(kOtherId);
    }
  }

  void set_names(bool ca) {
    if (!ca && flaw(40, "subjectAltName")) {
      names_ = element(x509::kDnsName, as_bytes(pick_host()));
      if (chance(random_, 20)) {
        const Octets second = element(x509::kDirectoryName, common_name("Person"));
        names_.insert(names_.end(), second.begin(), second.end());
      }
      extensions_.subject_alt_name = names_;
    }
    if (!ca || !flaw(is_root() ? 5 : 12, "nameConstraints")) return;
    const bool by_host = chance(random_, 60);
    const Octets base =
        by_host ? element(x509::kDnsName, as_bytes(pick_domain()))
                : element(x509::kDirectoryName, common_name(chance(random_, 50) ? "Level 0" : "Person"));
    const Octets subtree = sequence({base});
    constraints_ = element(der::context_constructed(chance(random_, 50) ? 0 : 1), subtree);
    extensions_.name_constraints = constraints_;
  }

  void set_unknown() {
    constexpr std::array<std::uint8_t, 6> kUnknown{0x2b, 0x06, 0x01, 0x04, 0x01, 0x63};
    if (flaw(5, "unknown extension")) unknown_ = extension(kUnknown, false, unhex("0500"));
    if (flaw(2, "unknown critical extension")) unknown_ = extension(kUnknown, true, unhex("0500"));
    extensions_.extra = unknown_;
  }

  std::string_view pick_host() {
    constexpr std::string_view kHosts[] = {"a.example.com", "example.com", "EXAMPLE.com", "b.example.org",
                                           "notexample.com"};
    return kHosts[random_() % std::size(kHosts)];
  }
  std::string_view pick_domain() {
    constexpr std::string_view kDomains[] = {"example.com", "a.example.com", "org", "example.org"};
    return kDomains[random_() % std::size(kDomains)];
  }

  static constexpr std::array<std::uint8_t, 20> kOtherId{1, 2, 3};
  Random& random_;
  Case& case_;
  std::size_t level_;
  const PoolKey* key_ = nullptr;
  const PoolKey* issuer_key_ = nullptr;
  Octets subject_, issuer_, names_, constraints_, unknown_;
  der::UnixTime not_before_ = kDifferentialNow - 86400;
  der::UnixTime not_after_ = kDifferentialNow + 86400;
  x509::ExtensionSet extensions_;
};

/// A certificate below the root, or none where the chain is the root alone.
Octets* pick_victim(Case& subject, Random& random, std::size_t& index) {
  if (subject.chain.size() < 2) return nullptr;
  index = random() % (subject.chain.size() - 1);
  return &subject.chain[index];
}

}  // namespace

Case make_chain(Random& random) {
  Case made;
  const std::size_t count = 2 + random() % 4;
  std::vector<const PoolKey*> keys;
  while (keys.size() < count) {  // no key twice, or OpenSSL could find a shorter path than the one given
    const PoolKey& key = pick_key(random);
    if (std::find(keys.begin(), keys.end(), &key) == keys.end()) keys.push_back(&key);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t above = std::min(i + 1, count - 1);
    Draft draft(random, made, i);
    draft.fill("Level " + std::to_string(i), "Level " + std::to_string(above), *keys[i], *keys[above], i > 0);
    made.chain.push_back(draft.sign());
    made.issuers.push_back(keys[above]->key.view());
    const auto signed_by = x509::Certificate::parse(made.chain.back());
    const auto& algorithm = signed_by ? signed_by->signature_algorithm().signature : std::nullopt;
    if (algorithm && algorithm->scheme == crypto::Scheme::eddsa) made.ed25519_signer = true;
  }
  made.pin_key = chance(random, 30);
  made.send_root = made.pin_key || chance(random, 60);
  made.client = chance(random, 50);
  return made;
}

void mutate(Case& subject, Random& random) {
  std::size_t index = 0;
  Octets* victim = pick_victim(subject, random, index);
  if (victim == nullptr) return;
  if (chance(random, 10)) {
    victim->resize(random() % victim->size());
    subject.flaws += "cut short at level " + std::to_string(index);
    return;
  }
  for (std::size_t count = 1 + random() % 2; count > 0; --count) {
    const std::size_t at = random() % victim->size();
    (*victim)[at] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    subject.flaws += "level " + std::to_string(index) + " octet " + std::to_string(at) + " changed; ";
  }
}

void mutate_and_sign(Case& subject, Random& random) {
  std::size_t index = 0;
  Octets* victim = pick_victim(subject, random, index);
  const auto parsed = victim != nullptr ? x509::Certificate::parse(*victim) : fail(ErrorCode::truncated);
  if (!parsed) return;
  Octets tbs(parsed->tbs().begin(), parsed->tbs().end());
  const std::size_t at = 4 + random() % (tbs.size() - 4);
  tbs[at] ^= static_cast<std::uint8_t>(1U << (random() % 8));
  subject.flaws += "level " + std::to_string(index) + " tbs octet " + std::to_string(at) + " changed, signed";
  Octets buffer(4096);
  Writer writer(buffer);
  der::Builder builder(writer);
  builder.raw(tbs);
  const crypto::PrivateKey& signer = subject.issuers[index];
  const auto algorithm = parsed->signature_algorithm().signature;
  // A certificate that another key signed keeps its flaw.
  if (!algorithm || !belong_together(signer.type, algorithm->scheme)) return;
  if (!x509::sign_and_close(library(), signer, *algorithm, 0, builder)) return;
  const Bytes der = writer.written();
  victim->assign(der.begin(), der.end());
}

}  // namespace pedigree::testing
