// SPDX-License-Identifier: Apache-2.0
// pedigree_verifier_*, pedigree_appraise_token, pedigree_verify_data, and the library's own facts.
#include <ctime>
#include <mutex>

#include "verifier/c/handles.h"

namespace pedigree::c_api {
namespace {

// Room for the longest sentence without a heap: it must be possible to say that memory is short.
thread_local std::array<char, 1024> last_error{};

using verifier::Policy;
using verifier::StatusSource;

// `read` reads a policy; the crypto that verifies its manifests lives in the handle.
template <typename Read>
int make_verifier(Read read, pedigree_verifier** out) {
  auto made = std::make_unique<pedigree_verifier>();
  auto policy = read(verifier::ManifestContext{&made->crypto, time_or_now(0)});
  if (!policy) return failed(policy.error().code, policy.error().what);
  made->policy = *std::move(policy);
  made->rebuild();
  *out = made.release();
  return 0;
}

// Certificates beside the message; false where one cannot be read.
bool read_chain(const pedigree_bytes* chain, std::size_t count, std::vector<Bytes>& out) {
  if (count > 0 && chain == nullptr) return false;
  // More than any chain may have is refused by the appraisal; the list need not be copied for that.
  for (std::size_t i = 0; i < std::min<std::size_t>(count, x509::kMaxChainLength + 1); ++i) {
    if (!is_readable(chain[i])) return false;
    out.push_back(octets(chain[i]));
  }
  return true;
}

template <typename Source>
int add_status(pedigree_verifier* handle, Source& source, const std::uint8_t* der, std::size_t size,
               std::string_view what) {
  const std::unique_lock lock(handle->mutex);
  if (const auto added = source.add({der, der + size}); !added) {
    return failed(added.error().code, std::string(what) + " cannot be used: at byte " +
                                          std::to_string(added.error().offset) + ", " +
                                          std::string(sentence(added.error().code)));
  }
  handle->rebuild();
  return 0;
}

/// Roots of the policy, by hash, for a bundle.
verifier::BundleTrust bundle_trust(const pedigree_verifier& handle) {
  verifier::BundleTrust trust;
  trust.roots = handle.policy.root_spki_sha256;
  for (const auto& der : handle.policy.roots) {
    const auto root = x509::Certificate::parse(der);
    const auto hash =
        root ? handle.crypto.sha256(root->spki().whole) : Result<Sha256>(fail(ErrorCode::bad_value));
    if (hash) trust.roots.push_back(*hash);
  }
  return trust;
}

int load_bundle(pedigree_verifier& handle, const char* file, der::UnixTime now) {
  const std::unique_lock lock(handle.mutex);
  if (handle.bundle) {
    const auto loaded = handle.bundle->reload(file, now);
    if (!loaded) return failed(loaded.error().code, loaded.error().what);
  } else {
    auto opened = verifier::BundleStatus::open(handle.crypto, file, bundle_trust(handle), now);
    if (!opened) return failed(opened.error().code, opened.error().what);
    handle.bundle = *std::move(opened);
  }
  handle.rebuild();
  return 0;
}

}  // namespace

int failed(int number, std::string_view sentence) noexcept {
  const std::size_t size = std::min(sentence.size(), last_error.size() - 1);
  std::copy_n(sentence.begin(), size, last_error.begin());
  last_error[size] = '\0';
  return number;
}
int failed(ErrorCode code, std::string_view sentence) noexcept {
  return failed(static_cast<int>(code), sentence);
}
int bad_argument(std::string_view sentence) noexcept {
  return failed(PEDIGREE_E_ARGUMENT, sentence);
}

int failed_by_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return failed(PEDIGREE_E_MEMORY, "there is not enough memory");
  } catch (const std::exception& error) {
    return failed(PEDIGREE_E_INTERNAL, error.what());
  } catch (...) {
    return failed(PEDIGREE_E_INTERNAL, "an unknown exception was thrown");
  }
}

der::UnixTime time_or_now(std::int64_t now) noexcept {
  return now == 0 ? static_cast<der::UnixTime>(std::time(nullptr)) : now;
}

}  // namespace pedigree::c_api

void pedigree_verifier::rebuild() {
  using namespace pedigree::verifier;
  std::vector<const StatusSource*> sources;
  if (crls.size() > 0) sources.push_back(&crls);
  if (ocsp.size() > 0) sources.push_back(&ocsp);
  if (bundle) sources.push_back(bundle.get());
  Policy effective = policy;
  if (bundle) {
    for (auto& root : bundle->roots()) effective.roots.push_back(std::move(root));
    if (effective.reference.empty()) effective.reference = bundle->reference_values();
  }
  verifier = std::make_unique<const Verifier>(crypto, std::move(effective), std::move(sources));
}

using namespace pedigree;
using c_api::bad_argument;
using c_api::guarded;

extern "C" {

uint32_t pedigree_api_version(void) {
  return PEDIGREE_API_VERSION;
}
const char* pedigree_version(void) {
  return PEDIGREE_VERSION;
}
const char* pedigree_last_error(void) {
  return c_api::last_error.data();
}

int pedigree_verifier_from_file(const char* policy_file, pedigree_verifier** verifier) {
  if (verifier == nullptr) return bad_argument("verifier is NULL");
  *verifier = nullptr;
  if (policy_file == nullptr) return bad_argument("policy_file is NULL");
  return guarded([&] {
    const auto read = [&](const verifier::ManifestContext& context) {
      return verifier::load_policy(policy_file, context);
    };
    return c_api::make_verifier(read, verifier);
  });
}

int pedigree_verifier_from_text(const char* policy, const char* folder, pedigree_verifier** verifier) {
  if (verifier == nullptr) return bad_argument("verifier is NULL");
  *verifier = nullptr;
  if (policy == nullptr || folder == nullptr) return bad_argument("policy or folder is NULL");
  return guarded([&] {
    const auto read = [&](const verifier::ManifestContext& context) {
      return verifier::parse_policy(policy, folder, context);
    };
    return c_api::make_verifier(read, verifier);
  });
}

void pedigree_verifier_free(pedigree_verifier* verifier) {
  delete verifier;
}

int pedigree_verifier_add_crl(pedigree_verifier* verifier, const uint8_t* der, size_t size) {
  if (verifier == nullptr || der == nullptr) return bad_argument("verifier or der is NULL");
  return guarded([&] { return c_api::add_status(verifier, verifier->crls, der, size, "the CRL"); });
}

int pedigree_verifier_add_ocsp(pedigree_verifier* verifier, const uint8_t* der, size_t size) {
  if (verifier == nullptr || der == nullptr) return bad_argument("verifier or der is NULL");
  return guarded([&] { return c_api::add_status(verifier, verifier->ocsp, der, size, "the OCSP response"); });
}

int pedigree_verifier_load_bundle(pedigree_verifier* verifier, const char* file, int64_t now) {
  if (verifier == nullptr || file == nullptr) return bad_argument("verifier or file is NULL");
  return guarded([&] { return c_api::load_bundle(*verifier, file, c_api::time_or_now(now)); });
}

int pedigree_verifier_set_ear_key(pedigree_verifier* verifier, const char* pem, const char* passphrase) {
  if (verifier == nullptr || pem == nullptr) return bad_argument("verifier or pem is NULL");
  return guarded([&] {
    auto key = crypto::OpenSslKey::from_pem(pem, passphrase == nullptr ? "" : passphrase);
    if (!key) return c_api::failed(key.error().code, sentence(key.error().code));
    if (key->type() != crypto::KeyType::p256) {
      return c_api::failed(ErrorCode::wrong_key_type, "an EAR is signed with a P-256 key");
    }
    const std::unique_lock lock(verifier->mutex);
    verifier->ear_key = *std::move(key);
    return 0;
  });
}

int pedigree_appraise_token(const pedigree_verifier* verifier, pedigree_bytes token,
                            const pedigree_bytes* chain, size_t chain_count, pedigree_bytes nonce,
                            int64_t now, pedigree_result** result) {
  if (result == nullptr) return bad_argument("result is NULL");
  *result = nullptr;
  if (verifier == nullptr) return bad_argument("verifier is NULL");
  if (!c_api::is_readable(token) || !c_api::is_readable(nonce))
    return bad_argument("token or nonce has no data");
  return guarded([&] {
    std::vector<Bytes> certificates;
    if (!c_api::read_chain(chain, chain_count, certificates))
      return bad_argument("a certificate has no data");
    auto made = std::make_unique<pedigree_result>();
    const std::shared_lock lock(verifier->mutex);
    made->appraisal = verifier->verifier->appraise(
        {.token = c_api::octets(token), .chain = certificates, .nonce = c_api::octets(nonce)},
        c_api::time_or_now(now));
    *result = made.release();
    return 0;
  });
}

int pedigree_verify_data(const pedigree_verifier* verifier, pedigree_bytes message,
                         const pedigree_bytes* chain, size_t chain_count, int64_t now,
                         pedigree_result** result) {
  if (result == nullptr) return bad_argument("result is NULL");
  *result = nullptr;
  if (verifier == nullptr) return bad_argument("verifier is NULL");
  if (!c_api::is_readable(message)) return bad_argument("message has no data");
  return guarded([&] {
    std::vector<Bytes> certificates;
    if (!c_api::read_chain(chain, chain_count, certificates))
      return bad_argument("a certificate has no data");
    auto made = std::make_unique<pedigree_result>();
    const std::shared_lock lock(verifier->mutex);
    made->appraisal = verifier->verifier->verify_data(
        {.message = c_api::octets(message), .chain = certificates}, c_api::time_or_now(now));
    *result = made.release();
    return 0;
  });
}

}  // extern "C"
