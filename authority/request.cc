// SPDX-License-Identifier: Apache-2.0
#include "authority/request.h"

#include <fmt/format.h>

#include "core/x509/oids.h"
#include "core/x509/test_keys.h"

namespace pedigree::authority {
namespace {

std::unexpected<Refusal> refuse_at(const Error& error) {
  return refuse(error.code, fmt::format("the request at offset {}: {}", error.offset, sentence(error.code)));
}

Answer<void> check_identity(const csr::Request& request, const registry::DeviceId& device, Bytes nonce) {
  const Bytes serial = x509::find_attribute(request.subject(), x509::oid::kSerialNumber);
  if (as_text(serial) != registry::hex(device)) {
    return refuse(ErrorCode::bad_request, "the request's subject serialNumber is not the device id");
  }
  if (as_text(request.challenge_password()) != registry::hex(nonce)) {
    return refuse(ErrorCode::bad_nonce, "the request's challengePassword is not the nonce in hex");
  }
  return {};
}

Answer<void> check_key(const x509::SubjectPublicKeyInfo& spki, const Profile& profile) {
  if (!spki.key) {
    return refuse(ErrorCode::unsupported_algorithm, "the request's key is of a type that is not supported");
  }
  return check_key_type(profile, spki.key->type);
}

Answer<void> check_entropy_attribute(const csr::Request& request, const Profile& profile) {
  const auto entropy = enrol::read_entropy(request.find_attribute(enrol::kEntropyAttribute));
  if (!entropy)
    return refuse(entropy.error().code, "the request's entropy attribute has no value known here");
  return check_entropy(profile, *entropy);
}

/// SHA-256 of the key, unless it is one that nobody may have to himself.
Answer<Sha256> check_origin(const crypto::Crypto& crypto, const x509::SubjectPublicKeyInfo& spki,
                            const Profile& profile) {
  const auto digest = crypto.sha256(spki.whole);
  if (!digest) return refuse(digest.error());
  const auto origin = x509::test_key_origin(*digest);
  if (origin && !profile.test_keys) {
    return refuse(
        ErrorCode::test_key,
        fmt::format("the key is {}: its private half is published; give the device a key of its own",
                    *origin));
  }
  return *digest;
}

/// The token in the request's evidence, if there is any.
Answer<std::optional<Bytes>> find_evidence(const csr::Request& request) {
  const auto token = evidence::find_token(request);
  if (token) return *token;
  if (token.error().code == ErrorCode::not_found) return std::nullopt;
  return refuse(ErrorCode::evidence_refused,
                fmt::format("the evidence cannot be read: {}", sentence(token.error().code)));
}

/// What a request must be whomever it is from.
Answer<CheckedRequest> check_content(const crypto::Crypto& crypto, const Profile& profile,
                                     const csr::Request& request) {
  if (const auto checked = check_key(request.spki(), profile); !checked) {
    return std::unexpected(checked.error());
  }
  if (const auto checked = check_entropy_attribute(request, profile); !checked) {
    return std::unexpected(checked.error());
  }
  if (!request.signature_algorithm().signature) {
    return refuse(ErrorCode::unsupported_algorithm, "the request's signature algorithm is not supported");
  }
  const auto digest = check_origin(crypto, request.spki(), profile);
  if (!digest) return std::unexpected(digest.error());
  const auto token = find_evidence(request);
  if (!token) return std::unexpected(token.error());
  if (const auto possession = request.verify(crypto); !possession) {
    return refuse(possession.error().code,
                  fmt::format("proof of possession: {}", sentence(possession.error().code)));
  }
  return CheckedRequest{request.spki(), *digest, *token};
}

Answer<void> check_no_evidence_wanted(const Profile& profile) {
  if (!profile.evidence_required) return {};
  return refuse(ErrorCode::evidence_required,
                fmt::format("profile {} wants evidence, which answers a nonce of this authority; this "
                            "protocol has none: enrol by /v1",
                            profile.name));
}

}  // namespace

Answer<csr::Request> parse_request(Bytes der) {
  auto request = csr::Request::parse(der);
  if (!request) return refuse_at(request.error());
  return *std::move(request);
}

Answer<void> check_entropy(const Profile& profile, enrol::Entropy entropy) {
  if (entropy != enrol::Entropy::fixed || profile.test_keys) return {};
  return refuse(ErrorCode::fixed_entropy,
                "the device's firmware makes keys from a fixed seed, which anybody can repeat; install the "
                "product firmware, or use a profile with test_keys = true for tests");
}

Answer<CheckedRequest> check_request(const crypto::Crypto& crypto, const Profile& profile,
                                     const registry::DeviceId& device, Bytes nonce, Bytes der) {
  const auto request = parse_request(der);
  if (!request) return std::unexpected(request.error());
  if (const auto checked = check_identity(*request, device, nonce); !checked) {
    return std::unexpected(checked.error());
  }
  return check_content(crypto, profile, *request);
}

Answer<CheckedRequest> check_plain_request(const crypto::Crypto& crypto, const Profile& profile, Bytes der) {
  const auto request = parse_request(der);
  if (!request) return std::unexpected(request.error());
  if (const auto wanted = check_no_evidence_wanted(profile); !wanted) return std::unexpected(wanted.error());
  return check_content(crypto, profile, *request);
}

Answer<CheckedRequest> check_proven_key(const crypto::Crypto& crypto, const Profile& profile, Bytes der) {
  const auto spki = x509::parse_spki(der);
  if (!spki) return refuse_at(spki.error());
  if (const auto wanted = check_no_evidence_wanted(profile); !wanted) return std::unexpected(wanted.error());
  if (const auto checked = check_key(*spki, profile); !checked) return std::unexpected(checked.error());
  const auto digest = check_origin(crypto, *spki, profile);
  if (!digest) return std::unexpected(digest.error());
  if (const auto point = crypto.check_public_key(*spki->key); !point) return refuse(point.error());
  return CheckedRequest{*spki, *digest, std::nullopt};
}

Answer<CheckedRequest> check_token_request(const crypto::Crypto& crypto, const Profile& profile, Bytes cbor) {
  if (!profile.attestation) {
    return refuse(
        ErrorCode::token_request_refused,
        fmt::format("profile {} is not for attestation keys: send a PKCS#10 request", profile.name));
  }
  const auto request = evidence::TokenRequest::parse(cbor);
  if (!request) return refuse_at(request.error());
  const auto spki = x509::parse_spki(request->spki);
  if (!spki) return refuse_at(spki.error());
  if (const auto checked = check_key(*spki, profile); !checked) return std::unexpected(checked.error());
  const auto digest = check_origin(crypto, *spki, profile);
  if (!digest) return std::unexpected(digest.error());
  if (const auto point = crypto.check_public_key(*spki->key); !point) return refuse(point.error());
  return CheckedRequest{*spki, *digest, request->token};
}

}  // namespace pedigree::authority
