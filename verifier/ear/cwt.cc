// SPDX-License-Identifier: Apache-2.0
#include "core/cose/cose.h"
#include "verifier/ear/claims.h"

namespace pedigree::verifier {
namespace {

// RFC 8392 4, RFC 9711 (IANA), draft-ietf-rats-ear 9.1.
enum ClaimKey : std::uint64_t {
  kExpires = 4,
  kIssuedAt = 6,
  kNonce = 10,
  kUeid = 256,
  kProfile = 265,
  kSubmodules = 266,
  kStatus = 1000,
  kTrustVector = 1001,
  kRawEvidence = 1002,
  kPolicyIds = 1003,
  kVerifierId = 1004,
};
constexpr std::int64_t kKeyAttestation = -70002;  // draft-ietf-rats-ear 4.6: ear_veraison_key_attestation
constexpr std::int64_t kReason = -80002;          // docs/formats.md

/// A map whose count is known when it has been filled.
class MapWriter {
 public:
  explicit MapWriter(std::vector<std::uint8_t>& buffer) : out_(buffer), encoder_(out_) {}
  cbor::Encoder& key(std::uint64_t number) {
    ++count_;
    encoder_.uint(number);
    return encoder_;
  }
  cbor::Encoder& private_key(std::int64_t number) {
    ++count_;
    encoder_.integer(number);
    return encoder_;
  }
  /// The map, with its head.
  void finish(cbor::Encoder& into) const {
    into.map(count_);
    into.raw(out_.written());
  }

 private:
  Writer out_;
  cbor::Encoder encoder_;
  std::size_t count_ = 0;
};

void write_vector(const TrustVector& vector, cbor::Encoder& out) {
  std::size_t count = 0;
  for (const auto& claim : vector) count += claim ? 1 : 0;
  out.map(count);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!vector[i]) continue;
    out.uint(i);
    out.integer(*vector[i]);
  }
}

void write_reason(const Appraisal& appraisal, const Check& reason, cbor::Encoder& out) {
  out.map(3);
  out.tstr("check");
  out.tstr(name(reason.kind));
  out.tstr("code");
  out.tstr(reason.code ? pedigree::name(*reason.code) : std::string_view());
  out.tstr("sentence");
  out.tstr(sentence(appraisal, reason));
}

void write_submodule(const Appraisal& appraisal, const EarOptions& options, MapWriter& out) {
  if (appraisal.claims) out.key(kNonce).bstr(appraisal.claims->nonce);
  if (appraisal.device_id && appraisal.verdict != Verdict::rejected)
    out.key(kUeid).bstr(*appraisal.device_id);
  out.key(kStatus).uint(trust_tier(appraisal.verdict));
  write_vector(trust_vector(appraisal), out.key(kTrustVector));
  if (!options.policy.empty()) {
    cbor::Encoder& ids = out.key(kPolicyIds);
    ids.array(1);
    ids.tstr(options.policy);
  }
  if (names_key(appraisal)) {
    cbor::Encoder& attested = out.private_key(kKeyAttestation);
    attested.map(1);
    attested.tstr("akpub");
    attested.bstr(appraisal.attested_key);
  }
  if (const Check* reason = appraisal.reason(); reason != nullptr) {
    write_reason(appraisal, *reason, out.private_key(kReason));
  }
}

void write_claims(const Appraisal& appraisal, const EarOptions& options, MapWriter& out,
                  const MapWriter& submodule) {
  if (options.lifetime) out.key(kExpires).integer(options.issued_at + *options.lifetime);
  out.key(kIssuedAt).integer(options.issued_at);
  if (!options.nonce.empty()) out.key(kNonce).bstr(options.nonce);
  out.key(kProfile).tstr(kEarProfile);
  cbor::Encoder& submodules = out.key(kSubmodules);
  submodules.map(1);
  submodules.tstr(kEarSubmodule);
  submodule.finish(submodules);
  out.key(kStatus).uint(trust_tier(appraisal.verdict));
  if (options.raw_evidence) out.key(kRawEvidence).bstr(appraisal.evidence);
  cbor::Encoder& verifier = out.key(kVerifierId);
  verifier.map(2);
  verifier.uint(0);
  verifier.tstr(options.developer);
  verifier.uint(1);
  verifier.tstr(kEarBuild);
}

}  // namespace

Result<std::vector<std::uint8_t>> write_ear_cwt(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                                const Appraisal& appraisal, const EarOptions& options) {
  PEDIGREE_TRY(check_ear_options(options));
  PEDIGREE_ASSIGN(const Sha256 key_id, ear_key_id(crypto, key));
  const std::size_t room = 8192 + appraisal.evidence.size() + appraisal.attested_key.size() +
                           options.policy.size() + options.developer.size();
  std::vector<std::uint8_t> inner(room);
  std::vector<std::uint8_t> outer(room);
  std::vector<std::uint8_t> whole(room);
  MapWriter submodule(inner);
  write_submodule(appraisal, options, submodule);
  MapWriter claims(outer);
  write_claims(appraisal, options, claims, submodule);
  Writer out(whole);
  cbor::Encoder encoder(out);
  claims.finish(encoder);
  PEDIGREE_ASSIGN(const Bytes payload, out.finish());
  std::vector<std::uint8_t> buffer(2 * room);
  PEDIGREE_ASSIGN(const Bytes message,
                  cose::write_sign1(crypto, {.payload = payload, .key_id = key_id}, key, buffer));
  return std::vector<std::uint8_t>(message.begin(), message.end());
}

}  // namespace pedigree::verifier
