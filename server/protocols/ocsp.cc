// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/ocsp.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <map>

#include "core/x509/oids.h"
#include "server/http/json.h"

namespace pedigree::protocols {

using Sha1 = std::array<std::uint8_t, 20>;

namespace {

constexpr x509::oid::Oid<5> kSha1{0x2b, 0x0e, 0x03, 0x02, 0x1a};
constexpr std::size_t kShards = 16;
/// RFC 5019 5 has 255 octets for a GET; clients that name SHA-256 send more.
constexpr std::size_t kMaxPath = 2048;
constexpr std::size_t kPage = 256;
/// Octets of an answer that nobody signs.
constexpr std::size_t kFailureSize = 5;

/// SHA-1 names issuers in OCSP (RFC 6960 4.1.1); nothing is trusted for it, so it is not in the crypto
/// contract.
Sha1 sha1(Bytes octets) {
  Sha1 digest{};
  EVP_Digest(octets.data(), octets.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return digest;
}

Sha1 key_hash(Bytes certificate) {
  const auto parsed = x509::Certificate::parse(certificate);
  return parsed && parsed->spki().key ? sha1(parsed->spki().key->key) : Sha1{};
}

}  // namespace

struct OcspResponder::Ca {
  const authority::Issuer* issuer = nullptr;
  Sha1 name_sha1{}, key_sha1{};
  Sha256 name_sha256{}, key_sha256{};
};

/// A signature, and all that is needed to write again what it is over.
struct OcspResponder::Kept {
  std::array<std::uint8_t, 72> signature{};
  std::uint8_t signature_size = 0;
  OcspStatement::State state{};
  x509::RevocationReason reason{};
  der::UnixTime revoked_at = 0;
  der::UnixTime this_update = 0;
  std::uint64_t generation = 0;
  std::shared_ptr<const Delegate> delegate;
};

struct OcspResponder::Shard {
  mutable std::mutex mutex;
  std::unordered_map<std::string, Kept> kept;  // by CertID
};

struct OcspResponder::Standing {
  OcspStatement::State state = OcspStatement::State::unknown;
  der::UnixTime revoked_at = 0;
  x509::RevocationReason reason{};
};

OcspResponder::OcspResponder(const Enrolment& enrolment, Delegates& delegates,
                             std::function<std::uint64_t()> generation)
    : enrolment_(enrolment),
      delegates_(delegates),
      generation_(std::move(generation)),
      shards_(std::make_unique<Shard[]>(kShards)) {
  const crypto::Crypto& crypto = enrolment.engine().crypto();
  for (const authority::Issuer& issuer : enrolment.engine().issuers()) {
    const auto certificate = x509::Certificate::parse(issuer.chain().front());
    if (!certificate || !certificate->spki().key) continue;
    const Bytes key = certificate->spki().key->key;
    const auto name = crypto.sha256(certificate->subject());
    const auto hash = crypto.sha256(key);
    if (!name || !hash) continue;
    cas_.push_back({&issuer, sha1(certificate->subject()), sha1(key), *name, *hash});
  }
}

OcspResponder::~OcspResponder() = default;

der::UnixTime OcspResponder::life() const {
  return der::UnixTime{enrolment_.config().ocsp_hours} * 3600;
}

const OcspResponder::Ca* OcspResponder::find_ca(const OcspTarget& target) const {
  const bool by_sha1 = equal(target.hash_algorithm, kSha1);
  if (!by_sha1 && !equal(target.hash_algorithm, x509::oid::kSha256)) return nullptr;
  const auto found = std::ranges::find_if(cas_, [&](const Ca& ca) {
    return by_sha1 ? equal(target.name_hash, ca.name_sha1) && equal(target.key_hash, ca.key_sha1)
                   : equal(target.name_hash, ca.name_sha256) && equal(target.key_hash, ca.key_sha256);
  });
  return found == cas_.end() ? nullptr : &*found;
}

std::optional<OcspResponder::Standing> OcspResponder::standing(const Ca& ca, Bytes serial) const {
  using State = OcspStatement::State;
  const std::string& name = ca.issuer->config().name;
  for (const Ca& below : cas_) {
    if (below.issuer->config().parent != name) continue;
    const auto certificate = x509::Certificate::parse(below.issuer->chain().front());
    if (!certificate || !equal(certificate->serial(), serial)) continue;
    const auto revoked = enrolment_.store().revoked_issuers();
    if (!revoked) return std::nullopt;
    for (const registry::IssuerRevocation& one : *revoked) {
      if (one.name == below.issuer->config().name) return Standing{State::revoked, one.when, one.reason};
    }
    return Standing{State::good, 0, {}};
  }
  const auto own = registry_serial(serial);
  if (!own) return Standing{};
  const auto found = enrolment_.store().standing(*own);
  if (!found && found.error().code != ErrorCode::not_found) return std::nullopt;
  if (!found || found->issuer != name) return Standing{};
  if (found->state != registry::CertificateState::revoked) return Standing{State::good, 0, {}};
  return Standing{State::revoked, found->revoked_at, found->reason};
}

std::optional<OcspResponder::Kept> OcspResponder::sign(const Ca& ca, Bytes target, const Standing& standing,
                                                       std::uint64_t generation, der::UnixTime now) {
  auto delegate = delegates_.find(ca.issuer->config().name, now);
  if (!delegate) return std::nullopt;
  Kept kept;
  kept.state = standing.state;
  kept.revoked_at = standing.revoked_at;
  kept.reason = standing.reason;
  kept.this_update = now;
  kept.generation = generation;
  kept.delegate = *std::move(delegate);
  const OcspStatement statement{target, kept.state, kept.revoked_at, kept.reason};
  const Sha1 responder = key_hash(kept.delegate->certificate);
  const authority::Der data = ocsp_data({responder, now, now + life(), {&statement, 1}, {}});
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> raw{};
  const auto signature = enrolment_.engine().crypto().sign(
      kept.delegate->key, crypto::default_algorithm(crypto::KeyType::p256), data, raw);
  if (!signature) return std::nullopt;
  Writer writer(kept.signature);
  der::Builder out(writer);
  der::ecdsa_from_raw(*signature, out);
  if (!writer.fits()) return std::nullopt;
  kept.signature_size = static_cast<std::uint8_t>(writer.size());
  return kept;
}

authority::Der OcspResponder::assemble(const Ca& /*ca*/, Bytes target, const Kept& kept) const {
  const OcspStatement statement{target, kept.state, kept.revoked_at, kept.reason};
  const Sha1 responder = key_hash(kept.delegate->certificate);
  const authority::Der data =
      ocsp_data({responder, kept.this_update, kept.this_update + life(), {&statement, 1}, {}});
  return ocsp_answer(data, Bytes(kept.signature).first(kept.signature_size), kept.delegate->certificate);
}

void OcspResponder::keep(const std::string& name, const Kept& kept) {
  Shard& shard = shards_[std::hash<std::string>{}(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const bool full = shard.kept.size() >= kMaxKept / kShards && !shard.kept.contains(name);
  if (full) shard.kept.erase(shard.kept.begin());
  shard.kept.insert_or_assign(name, kept);
}

bool OcspResponder::is_kept(const std::string& name) const {
  const Shard& shard = shards_[std::hash<std::string>{}(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  return shard.kept.contains(name);
}

std::size_t OcspResponder::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    count += shards_[i].kept.size();
  }
  return count;
}

authority::Der OcspResponder::answer_kept(const Ca& ca, const OcspTarget& target) {
  const der::UnixTime now = enrolment_.now();
  const std::uint64_t generation = generation_();
  const std::string name(as_text(target.whole));
  Shard& shard = shards_[std::hash<std::string>{}(name) % kShards];
  std::optional<Kept> kept;
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.kept.find(name);
    if (found != shard.kept.end()) kept = found->second;
  }
  // Three quarters: whoever fetches one has it for a while.
  const bool fresh = kept && now >= kept->this_update && now < kept->this_update + life() * 3 / 4;
  if (fresh && kept->generation == generation) return assemble(ca, target.whole, *kept);
  const auto standing_now = standing(ca, target.serial);
  if (!standing_now) return ocsp_failure(OcspFailure::try_later);
  if (fresh && kept->state == standing_now->state) {
    kept->generation = generation;
  } else {
    auto made = sign(ca, target.whole, *standing_now, generation, now);
    if (made) {
      kept = *std::move(made);
    } else {
      // The token of the issuer's key is away: what was signed before holds until it ends.
      const bool holds = kept && now >= kept->this_update && now < kept->this_update + life() &&
                         kept->state == standing_now->state;
      return holds ? assemble(ca, target.whole, *kept) : ocsp_failure(OcspFailure::try_later);
    }
  }
  // Of numbers that do not exist there are too many to keep.
  if (kept->state != OcspStatement::State::unknown) keep(name, *kept);
  return assemble(ca, target.whole, *kept);
}

authority::Der OcspResponder::answer_live(const OcspQuery& query) {
  const der::UnixTime now = enrolment_.now();
  const Ca* ca = find_ca(query.targets.front());
  std::vector<OcspStatement> statements;
  for (const OcspTarget& target : query.targets) {
    // One responder signs, so all must be of its issuer.
    if (find_ca(target) != ca) return ocsp_failure(OcspFailure::unauthorized);
    const auto known = standing(*ca, target.serial);
    if (!known) return ocsp_failure(OcspFailure::try_later);
    statements.push_back({target.whole, known->state, known->revoked_at, known->reason});
  }
  const auto delegate = delegates_.find(ca->issuer->config().name, now);
  if (!delegate) return ocsp_failure(OcspFailure::try_later);
  const Sha1 responder = key_hash((*delegate)->certificate);
  const authority::Der data = ocsp_data({responder, now, now + life(), statements, query.nonce});
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> raw{};
  const auto signature = enrolment_.engine().crypto().sign(
      (*delegate)->key, crypto::default_algorithm(crypto::KeyType::p256), data, raw);
  if (!signature) return ocsp_failure(OcspFailure::internal);
  std::array<std::uint8_t, 80> encoded{};
  Writer writer(encoded);
  der::Builder out(writer);
  der::ecdsa_from_raw(*signature, out);
  return ocsp_answer(data, writer.written(), (*delegate)->certificate);
}

authority::Der OcspResponder::answer(Bytes request) {
  const auto query = parse_ocsp_request(request);
  if (!query) return ocsp_failure(OcspFailure::malformed);
  const Ca* ca = find_ca(query->targets.front());
  if (ca == nullptr) return ocsp_failure(OcspFailure::unauthorized);
  if (query->nonce.empty() && query->targets.size() == 1) return answer_kept(*ca, query->targets.front());
  return answer_live(*query);
}

std::size_t OcspResponder::presign(const std::atomic<bool>& stop) {
  const std::size_t renewed = renew_spent(stop);
  return renewed + sign_new(stop);
}

bool OcspResponder::renew(const Ca& ca, Bytes target, const Standing& known, std::uint64_t generation,
                          der::UnixTime now) {
  const auto kept = sign(ca, target, known, generation, now);
  if (kept) keep(std::string(as_text(target)), *kept);
  return kept.has_value();
}

std::size_t OcspResponder::renew_spent(const std::atomic<bool>& stop) {
  const der::UnixTime now = enrolment_.now();
  // Before any standing is read: what is revoked in between makes the answer an old one.
  const std::uint64_t generation = generation_();
  std::size_t count = 0;
  for (std::size_t i = 0; i < kShards && !stop; ++i) {
    std::vector<std::string> spent;
    {
      const std::lock_guard lock(shards_[i].mutex);
      for (const auto& [name, kept] : shards_[i].kept) {
        if (now >= kept.this_update + life() / 2) spent.push_back(name);
      }
    }
    for (const std::string& name : spent) {
      if (stop) break;
      Reader in(as_bytes(name));
      const auto target = read_ocsp_target(in);
      const Ca* ca = target ? find_ca(*target) : nullptr;
      if (ca == nullptr) continue;
      const auto known = standing(*ca, target->serial);
      if (known && renew(*ca, target->whole, *known, generation, now)) ++count;
    }
  }
  return count;
}

std::size_t OcspResponder::sign_new(const std::atomic<bool>& stop) {
  const der::UnixTime now = enrolment_.now();
  std::size_t count = 0;
  std::map<const Ca*, bool> can_sign;    // by a delegate, which cannot be had while a token is away
  std::optional<std::int64_t> left_out;  // the first certificate that is signed for next time
  // By SHA-1, which nearly every client names.
  while (!stop && size() < kMaxKept) {
    const std::uint64_t generation = generation_();  // as in renew_spent
    const auto page = enrolment_.store().standings(presigned_to_, kPage);
    if (!page || page->empty()) break;
    for (const registry::Standing& one : *page) {
      const auto ca = std::ranges::find_if(
          cas_, [&](const Ca& each) { return each.issuer->config().name == one.issuer; });
      presigned_to_ = one.number;
      if (ca == cas_.end() || one.not_after < now) continue;
      const auto [known, fresh] = can_sign.try_emplace(&*ca, false);
      if (fresh) known->second = delegates_.find(one.issuer, now).has_value();
      if (!known->second) {
        left_out = left_out.value_or(one.number);
        continue;
      }
      const authority::Der target = ocsp_target(kSha1, ca->name_sha1, ca->key_sha1, one.serial);
      if (is_kept(std::string(as_text(target)))) continue;  // it was asked for already
      const bool gone = one.state == registry::CertificateState::revoked;
      const Standing standing{gone ? OcspStatement::State::revoked : OcspStatement::State::good,
                              one.revoked_at, one.reason};
      if (renew(*ca, target, standing, generation, now)) ++count;
    }
  }
  if (left_out) presigned_to_ = *left_out - 1;
  return count;
}

void OcspResponder::handle(std::string_view below, const http::Request& request,
                           const http::Respond& respond) {
  const auto send = [&](unsigned status, const authority::Der& der, std::string fields) {
    respond({status, "application/ocsp-response", std::string(as_text(der)), std::move(fields)});
  };
  if (request.method == http::Method::get) {
    const auto octets = decode_ocsp_path(below);
    if (!octets) return send(400, ocsp_failure(OcspFailure::malformed), {});
    const authority::Der der = answer(*octets);
    // A cache may keep it (RFC 5019 6), but not a failure; one with a nonce is asked for once in any case.
    const bool signed_one = der.size() > kFailureSize;
    return send(
        200, der,
        signed_one ? fmt::format("Cache-Control: public, max-age={}\r\n", life() / 4) : std::string());
  }
  const bool posted = request.method == http::Method::post && below.empty();
  if (!posted || !http::is_media_type(request.content_type, "application/ocsp-request") ||
      request.body.size() > 65536) {
    return send(posted ? 415 : 405, ocsp_failure(OcspFailure::malformed), {});
  }
  send(200, answer(as_bytes(request.body)), {});
}

std::optional<std::vector<std::uint8_t>> decode_ocsp_path(std::string_view below) {
  if (!below.starts_with('/') || below.size() > kMaxPath) return std::nullopt;
  below.remove_prefix(1);
  std::string text;
  for (std::size_t i = 0; i < below.size(); ++i) {
    if (below[i] != '%') {
      text += below[i];
      continue;
    }
    const auto digit = [&](std::size_t at) -> int {
      if (at >= below.size()) return -1;
      const char c = below[at];
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'a' && c <= 'f') return c - 'a' + 10;
      return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    const int high = digit(i + 1);
    const int low = digit(i + 2);
    if (high < 0 || low < 0) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  auto octets = http::from_base64(text);
  if (!octets || octets->empty()) return std::nullopt;
  return octets;
}

}  // namespace pedigree::protocols
