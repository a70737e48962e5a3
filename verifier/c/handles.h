// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of pedigree.h, and how failures become numbers.
#pragma once

#include <memory>
#include <new>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "verifier/c/include/pedigree.h"
#include "verifier/status/bundle.h"
#include "verifier/status/crl.h"
#include "verifier/status/ocsp_status.h"
#include "verifier/verifier.h"

/// A verifier with all that it borrows. Questions hold the lock shared, changes hold it alone and make a new
/// Verifier, because its policy and sources are fixed when it is made.
struct pedigree_verifier {
  pedigree::crypto::OpenSslCrypto crypto;
  pedigree::verifier::Policy policy;
  pedigree::verifier::CrlStatus crls{crypto};
  pedigree::verifier::OcspStatus ocsp{crypto};
  std::unique_ptr<pedigree::verifier::BundleStatus> bundle;
  std::optional<pedigree::crypto::OpenSslKey> ear_key;
  std::unique_ptr<const pedigree::verifier::Verifier> verifier;
  mutable std::shared_mutex mutex;

  /// Makes the Verifier of what is there now.
  void rebuild();
};

/// An appraisal, and texts that were made of it.
struct pedigree_result {
  pedigree::verifier::Appraisal appraisal;
  std::string reason, json, claims, jwt;
  std::vector<std::string> sentences;
  std::vector<std::uint8_t> cwt;
};

namespace pedigree::c_api {

/// Keeps the sentence for pedigree_last_error and returns `number`. Never throws.
int failed(int number, std::string_view sentence) noexcept;
int failed(ErrorCode code, std::string_view sentence) noexcept;
/// PEDIGREE_E_ARGUMENT.
int bad_argument(std::string_view sentence) noexcept;
/// Of the exception that is being handled.
int failed_by_exception() noexcept;

/// Runs `body`, which returns 0 or a number; exceptions become numbers.
template <typename Body>
int guarded(Body body) noexcept {
  try {
    return body();
  } catch (...) {
    return failed_by_exception();
  }
}
/// The same for functions that return a text, NULL on failure.
template <typename Body>
const char* guarded_text(Body body) noexcept {
  try {
    return body();
  } catch (...) {
    (void)failed_by_exception();
    return nullptr;
  }
}

/// The octets that C gave; empty where there are none.
[[nodiscard]] inline Bytes octets(pedigree_bytes given) noexcept {
  return given.size == 0 ? Bytes() : Bytes(given.data, given.size);
}
[[nodiscard]] inline bool is_readable(pedigree_bytes given) noexcept {
  return given.size == 0 || given.data != nullptr;
}
[[nodiscard]] inline pedigree_bytes lend(Bytes given) noexcept {
  return {given.data(), given.size()};
}
/// `now`, or the system's clock for 0.
[[nodiscard]] der::UnixTime time_or_now(std::int64_t now) noexcept;

}  // namespace pedigree::c_api
