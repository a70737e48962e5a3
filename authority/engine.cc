// SPDX-License-Identifier: Apache-2.0
#include "authority/engine.h"

#include <fmt/format.h>

#include "authority/receipt.h"
#include "authority/text.h"

namespace pedigree::authority {

Engine::Engine(const crypto::Crypto& crypto, Config config, Der root, std::vector<Issuer> issuers,
               Bytes nonce_secret)
    : crypto_(crypto),
      config_(std::move(config)),
      root_(std::move(root)),
      issuers_(std::move(issuers)),
      states_(issuers_.size()) {
  for (std::size_t i = 0; i < issuers_.size(); ++i) states_[i] = issuers_[i].config().state;
  std::copy_n(nonce_secret.begin(), std::min(nonce_secret.size(), nonce_secret_.size()),
              nonce_secret_.begin());
  if (const auto certificate = x509::Certificate::parse(root_)) {
    root_spki_sha256_ = crypto_.sha256(certificate->spki().whole).value_or(Sha256{});
  }
}

const Issuer* Engine::find_issuer(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(issuers_, [&](const Issuer& i) { return i.config().name == name; });
  return found == issuers_.end() ? nullptr : &*found;
}

Answer<const Profile*> Engine::find_profile(std::string_view name) const {
  const auto found = config_.profiles.find(name);
  if (found == config_.profiles.end()) {
    return refuse(ErrorCode::unknown_profile, fmt::format("there is no profile \"{}\"", name.substr(0, 64)));
  }
  if (found->second.kind != ProfileKind::device) {
    return refuse(ErrorCode::unknown_profile, fmt::format("profile {} is not for devices", name));
  }
  return &found->second;
}

namespace {

/// Why an intermediate could not sign. A key in a token is away for a while, and that is worth a sentence.
std::unexpected<Refusal> refuse_signing(const Issuer& issuer, const Error& error) {
  const std::string& name = issuer.config().name;
  if (error.code == ErrorCode::timeout) {
    return refuse(error.code,
                  fmt::format("the token with the key of intermediate {} has no session free", name));
  }
  if (error.code == ErrorCode::key_not_found && !issuer.config().key.empty()) {
    return refuse(
        error.code,
        fmt::format("the token with the key of intermediate {} is away, or gives no access to it", name));
  }
  return refuse(error);
}

}  // namespace

void Engine::apply(std::span<const registry::IssuerOrder> orders) const noexcept {
  for (const registry::IssuerOrder& order : orders) {
    const Issuer* issuer = find_issuer(order.name);
    // Who writes "retired" into the configuration means it, whatever was ordered before.
    if (issuer == nullptr || issuer->config().state == IssuerState::retired) continue;
    states_[static_cast<std::size_t>(issuer - issuers_.data())].store(order.state, std::memory_order_relaxed);
  }
}

IssuerState Engine::state(const Issuer& issuer) const noexcept {
  return states_[static_cast<std::size_t>(&issuer - issuers_.data())].load(std::memory_order_relaxed);
}

Answer<const Issuer*> Engine::select_issuer(std::string_view name, std::string_view profile,
                                            der::UnixTime now) const {
  if (!name.empty()) {
    const Issuer* issuer = find_issuer(name);
    if (issuer == nullptr) {
      return refuse(ErrorCode::unknown_issuer,
                    fmt::format("there is no intermediate \"{}\"", name.substr(0, 64)));
    }
    if (const IssuerState is = state(*issuer); is != IssuerState::active) {
      return refuse(ErrorCode::unknown_issuer,
                    fmt::format("intermediate {} is {}{}", name, is == IssuerState::standby ? "on " : "",
                                registry::name(is)));
    }
    if (now < issuer->from() || now > issuer->until()) {
      return refuse(ErrorCode::unknown_issuer,
                    fmt::format("intermediate {} issues from {} until {}", name, iso_time(issuer->from()),
                                iso_time(issuer->until())));
    }
    if (!issuer->may_issue(profile)) {
      return refuse(ErrorCode::unknown_profile,
                    fmt::format("intermediate {} does not issue {}", name, profile));
    }
    return issuer;
  }
  for (const Issuer& issuer : issuers_) {
    const bool ready = state(issuer) == IssuerState::active && issuer.config().factory.empty() &&
                       now >= issuer.from() && now <= issuer.until();
    if (ready && issuer.may_issue(profile)) return &issuer;
  }
  return refuse(ErrorCode::unknown_issuer, fmt::format("no active intermediate issues {}", profile));
}

Answer<std::pair<Nonce, der::UnixTime>> Engine::nonce(const registry::DeviceId& device,
                                                      std::string_view profile, der::UnixTime now) const {
  if (const auto found = find_profile(profile); !found) return std::unexpected(found.error());
  const der::UnixTime expires = now + config_.nonce_seconds;
  const auto made = make_nonce(crypto_, nonce_secret_, device, profile, expires);
  if (!made) return refuse(made.error());
  return std::pair(*made, expires);
}

bool Engine::needs_evidence(std::string_view name) const {
  const auto found = config_.profiles.find(name);
  return found != config_.profiles.end() && found->second.evidence_required;
}

std::vector<std::vector<Bytes>> Engine::attestation_chains(
    std::span<const registry::Certificate> known) const {
  std::vector<std::vector<Bytes>> chains;
  for (const registry::Certificate& certificate : known) {
    const auto profile = config_.profiles.find(certificate.profile);
    if (profile == config_.profiles.end() || !profile->second.attestation) continue;
    if (certificate.state == registry::CertificateState::revoked) continue;
    if (auto of_it = chain(certificate)) chains.push_back(*std::move(of_it));
  }
  return chains;
}

Answer<CheckedRequest> Engine::check(const EnrolRequest& request, const Profile& profile,
                                     const EvidenceAppraiser* evidence, der::UnixTime now) const {
  const bool by_token = evidence::is_token_request(request.csr);
  auto checked = by_token ? check_token_request(crypto_, profile, request.csr)
                          : check_request(crypto_, profile, request.device, request.nonce, request.csr);
  if (!checked) return checked;
  if (!by_token && !profile.evidence_required) return checked;
  if (!checked->token) {
    return refuse(
        ErrorCode::evidence_required,
        fmt::format("profile {} wants evidence in the request that the key was made in the device's "
                    "secure world",
                    profile.name));
  }
  if (evidence == nullptr) {
    return refuse(ErrorCode::evidence_refused, "this process appraises no evidence");
  }
  const EvidenceQuestion question{profile, request.device, request.nonce, checked->spki.whole,
                                  *checked->token};
  const auto accepted = by_token ? evidence->check_token_request(question, now)
                                 : evidence->check_evidence(question, attestation_chains(request.known), now);
  if (!accepted) return std::unexpected(accepted.error());
  return checked;
}

Answer<Certified> Engine::certify(const EnrolRequest& request, const EvidenceAppraiser* evidence,
                                  der::UnixTime now) const {
  const auto profile = find_profile(request.profile);
  if (!profile) return std::unexpected(profile.error());
  const auto issuer = select_issuer(request.issuer, request.profile, now);
  if (!issuer) return std::unexpected(issuer.error());
  if (const auto fresh =
          check_nonce(crypto_, nonce_secret_, request.device, request.profile, now, request.nonce);
      !fresh) {
    return refuse(fresh.error());
  }
  const auto checked = check(request, **profile, evidence, now);
  if (!checked) return std::unexpected(checked.error());
  return write(**issuer, **profile, request.device, *checked, now);
}

Answer<Certified> Engine::certify_plain(const PlainRequest& request, der::UnixTime now) const {
  const auto profile = find_profile(request.profile);
  if (!profile) return std::unexpected(profile.error());
  const auto issuer = select_issuer(request.issuer, request.profile, now);
  if (!issuer) return std::unexpected(issuer.error());
  const auto checked = request.csr.empty() ? check_proven_key(crypto_, **profile, request.spki)
                                           : check_plain_request(crypto_, **profile, request.csr);
  if (!checked) return std::unexpected(checked.error());
  return write(**issuer, **profile, request.device, *checked, now);
}

Answer<Certified> Engine::write(const Issuer& issuer, const Profile& profile,
                                const registry::DeviceId& device, const CheckedRequest& checked,
                                der::UnixTime now) const {
  const auto serial = random_serial(crypto_);
  if (!serial) return refuse(serial.error());
  Certified certified;
  registry::Certificate& certificate = certified.certificate;
  certificate.serial = *serial;
  certificate.device = device;
  certificate.profile = profile.name;
  certificate.issuer = issuer.config().name;
  certificate.key = checked.spki_sha256;
  certificate.not_before = now;
  certificate.not_after = not_after(profile, now);
  certificate.issued_at = now;
  if (issuer.names_crl_partitions()) {
    certificate.crl_partition = crl_partitions_ == nullptr ? std::nullopt : crl_partitions_->next(issuer);
    if (!certificate.crl_partition) {
      return refuse(ErrorCode::database_failure,
                    fmt::format("the registry has not yet said which part of the CRL of intermediate {} is "
                                "next; ask again soon",
                                issuer.config().name));
    }
  }
  auto der = issuer.issue(crypto_, profile,
                          {*serial, device, checked.spki, now, certificate.crl_partition.value_or(0)});
  if (!der) return refuse_signing(issuer, der.error());
  certificate.der = *std::move(der);
  certified.issuer = &issuer;
  return certified;
}

std::vector<std::string> Engine::parents(std::string_view name) const {
  std::vector<std::string> names;
  // A parent stands earlier in the configuration, so this ends.
  for (const Issuer* issuer = find_issuer(name); issuer != nullptr; issuer = find_issuer(names.back())) {
    names.push_back(issuer->config().parent);
  }
  if (!names.empty()) names.pop_back();  // "root"
  return names;
}

Answer<std::vector<Bytes>> Engine::chain(const registry::Certificate& certificate) const {
  const Issuer* issuer = find_issuer(certificate.issuer);
  if (issuer == nullptr) {
    return refuse(
        ErrorCode::unknown_issuer,
        fmt::format("the certificate's intermediate {} is not configured any more", certificate.issuer));
  }
  std::vector<Bytes> chain{certificate.der};
  chain.insert(chain.end(), issuer->chain().begin(), issuer->chain().end());
  return chain;
}

Answer<void> Engine::check_receipt(const registry::Certificate& certificate, Bytes nonce, Bytes receipt,
                                   der::UnixTime now) const {
  if (const auto fresh =
          check_nonce(crypto_, nonce_secret_, certificate.device, certificate.profile, now, nonce);
      !fresh) {
    return refuse(fresh.error());
  }
  const auto chain_of = chain(certificate);
  if (!chain_of) return std::unexpected(chain_of.error());
  return verify_receipt(crypto_, *chain_of, certificate.device, nonce, receipt);
}

Answer<Der> Engine::make_crl(std::string_view name, std::span<const x509::RevokedEntry> entries,
                             const CrlSpec& spec) const {
  const Issuer* issuer = find_issuer(name);
  if (issuer == nullptr) {
    return refuse(ErrorCode::unknown_issuer,
                  fmt::format("there is no intermediate \"{}\"", name.substr(0, 64)));
  }
  auto crl = issuer->make_crl(crypto_, entries, spec);
  if (!crl) return refuse_signing(*issuer, crl.error());
  return *std::move(crl);
}

}  // namespace pedigree::authority
