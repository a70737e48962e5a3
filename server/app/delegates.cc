// SPDX-License-Identifier: Apache-2.0
#include "server/app/delegates.h"

#include <fmt/format.h>

#include <array>

#include "core/x509/oids.h"

namespace pedigree::app {

using authority::refuse;

namespace {

/// id-kp-cmcCA (RFC 6402 2.10).
constexpr std::array<std::uint8_t, 8> kCmcCa{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x1b};
constexpr der::UnixTime kDay = 86400;
constexpr der::UnixTime kLife = 30 * kDay;
constexpr der::UnixTime kRenewed = 15 * kDay;
/// Clients' clocks that are behind.
constexpr der::UnixTime kSkew = 3600;

}  // namespace

authority::Answer<std::shared_ptr<const protocols::Delegate>> MemoryDelegates::find(std::string_view issuer,
                                                                                    der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Held>& held = held_[std::string(issuer)];
  if (!held || now >= held->renew_at) {
    auto made = make(issuer, now);
    if (made) {
      held = *std::move(made);
    } else if (!held || now > held->not_after) {
      return std::unexpected(made.error());
    }
  }
  return std::shared_ptr<const protocols::Delegate>(held, &held->delegate);
}

void MemoryDelegates::take_from(MemoryDelegates& old) {
  const std::scoped_lock lock(mutex_, old.mutex_);
  for (const auto& [name, held] : old.held_) {
    const authority::Issuer* ours = engine_.find_issuer(name);
    const authority::Issuer* theirs = old.engine_.find_issuer(name);
    if (held && ours != nullptr && theirs != nullptr && ours->chain() == theirs->chain()) held_[name] = held;
  }
}

authority::Answer<std::shared_ptr<MemoryDelegates::Held>> MemoryDelegates::make(std::string_view name,
                                                                                der::UnixTime now) {
  const authority::Issuer* issuer = engine_.find_issuer(name);
  if (issuer == nullptr)
    return refuse(ErrorCode::unknown_issuer, std::string(sentence(ErrorCode::unknown_issuer)));
  auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
  if (!key) return refuse(key.error());
  authority::DelegateFields fields;
  fields.common_name = fmt::format("{} of {}", purpose_ == Purpose::ocsp ? "OCSP responder" : "CMP signer",
                                   name.substr(0, 40));
  fields.key = key->view();
  fields.purpose = purpose_ == Purpose::ocsp ? Bytes(x509::oid::kOcspSigning) : Bytes(kCmcCa);
  fields.ocsp_no_check = purpose_ == Purpose::ocsp;
  fields.not_before = now - kSkew;
  fields.not_after = now + kLife;
  auto certificate = issuer->certify_delegate(engine_.crypto(), std::move(fields));
  if (!certificate) return refuse(certificate.error());
  const auto parsed = x509::Certificate::parse(*certificate);
  if (!parsed) return refuse(parsed.error());
  auto held = std::make_shared<Held>(*std::move(key));
  held->not_after = parsed->not_after();
  held->delegate = {*std::move(certificate), held->key.view()};
  held->renew_at = now + kRenewed;
  return held;
}

}  // namespace pedigree::app
