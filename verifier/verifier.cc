// SPDX-License-Identifier: Apache-2.0
#include "verifier/verifier.h"

#include <algorithm>

#include "core/cose/cose.h"
#include "core/x509/test_keys.h"
#include "verifier/claim_checks.h"
#include "verifier/prove.h"
#include "verifier/replay_guard.h"

namespace pedigree::verifier {
namespace {

/// A key of the policy for tokens that bring no chain.
struct RawKey {
  x509::SubjectPublicKeyInfo spki;  ///< borrows from the policy
  bool test_key = false;
};

/// Digest of what is proven: the chain's octets, each certificate with its length, for one use of the key.
Result<Sha256> chain_digest(const crypto::Crypto& crypto, std::span<const Bytes> chain, KeyUse use) {
  std::array<std::uint8_t, 1 + 4 * x509::kMaxChainLength> heads{};
  std::array<Bytes, 1 + 2 * x509::kMaxChainLength> parts;
  heads[0] = static_cast<std::uint8_t>(use);
  std::size_t count = 0;
  parts[count++] = Bytes(heads).first(1);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Writer length(MutableBytes(heads).subspan(1 + 4 * i, 4));
    length.big_endian(chain[i].size(), 4);
    parts[count++] = length.written();
    parts[count++] = chain[i];
  }
  Sha256 digest{};
  PEDIGREE_TRY(crypto.digest(crypto::Hash::sha256, std::span(parts).first(count), digest));
  return digest;
}

}  // namespace

struct Verifier::State {
  State(const crypto::Crypto& library, Policy accepted, std::vector<const StatusSource*> asked,
        std::size_t cached)
      : crypto(library),
        policy(std::move(accepted)),
        sources(std::move(asked)),
        roots(policy),
        chains(cached) {
    for (const auto& key : policy.raw_keys) {
      const auto spki = x509::parse_spki(key);
      const auto hash = crypto.sha256(key);
      if (spki && spki->key) raw_keys.push_back({*spki, !hash || x509::is_test_key(*hash)});
    }
  }

  const crypto::Crypto& crypto;
  const Policy policy;
  const std::vector<const StatusSource*> sources;
  const Roots roots;
  std::vector<RawKey> raw_keys;
  mutable ProvenChains chains;
};

namespace {

/// One appraisal in the making.
class Run {
 public:
  Run(const crypto::Crypto& crypto, const Policy& policy, std::span<const StatusSource* const> sources,
      const Roots& roots, std::span<const RawKey> raw_keys, ProvenChains& chains, der::UnixTime now)
      : crypto_(crypto),
        policy_(policy),
        sources_(sources),
        roots_(roots),
        raw_keys_(raw_keys),
        chains_(chains),
        now_(now) {
    for (std::size_t i = 0; i < kCheckKinds; ++i) {
      set(static_cast<CheckKind>(i), Outcome::skipped, ErrorCode::not_checked);
    }
    out_.appraised_at = now;
  }

  Appraisal token(const Evidence& evidence) {
    if (!take(evidence.token, evidence.chain) || !read_claims()) return finish();
    if (!check_key(KeyUse::attestation)) return finish();
    const bool certified = out_.key_source == KeySource::chain;
    if (!certified) {
      auto& id = out_.device_id.emplace();
      std::ranges::copy(out_.claims->instance_id, id.begin());
      check_registry(out_, policy_, ask_device(sources_, id, now_));
    }
    check_claims(out_, policy_, evidence, certified);
    if (evidence.replay != nullptr) check_replay(*evidence.replay);
    return finish();
  }

  Appraisal data(const SignedData& data) {
    if (!take(data.message, data.chain)) return finish();
    if (!check_key(KeyUse::data)) return finish();
    if (out_.key_source == KeySource::chain) {
      const bool named = out_.device_id.has_value();
      set(CheckKind::identity, named ? Outcome::ok : Outcome::failed,
          named ? std::optional<ErrorCode>() : ErrorCode::device_mismatch);
    }
    return finish();
  }

 private:
  void set(CheckKind kind, Outcome outcome, std::optional<ErrorCode> code = {}, std::size_t where = 0) {
    set_check(out_, kind, outcome, code, static_cast<std::uint32_t>(where));
  }
  bool malformed(const Error& error, std::size_t base = 0) {
    set(CheckKind::structure, Outcome::failed, error.code, base + error.offset);
    return false;
  }
  Appraisal finish() {
    out_.verdict = verdict_of(out_);
    return std::move(out_);
  }

  /// Copies what is appraised and reads the COSE_Sign1.
  bool take(Bytes message, std::span<const Bytes> chain) {
    std::size_t total = message.size();
    for (const Bytes certificate : chain) total += certificate.size();
    if (total > kMaxEvidence) return malformed({ErrorCode::too_long, 0});
    out_.evidence.reserve(total);
    out_.evidence.assign(message.begin(), message.end());
    for (const Bytes certificate : chain) {
      out_.evidence.insert(out_.evidence.end(), certificate.begin(), certificate.end());
    }
    const Bytes copy(out_.evidence);
    auto parsed = cose::Sign1::parse(copy.first(message.size()));
    if (!parsed) return malformed(parsed.error());
    message_.emplace(*std::move(parsed));
    if (!message_->payload()) return malformed({ErrorCode::payload_missing, 0});
    out_.payload = *message_->payload();
    if (!chain.empty()) {
      std::size_t at = message.size();
      for (const Bytes certificate : chain) {
        out_.chain.push_back(copy.subspan(at, certificate.size()));
        at += certificate.size();
      }
    } else if (const auto& inside = message_->x5chain()) {
      out_.chain.assign(inside->view().begin(), inside->view().end());
    }
    set(CheckKind::structure, Outcome::ok);
    return true;
  }

  bool read_claims() {
    const auto claims = psa_token::Claims::parse(out_.payload);
    if (!claims) {
      return malformed(claims.error(), static_cast<std::size_t>(out_.payload.data() - out_.evidence.data()));
    }
    out_.claims = *claims;
    return true;
  }

  /// Whether the message is signed by a key that somebody vouches for. Whatever else is wrong with that key
  /// stands in its own check.
  bool check_key(KeyUse use) {
    if (out_.chain.empty()) return check_raw_keys();
    const bool proven = check_chain(use);
    if (key_.key.empty()) return false;
    const bool is_signed = check_signature(key_);
    if (!is_signed) {
      out_.attested_key.clear();
      out_.key_source = KeySource::none;
    }
    return is_signed && proven;
  }

  bool check_raw_keys() {
    bool tried = false;
    for (const RawKey& raw : raw_keys_) {
      if (cose::algorithm_for(raw.spki.key->type) != message_->algorithm()) continue;
      tried = true;
      if (!verify(*raw.spki.key)) continue;
      set(CheckKind::signature, Outcome::ok);
      out_.key_source = KeySource::raw_key;
      out_.attested_key.assign(raw.spki.whole.begin(), raw.spki.whole.end());
      check_test_key(out_, policy_, raw.test_key ? std::optional<std::size_t>(0) : std::nullopt);
      return true;
    }
    set(CheckKind::signature, Outcome::failed, tried ? ErrorCode::invalid_signature : ErrorCode::unknown_key);
    return false;
  }

  Result<void> verify(const crypto::PublicKey& key) const {
    constexpr std::size_t kRoom = 64;  // of the Sig_structure around payload and header
    const std::size_t needed = out_.payload.size() + message_->protected_header().size() + kRoom;
    std::array<std::uint8_t, 2048> small;
    if (needed <= small.size()) return message_->verify(crypto_, key, {}, small);
    std::vector<std::uint8_t> large(needed);
    return message_->verify(crypto_, key, {}, large);
  }

  bool check_signature(const crypto::PublicKey& key) {
    const auto verified = verify(key);
    if (verified) {
      set(CheckKind::signature, Outcome::ok);
    } else {
      set(CheckKind::signature, Outcome::failed, verified.error().code);
    }
    return verified.has_value();
  }

  bool check_chain(KeyUse use) {
    const bool cacheable = out_.chain.size() <= x509::kMaxChainLength;
    const auto digest = cacheable ? chain_digest(crypto_, out_.chain, use) : fail(ErrorCode::path_too_long);
    ProvenChain known = digest ? recall(*digest) : ProvenChain{};
    std::vector<x509::Certificate> certificates;
    const bool must_parse = known.path == nullptr || !holds(*known.standing, sources_, now_);
    if (must_parse && !parse(certificates)) return false;
    if (known.path == nullptr) {
      known.path = prove_path(certificates, use);
      if (known.path == nullptr) return false;
    }
    adopt(*known.path);
    if (must_parse) {
      known.standing = std::make_shared<const Standing>(
          ask_sources(sources_, policy_, roots_, certificates, known.path->anchor,
                      out_.device_id ? Bytes(*out_.device_id) : Bytes(), now_));
      const bool in_time = out_.check(CheckKind::validity).outcome == Outcome::ok;
      if (digest && in_time) chains_.put(*digest, known);
    }
    apply(*known.standing);
    path_ = std::move(known.path);
    return true;
  }

  /// What is remembered of the chain, if it is within its time.
  ProvenChain recall(const Sha256& digest) {
    auto known = chains_.find(digest);
    if (!known) return {};
    if (now_ < known->path->not_before || now_ > known->path->not_after) {
      chains_.remove(digest);
      return {};
    }
    out_.path.time_checked = true;
    out_.path.anchor = known->path->anchor;
    set(CheckKind::chain, Outcome::ok);
    set(CheckKind::validity, Outcome::ok);
    return *std::move(known);
  }

  bool parse(std::vector<x509::Certificate>& certificates) {
    std::size_t where = 0;
    auto parsed = parse_chain(out_.chain, where);
    if (parsed) {
      certificates = *std::move(parsed);
      return true;
    }
    out_.path = {parsed.error().code, where, parsed.error().offset, false, {}};
    set(CheckKind::chain, Outcome::failed, parsed.error().code, where);
    return false;
  }

  /// Null where the chain does not hold. The signature is then still checked, by a key that nobody vouches
  /// for, to tell a forged token from a foreign one.
  std::shared_ptr<const ProvenPath> prove_path(std::span<const x509::Certificate> certificates, KeyUse use) {
    Proof proof = prove(crypto_, roots_, certificates, use, now_);
    out_.path = proof.verdict;
    if (proof.validity) {
      set(CheckKind::validity, Outcome::failed, proof.validity, proof.validity_where);
    } else if (proof.path != nullptr) {
      set(CheckKind::validity, Outcome::ok);
    }
    if (proof.path != nullptr) {
      set(CheckKind::chain, Outcome::ok);
      return std::move(proof.path);
    }
    set(CheckKind::chain, Outcome::failed, proof.verdict.code, proof.verdict.index);
    const x509::SubjectPublicKeyInfo& leaf = certificates[0].spki();
    if (leaf.key) key_ = *leaf.key;
    return nullptr;
  }

  void adopt(const ProvenPath& path) {
    key_ = path.key;
    out_.key_source = KeySource::chain;
    out_.attested_key = path.spki;
    out_.anchor = roots_.number(path.anchor);
    out_.root = roots_.certificate(path.anchor);
    out_.device_id = path.device_id;
    check_test_key(out_, policy_, path.test_key);
    if (!path.purpose_stated && policy_.purpose_not_stated != Level::ignore) {
      set(CheckKind::chain, outcome_of(policy_.purpose_not_stated), ErrorCode::purpose_not_stated);
    }
    if (key_.key.empty()) {
      set(CheckKind::signature, Outcome::failed, ErrorCode::unsupported_algorithm);
    }
  }

  void apply(const Standing& standing) {
    set(CheckKind::revocation, standing.revocation_outcome, standing.revocation_code,
        standing.revocation_where);
    out_.revocation = standing.revocation;
    out_.revocation_source = standing.revocation_source;
    check_registry(out_, policy_, standing.device);
  }

  /// Last, so that a token which is rejected for another reason may be shown again.
  void check_replay(ReplayGuard& guard) {
    if (out_.check(CheckKind::freshness).outcome == Outcome::failed) return;
    const auto digest = crypto_.sha256(out_.payload);
    const bool rejected = verdict_of(out_) == Verdict::rejected;
    const bool seen = !digest || (rejected ? guard.knows(*digest, now_) : guard.seen_before(*digest, now_));
    if (seen) set(CheckKind::freshness, Outcome::failed, ErrorCode::replayed);
  }

  const crypto::Crypto& crypto_;
  const Policy& policy_;
  std::span<const StatusSource* const> sources_;
  const Roots& roots_;
  std::span<const RawKey> raw_keys_;
  ProvenChains& chains_;
  der::UnixTime now_;
  std::optional<cose::Sign1> message_;
  crypto::PublicKey key_;  ///< empty: none; borrows from `path_` or the evidence
  std::shared_ptr<const ProvenPath> path_;
  Appraisal out_;
};

}  // namespace

Verifier::Verifier(const crypto::Crypto& crypto, Policy policy, std::vector<const StatusSource*> sources,
                   std::size_t cached_chains)
    : state_(std::make_unique<State>(crypto, std::move(policy), std::move(sources), cached_chains)) {}

Verifier::~Verifier() = default;

Appraisal Verifier::appraise(const Evidence& evidence, der::UnixTime now) const {
  const State& state = *state_;
  return Run(state.crypto, state.policy, state.sources, state.roots, state.raw_keys, state.chains, now)
      .token(evidence);
}

Appraisal Verifier::verify_data(const SignedData& data, der::UnixTime now) const {
  const State& state = *state_;
  return Run(state.crypto, state.policy, state.sources, state.roots, state.raw_keys, state.chains, now)
      .data(data);
}

const Policy& Verifier::policy() const noexcept {
  return state_->policy;
}

}  // namespace pedigree::verifier
