// SPDX-License-Identifier: Apache-2.0
#include "verifier/prove.h"

#include "core/der/cursor.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/test_keys.h"

namespace pedigree::verifier {
namespace {

using x509::Certificate;
using DeviceId = std::array<std::uint8_t, psa_token::kInstanceIdSize>;

int hex_digit(std::uint8_t c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The subject's serialNumber as a device id: 66 hex digits.
std::optional<DeviceId> device_id_of(const Certificate& leaf) {
  const Bytes text = x509::find_attribute(leaf.subject(), x509::oid::kSerialNumber);
  DeviceId id{};
  if (text.size() != 2 * id.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

bool lists_purpose(const Certificate& leaf, Bytes purpose) {
  const auto& listed = leaf.extensions().ext_key_usage;
  if (!listed) return false;
  for (der::Cursor in(*listed); in.more();) {
    in.oid();
    if (equal(in.content(), purpose)) return true;
  }
  return false;
}

std::optional<std::size_t> find_test_key(const crypto::Crypto& crypto, std::span<const Certificate> chain,
                                         const std::optional<Certificate>& root) {
  const auto is_test_key = [&crypto](const Certificate& certificate) {
    const auto hash = crypto.sha256(certificate.spki().whole);
    return !hash || x509::is_test_key(*hash);
  };
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (is_test_key(chain[i])) return i;
  }
  if (root && is_test_key(*root)) return chain.size();
  return std::nullopt;
}

std::shared_ptr<ProvenPath> describe(const crypto::Crypto& crypto, const Roots& roots,
                                     std::span<const Certificate> chain, KeyUse use, std::size_t anchor) {
  const auto& root = roots.anchors()[anchor].certificate;
  auto path = std::make_shared<ProvenPath>();
  const Bytes spki = chain[0].spki().whole;
  path->spki.assign(spki.begin(), spki.end());
  const auto parsed = x509::parse_spki(path->spki);
  if (parsed && parsed->key) path->key = *parsed->key;
  path->anchor = anchor;
  path->not_before = chain[0].not_before();
  path->not_after = chain[0].not_after();
  const auto narrow = [&path](const Certificate& certificate) {
    path->not_before = std::max(path->not_before, certificate.not_before());
    path->not_after = std::min(path->not_after, certificate.not_after());
  };
  for (const Certificate& certificate : chain.subspan(1)) narrow(certificate);
  if (root) narrow(*root);
  path->device_id = device_id_of(chain[0]);
  path->test_key = find_test_key(crypto, chain, root);
  path->purpose_stated = lists_purpose(chain[0], purpose_oid(use));
  return path;
}

/// Who signed the certificate at `index`; null: it is the root, whom nobody revokes.
const Certificate* issuer_of(const x509::TrustAnchor& anchor, std::span<const Certificate> chain,
                             std::size_t index) noexcept {
  if (index + 1 < chain.size()) return &chain[index + 1];
  const bool is_root = !anchor.certificate || equal(anchor.certificate->der(), chain[index].der());
  return is_root ? nullptr : &*anchor.certificate;
}

/// The certificate's status by whoever knows most: revoked, good, stale, unknown.
struct Told {
  CertificateStatus status;
  std::string_view source;
};
Told ask_certificate(std::span<const StatusSource* const> sources, const Certificate& certificate,
                     const Certificate& issuer, der::UnixTime now) {
  using State = CertificateStatus::State;
  Told best;
  for (const StatusSource* source : sources) {
    const CertificateStatus status = source->certificate(certificate, issuer, now);
    const bool better = status.state == State::revoked ||
                        (status.state == State::good && best.status.state != State::good) ||
                        (status.state == State::stale && best.status.state == State::unknown);
    if (better) best = {status, source->name()};
    if (status.state == State::revoked) break;
  }
  return best;
}

int weight(DeviceStatus::State state) noexcept {
  switch (state) {
    case DeviceStatus::State::not_asked:
      return 0;
    case DeviceStatus::State::unknown:
      return 1;
    case DeviceStatus::State::stale:
      return 2;
    case DeviceStatus::State::known:
      return 3;
    case DeviceStatus::State::suspended:
    case DeviceStatus::State::retired:
    case DeviceStatus::State::revoked:
      break;
  }
  return 4;
}

void conclude(Standing& standing, const Policy& policy, const Told& told, std::size_t index) {
  using State = CertificateStatus::State;
  const auto set = [&](Outcome outcome, ErrorCode code) {
    standing.revocation_outcome = outcome;
    standing.revocation_code = code;
    standing.revocation_where = static_cast<std::uint32_t>(index);
    standing.revocation_source = told.source;
  };
  standing.fresh_until = std::min(standing.fresh_until, told.status.fresh_until);
  switch (told.status.state) {
    case State::revoked:
      if (standing.revocation) return;
      standing.revocation = told.status.revocation.value_or(Revocation{});
      return set(Outcome::failed, index == 0 ? ErrorCode::revoked : ErrorCode::issuer_revoked);
    case State::good:
      if (standing.revocation_code == ErrorCode::not_checked) {
        standing.revocation_code.reset();
        standing.revocation_outcome = Outcome::ok;
        standing.revocation_source = told.source;
      }
      return;
    case State::stale:
    case State::unknown: {
      const bool stale = told.status.state == State::stale;
      // An answer that may be another one the next moment is not remembered.
      standing.fresh_until = standing.asked_at - 1;
      const bool settled = standing.revocation || standing.revocation_code == ErrorCode::status_stale ||
                           (!stale && standing.revocation_code == ErrorCode::status_unknown);
      if (settled) return;
      return set(outcome_of(policy.unknown_revocation),
                 stale ? ErrorCode::status_stale : ErrorCode::status_unknown);
    }
  }
}

}  // namespace

Bytes purpose_oid(KeyUse use) noexcept {
  return use == KeyUse::attestation ? Bytes(x509::oid::kAttestationKey) : Bytes(x509::oid::kDocumentSigning);
}

Roots::Roots(const Policy& policy) {
  for (std::size_t i = 0; i < policy.roots.size(); ++i) {
    auto octets = std::make_shared<const std::vector<std::uint8_t>>(policy.roots[i]);
    const auto certificate = Certificate::parse(*octets);
    if (!certificate) continue;  // load_policy refuses it; nothing ends at a root that cannot be read
    anchors_.push_back({.certificate = *certificate, .spki_sha256 = {}, .root_spki = {}});
    certificates_.push_back(std::move(octets));
    numbers_.push_back(i);
  }
  for (std::size_t i = 0; i < policy.root_spki_sha256.size(); ++i) {
    anchors_.push_back({.certificate = {}, .spki_sha256 = policy.root_spki_sha256[i], .root_spki = {}});
    certificates_.push_back(nullptr);
    numbers_.push_back(policy.roots.size() + i);
  }
}

Result<std::vector<Certificate>> parse_chain(std::span<const Bytes> chain, std::size_t& where) {
  where = 0;
  if (chain.empty()) return fail(ErrorCode::empty_chain);
  if (chain.size() > x509::kMaxChainLength) return fail(ErrorCode::path_too_long);
  std::vector<Certificate> certificates;
  certificates.reserve(chain.size());
  for (const Bytes der : chain) {
    PEDIGREE_ASSIGN(const Certificate certificate, Certificate::parse(der));
    certificates.push_back(certificate);
    ++where;
  }
  return certificates;
}

Proof prove(const crypto::Crypto& crypto, const Roots& roots, std::span<const Certificate> chain, KeyUse use,
            der::UnixTime now) {
  x509::PathOptions options;
  options.anchors = roots.anchors();
  options.time = now;
  options.key_purpose = purpose_oid(use);
  options.leaf_key_usage = x509::kDigitalSignature;
  Proof proof{.verdict = x509::validate_path(crypto, chain, options),
              .validity = {},
              .validity_where = 0,
              .path = {}};
  if (proof.verdict.code == ErrorCode::expired || proof.verdict.code == ErrorCode::not_yet_valid) {
    proof.validity = proof.verdict.code;
    proof.validity_where = proof.verdict.index;
    // Whether it would hold at another time: "expired" is not to hide a forgery.
    options.time.reset();
    proof.verdict = x509::validate_path(crypto, chain, options);
  }
  if (proof.verdict.trusted()) proof.path = describe(crypto, roots, chain, use, *proof.verdict.anchor);
  return proof;
}

DeviceStatus ask_device(std::span<const StatusSource* const> sources, Bytes device_id, der::UnixTime now) {
  DeviceStatus best;
  if (device_id.empty()) return best;
  for (const StatusSource* source : sources) {
    const DeviceStatus status = source->device(device_id, now);
    if (weight(status.state) > weight(best.state)) best = status;
  }
  return best;
}

Standing ask_sources(std::span<const StatusSource* const> sources, const Policy& policy, const Roots& roots,
                     std::span<const Certificate> chain, std::size_t anchor, Bytes device_id,
                     der::UnixTime now) {
  Standing standing;
  standing.asked_at = now;
  standing.fresh_until = der::kNoWellDefinedExpiration;
  standing.revocation_code = ErrorCode::not_checked;
  // Before the answers: a change that comes meanwhile is then seen at the next call.
  for (const StatusSource* source : sources) standing.generations.push_back(source->generation());
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Certificate* issuer = issuer_of(roots.anchors()[anchor], chain, i);
    if (issuer != nullptr) conclude(standing, policy, ask_certificate(sources, chain[i], *issuer, now), i);
  }
  standing.device = ask_device(sources, device_id, now);
  standing.fresh_until = std::min(standing.fresh_until, standing.device.fresh_until);
  if (standing.device.state == DeviceStatus::State::unknown ||
      standing.device.state == DeviceStatus::State::stale) {
    standing.fresh_until = now - 1;
  }
  // Where there is nobody to ask, the answer cannot change.
  if (sources.empty()) standing.fresh_until = der::kNoWellDefinedExpiration;
  return standing;
}

bool holds(const Standing& standing, std::span<const StatusSource* const> sources,
           der::UnixTime now) noexcept {
  // A clock that went back asks again too.
  if (now < standing.asked_at || now > standing.fresh_until) return false;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i]->generation() != standing.generations[i]) return false;
  }
  return true;
}

}  // namespace pedigree::verifier
