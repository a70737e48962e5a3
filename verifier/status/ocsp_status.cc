// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/ocsp_status.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "verifier/status/ocsp.h"
#include "verifier/status/signers.h"

namespace pedigree::verifier {
namespace {

using x509::Certificate;
using x509::oid::Oid;

// RFC 3279 2.1. SHA-1 is what most clients put into a CertID, and what byKey is; nothing is signed with it.
constexpr Oid<5> kSha1{0x2b, 0x0e, 0x03, 0x02, 0x1a};
constexpr std::size_t kMaxResponders = 8;

const EVP_MD* digest_of(Bytes oid) {
  if (equal(oid, kSha1)) return EVP_sha1();
  if (equal(oid, x509::oid::kSha256)) return EVP_sha256();
  if (equal(oid, x509::oid::kSha384)) return EVP_sha384();
  if (equal(oid, x509::oid::kSha512)) return EVP_sha512();
  return nullptr;
}

bool is_digest(Bytes oid, Bytes data, Bytes expected) {
  const EVP_MD* algorithm = digest_of(oid);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> value{};
  unsigned size = 0;
  return algorithm != nullptr &&
         EVP_Digest(data.data(), data.size(), value.data(), &size, algorithm, nullptr) == 1 &&
         equal(Bytes(value).first(size), expected);
}

// The public key as the hashes of OCSP take it: the BIT STRING's octets.
Bytes key_octets(const Certificate& certificate) {
  return certificate.spki().key ? certificate.spki().key->key : Bytes{};
}

bool lists_ocsp_signing(const Certificate& certificate) {
  if (!certificate.extensions().ext_key_usage) return false;
  for (Reader in(*certificate.extensions().ext_key_usage); !in.empty();) {
    const auto purpose = der::read_oid(in);
    if (!purpose) return false;
    if (equal(*purpose, x509::oid::kOcspSigning)) return true;
  }
  return false;
}

std::string_view as_key(Bytes serial) {
  return as_text(serial);
}

}  // namespace

/// A response, and what is known of its signature.
class OcspStatus::Response {
 public:
  static Result<std::shared_ptr<const Response>> make(std::vector<std::uint8_t> der) {
    auto response = std::make_shared<Response>(std::move(der));
    PEDIGREE_ASSIGN(response->view_, OcspResponse::parse(response->der_));
    return std::shared_ptr<const Response>(std::move(response));
  }
  explicit Response(std::vector<std::uint8_t> der) : der_(std::move(der)) {}

  [[nodiscard]] const OcspResponse& view() const noexcept { return *view_; }

  /// Until when it may speak for this issuer; empty: not now.
  [[nodiscard]] std::optional<der::UnixTime> may_speak_for(const crypto::Crypto& crypto,
                                                           const Certificate& issuer,
                                                           der::UnixTime now) const {
    const Signer signer = signers_.about(issuer.spki().whole, [&] { return find_signer(crypto, issuer); });
    if (!signer.known || now < signer.not_before || now > signer.not_after) return std::nullopt;
    return signer.not_after;
  }

 private:
  struct Signer {
    bool known = false;
    der::UnixTime not_before = der::kNoWellDefinedExpiration;
    der::UnixTime not_after = 0;
  };

  [[nodiscard]] bool names(const Certificate& certificate) const {
    if (view_->responder_name().empty()) {
      return is_digest(kSha1, key_octets(certificate), view_->responder_key_hash());
    }
    return x509::names_match(view_->responder_name(), certificate.subject());
  }

  [[nodiscard]] bool is_signed_by(const crypto::Crypto& crypto, const Certificate& certificate) const {
    return x509::verify_signature(crypto, certificate.spki(), view_->signature_algorithm(), view_->tbs(),
                                  view_->signature())
        .has_value();
  }

  // A responder that the issuer named (RFC 6960 4.2.2.2): the issuer itself signed its certificate.
  [[nodiscard]] static bool is_delegate(const crypto::Crypto& crypto, const Certificate& responder,
                                        const Certificate& issuer) {
    const x509::Extensions& extensions = responder.extensions();
    if (!lists_ocsp_signing(responder) || extensions.unknown_critical || extensions.policies_critical) {
      return false;
    }
    if (extensions.key_usage && (*extensions.key_usage & x509::kDigitalSignature) == 0) return false;
    return x509::names_match(responder.issuer(), issuer.subject()) &&
           x509::verify_signature(crypto, issuer.spki(), responder.signature_algorithm(), responder.tbs(),
                                  responder.signature())
               .has_value();
  }

  [[nodiscard]] Signer find_signer(const crypto::Crypto& crypto, const Certificate& issuer) const {
    // The issuer's own validity is path validation's matter.
    if (names(issuer) && is_signed_by(crypto, issuer)) return {true, 0, der::kNoWellDefinedExpiration};
    std::size_t count = 0;
    for (Reader in(view_->certificates()); !in.empty() && count < kMaxResponders; ++count) {
      const auto element = der::read(in, der::kSequence);
      if (!element) break;
      const auto responder = Certificate::parse(element->whole);
      if (!responder || !names(*responder) || !is_delegate(crypto, *responder, issuer)) continue;
      if (is_signed_by(crypto, *responder)) return {true, responder->not_before(), responder->not_after()};
    }
    return {};
  }

  std::vector<std::uint8_t> der_;
  std::optional<OcspResponse> view_;
  Signers<Signer> signers_;
};

struct OcspStatus::Answer {
  std::shared_ptr<const Response> response;
  OcspSingle single;              // borrows from the response
  der::UnixTime valid_until = 0;  // of the signer; set when it is asked for
};

OcspStatus::OcspStatus(const crypto::Crypto& crypto, OcspLimits limits) : crypto_(crypto), limits_(limits) {}
OcspStatus::~OcspStatus() = default;

Result<void> OcspStatus::add(std::vector<std::uint8_t> der, std::optional<Bytes> nonce) {
  PEDIGREE_ASSIGN(const auto response, Response::make(std::move(der)));
  const OcspResponse& view = response->view();
  if (nonce && (!view.nonce() || !equal(*view.nonce(), *nonce))) return fail(ErrorCode::bad_nonce);
  std::vector<OcspSingle> singles;
  for (Reader in(view.answers()); !in.empty();) {
    PEDIGREE_ASSIGN(const OcspSingle single, OcspResponse::read_single(in));
    singles.push_back(single);
  }
  const std::unique_lock lock(mutex_);
  for (const OcspSingle& single : singles) {
    answers_.emplace(as_key(single.id.serial), Answer{response, single, 0});
  }
  ++generation_;
  return {};
}

void OcspStatus::clear() {
  const std::unique_lock lock(mutex_);
  answers_.clear();
  ++generation_;
}

std::size_t OcspStatus::size() const {
  const std::shared_lock lock(mutex_);
  return answers_.size();
}

std::uint64_t OcspStatus::generation() const noexcept {
  return generation_;
}

std::optional<OcspStatus::Answer> OcspStatus::latest(const Certificate& certificate,
                                                     const Certificate& issuer, der::UnixTime now) const {
  const std::shared_lock lock(mutex_);
  std::optional<Answer> best;
  const auto [begin, end] = answers_.equal_range(as_key(certificate.serial()));
  for (auto at = begin; at != end; ++at) {
    const OcspSingle& single = at->second.single;
    if (best && single.this_update <= best->single.this_update) continue;
    if (!is_digest(single.id.hash_algorithm, certificate.issuer(), single.id.issuer_name_hash)) continue;
    if (!is_digest(single.id.hash_algorithm, key_octets(issuer), single.id.issuer_key_hash)) continue;
    const auto until = at->second.response->may_speak_for(crypto_, issuer, now);
    if (!until) continue;
    best = at->second;
    best->valid_until = *until;
  }
  return best;
}

CertificateStatus OcspStatus::certificate(const Certificate& certificate, const Certificate& issuer,
                                          der::UnixTime now) const {
  using State = CertificateStatus::State;
  const auto answer = latest(certificate, issuer, now);
  if (!answer || answer->single.state == OcspSingle::State::unknown) return {};
  const OcspSingle& single = answer->single;
  if (single.state == OcspSingle::State::revoked) {
    return {State::revoked, Revocation{single.revoked_at, static_cast<std::uint8_t>(single.reason)},
            der::kNoWellDefinedExpiration};
  }
  const der::UnixTime limit = single.next_update.value_or(single.this_update + limits_.max_age);
  const der::UnixTime begin = single.this_update - limits_.clock_skew;
  if (now < begin) return {State::stale, {}, begin - 1};
  if (now > limit) return {State::stale, {}, der::kNoWellDefinedExpiration};
  return {State::good, {}, std::min(limit, answer->valid_until)};
}

DeviceStatus OcspStatus::device(Bytes /*device_id*/, der::UnixTime /*now*/) const {
  return {};
}

}  // namespace pedigree::verifier
