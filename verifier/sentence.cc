// SPDX-License-Identifier: Apache-2.0
// The sentences of an appraisal: what, where, and what to do about it.
#include <fmt/format.h>

#include "core/cose/cose.h"
#include "core/x509/crl.h"
#include "core/x509/test_keys.h"
#include "verifier/appraisal.h"
#include "verifier/text.h"

namespace pedigree::verifier {
namespace {

std::string base(const Check& check) {
  return std::string(sentence(check.code.value_or(ErrorCode::not_checked)));
}

/// "certificate 2 of 3 (Acme Devices CA)", or "the root (...)".
std::string certificate_at(const Appraisal& appraisal, std::size_t where) {
  const std::size_t count = appraisal.chain.size();
  if (where < count) {
    return fmt::format("certificate {} of {} ({})", where + 1, count, title_of(appraisal.chain[where]));
  }
  return appraisal.root ? fmt::format("the root ({})", title_of(Bytes(*appraisal.root))) : "the root";
}

Bytes certificate_of(const Appraisal& appraisal, std::size_t where) {
  if (where < appraisal.chain.size()) return appraisal.chain[where];
  return appraisal.root ? Bytes(*appraisal.root) : Bytes();
}

std::string of_structure(const Appraisal& appraisal, const Check& check) {
  if (check.outcome == Outcome::ok) {
    return appraisal.claims ? "COSE_Sign1 and claims are well-formed" : "the COSE_Sign1 is well-formed";
  }
  return fmt::format("at byte {}, {}", check.where, base(check));
}

std::string_view algorithm_text(const Appraisal& appraisal) {
  const auto spki = x509::parse_spki(appraisal.attested_key);
  const auto algorithm = spki && spki->key ? cose::algorithm_for(spki->key->type)
                                           : Result<cose::Algorithm>(fail(ErrorCode::unsupported_algorithm));
  if (!algorithm) return "signed";
  switch (*algorithm) {
    case cose::Algorithm::es256:
      return "ES256";
    case cose::Algorithm::es384:
      return "ES384";
    case cose::Algorithm::ps256:
      return "PS256";
    case cose::Algorithm::eddsa:
      break;
  }
  return "EdDSA";
}

std::string of_signature(const Appraisal& appraisal, const Check& check) {
  if (check.outcome == Outcome::ok) {
    if (appraisal.key_source == KeySource::raw_key)
      return fmt::format("{} by a key that the policy trusts", algorithm_text(appraisal));
    if (appraisal.key_source == KeySource::none) return "by the key of certificate 1, which is not trusted";
    return fmt::format("{} by the certified {} key", algorithm_text(appraisal),
                       appraisal.claims ? "attestation" : "data");
  }
  if (check.code != ErrorCode::invalid_signature) return base(check);
  return appraisal.chain.empty()
             ? "by none of the keys that the policy trusts, or it was changed; do not use its content"
             : "not by the key of certificate 1, or it was changed on the way; do not use its content";
}

std::string of_chain(const Appraisal& appraisal, const Check& check) {
  if (check.code == ErrorCode::purpose_not_stated) {
    return fmt::format("{}: {}", certificate_at(appraisal, check.where), base(check));
  }
  if (check.outcome == Outcome::skipped) return base(check);
  if (check.outcome == Outcome::failed) {
    std::vector<std::uint8_t> buffer(8192);
    Writer out(buffer);
    x509::print_verdict(appraisal.path, appraisal.chain, out);
    return std::string(as_text(out.written()));
  }
  std::string path;
  for (const Bytes certificate : appraisal.chain) {
    path = path.empty() ? title_of(certificate) : title_of(certificate) + " > " + path;
  }
  const bool root_apart = appraisal.root && !equal(*appraisal.root, appraisal.chain.back());
  return root_apart ? title_of(Bytes(*appraisal.root)) + " > " + path : path;
}

std::string of_validity(const Appraisal& appraisal, const Check& check) {
  if (check.outcome == Outcome::ok) return "all are valid at " + time_text(appraisal.appraised_at);
  if (check.outcome == Outcome::skipped) return base(check);
  const auto certificate = x509::Certificate::parse(certificate_of(appraisal, check.where));
  const bool early = check.code == ErrorCode::not_yet_valid;
  if (!certificate) return base(check);
  return fmt::format("{} {} {}", certificate_at(appraisal, check.where),
                     early ? "is not yet valid; it will be from" : "has expired; it was valid until",
                     time_text(early ? certificate->not_before() : certificate->not_after()));
}

std::string of_revocation(const Appraisal& appraisal, const Check& check) {
  if (check.code == ErrorCode::not_checked) return base(check);
  if (check.outcome == Outcome::ok)
    return fmt::format("none is revoked, says the {}", appraisal.revocation_source);
  const std::string place = certificate_at(appraisal, check.where);
  if (!appraisal.revocation) return fmt::format("{}: {}", place, base(check));
  const auto reason = static_cast<x509::RevocationReason>(appraisal.revocation->reason);
  return fmt::format("{} is revoked since {} ({}), says the {}", place,
                     time_text(appraisal.revocation->since), x509::name(reason), appraisal.revocation_source);
}

std::string of_identity(const Appraisal& appraisal, const Check& check) {
  if (check.outcome == Outcome::ok) {
    return appraisal.claims ? "the instance id is the device that the key is certified for"
                            : "the key is certified for this device";
  }
  if (check.code == ErrorCode::wrong_instance_id && appraisal.claims && appraisal.device_id) {
    return fmt::format("the token says that it is from {}, and its key is certified for {}",
                       hex(appraisal.claims->instance_id), hex(*appraisal.device_id));
  }
  return base(check);
}

std::string of_registry(const Appraisal& appraisal, const Check& check) {
  if (check.outcome != Outcome::ok) return base(check);
  const std::string state = appraisal.device_state.empty() ? "known" : appraisal.device_state;
  return appraisal.device_since == 0 ? state : state + " since " + time_text(appraisal.device_since);
}

std::string of_lifecycle(const Appraisal& appraisal, const Check& check) {
  if (check.code == ErrorCode::not_checked || !appraisal.claims) return base(check);
  const auto claim = static_cast<std::uint16_t>(check.where);
  const auto state = psa_token::lifecycle_state(claim);
  const std::string text =
      state ? std::string(psa_token::name(*state)) : fmt::format("undefined ({:#06x})", claim);
  if (check.outcome == Outcome::ok) return text;
  return fmt::format("the device's security lifecycle is {}, which the policy does not accept", text);
}

std::string of_test_key(const Appraisal& appraisal, const Check& check) {
  if (check.outcome == Outcome::ok) return "none of the keys is a published test key";
  if (check.code != ErrorCode::test_key) return base(check);
  const bool raw = appraisal.chain.empty();
  return fmt::format("{} is for a published test key, whose private half everybody has",
                     raw ? "the policy's key" : certificate_at(appraisal, check.where));
}

std::string of_profile(const Appraisal& appraisal, const Check& check) {
  if (check.code == ErrorCode::not_checked || !appraisal.claims) return base(check);
  const std::string_view profile = psa_token::name(appraisal.claims->profile);
  if (check.outcome == Outcome::ok) return std::string(profile);
  return fmt::format("the policy does not accept tokens of profile {}", profile);
}

std::string of_reference(const Appraisal& appraisal, const Check& check) {
  if (check.outcome == Outcome::ok) return "every component is one that the reference values allow";
  if (check.code == ErrorCode::not_checked || check.code == ErrorCode::no_reference || !appraisal.claims)
    return base(check);
  Reader in(appraisal.claims->software_components);
  for (std::uint32_t i = 0; i < appraisal.claims->software_component_count; ++i) {
    const auto component = psa_token::read_component(in);
    if (!component) break;
    if (i != check.where) continue;
    return fmt::format("component {} ({}{}{}): {}", i + 1,
                       component->measurement_type.empty() ? "unnamed" : component->measurement_type,
                       component->version.empty() ? "" : " ", component->version, base(check));
  }
  return base(check);
}

std::string of_freshness(const Appraisal& /*appraisal*/, const Check& check) {
  return check.outcome == Outcome::ok ? "the nonce matches" : base(check);
}

}  // namespace

std::string sentence(const Appraisal& appraisal, const Check& check) {
  using Make = std::string (*)(const Appraisal&, const Check&);
  static constexpr std::array<Make, kCheckKinds> kMakers{
      of_structure, of_signature, of_chain,     of_validity, of_revocation, of_identity,
      of_registry,  of_freshness, of_lifecycle, of_test_key, of_profile,    of_reference};
  return kMakers[static_cast<std::size_t>(check.kind)](appraisal, check);
}

const Check* Appraisal::reason() const noexcept {
  for (const Outcome outcome : {Outcome::failed, Outcome::warning}) {
    for (const Check& candidate : checks) {
      if (candidate.outcome == outcome) return &candidate;
    }
  }
  return nullptr;
}

}  // namespace pedigree::verifier
