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

Answer<void> check_key(const csr::Request& request, const Profile& profile) {
  const auto& key = request.spki().key;
  if (!key)
    return refuse(ErrorCode::unsupported_algorithm, "the request's key is of a type that is not supported");
  if (std::ranges::find(profile.keys, key->type) == profile.keys.end()) {
    return refuse(ErrorCode::wrong_key_type,
                  fmt::format("profile {} does not certify {} keys", profile.name, crypto::name(key->type)));
  }
  const auto& algorithm = request.signature_algorithm().signature;
  if (!algorithm) {
    return refuse(ErrorCode::unsupported_algorithm, "the request's signature algorithm is not supported");
  }
  return {};
}

Answer<void> check_evidence(const csr::Request& request, const Profile& profile) {
  const auto entropy = enrol::read_entropy(request.find_attribute(enrol::kEntropyAttribute));
  if (!entropy)
    return refuse(entropy.error().code, "the request's entropy attribute has no value known here");
  return check_entropy(profile, *entropy);
}

}  // namespace

Answer<void> check_entropy(const Profile& profile, enrol::Entropy entropy) {
  if (entropy != enrol::Entropy::fixed || profile.test_keys) return {};
  return refuse(ErrorCode::fixed_entropy,
                "the device's firmware makes keys from a fixed seed, which anybody can repeat; install the "
                "product firmware, or use a profile with test_keys = true for tests");
}

Answer<CheckedRequest> check_request(const crypto::Crypto& crypto, const Profile& profile,
                                     const registry::DeviceId& device, Bytes nonce, Bytes der) {
  const auto request = csr::Request::parse(der);
  if (!request) return refuse_at(request.error());
  if (const auto checked = check_identity(*request, device, nonce); !checked) {
    return std::unexpected(checked.error());
  }
  if (const auto checked = check_key(*request, profile); !checked) return std::unexpected(checked.error());
  if (const auto checked = check_evidence(*request, profile); !checked) {
    return std::unexpected(checked.error());
  }
  const auto digest = crypto.sha256(request->spki().whole);
  if (!digest) return refuse(digest.error());
  const auto origin = x509::test_key_origin(*digest);
  if (origin && !profile.test_keys) {
    return refuse(
        ErrorCode::test_key,
        fmt::format("the key is {}: its private half is published; give the device a key of its own",
                    *origin));
  }
  if (const auto possession = request->verify(crypto); !possession) {
    return refuse(possession.error().code,
                  fmt::format("proof of possession: {}", sentence(possession.error().code)));
  }
  return CheckedRequest{*request, *digest};
}

}  // namespace pedigree::authority
