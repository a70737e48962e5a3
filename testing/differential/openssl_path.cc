// SPDX-License-Identifier: Apache-2.0
#include "testing/differential/openssl_path.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "crypto/openssl/handles.h"

namespace pedigree::testing {
namespace {

using crypto::openssl::Deleter;
using CertificateOwner = std::unique_ptr<X509, Deleter<X509_free>>;

void free_stack(STACK_OF(X509) * stack) {
  sk_X509_free(stack);
}

CertificateOwner parse(const Octets& der) {
  const unsigned char* cursor = der.data();
  CertificateOwner certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (cursor != der.data() + der.size()) return nullptr;
  return certificate;
}

/// OpenSSL's callback: notes the complaint and lets it go on, so that a small one hides no other.
int note(int accepted, X509_STORE_CTX* context) {
  if (accepted == 1) return 1;
  auto* complaints = static_cast<std::vector<Complaint>*>(X509_STORE_CTX_get_app_data(context));
  const int depth = X509_STORE_CTX_get_error_depth(context);
  complaints->push_back({X509_STORE_CTX_get_error(context), static_cast<std::size_t>(std::max(depth, 0))});
  return 1;
}

}  // namespace

std::vector<Complaint> openssl_complaints(const Case& subject) {
  const std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), Deleter<free_stack>> others(sk_X509_new_null());
  std::vector<CertificateOwner> certificates;
  std::vector<Complaint> complaints;
  for (const Octets& der : subject.chain) {
    certificates.push_back(parse(der));
    if (certificates.back() == nullptr) {
      ERR_clear_error();
      return {{kNotParsed, certificates.size() - 1}};
    }
    sk_X509_push(others.get(), certificates.back().get());
  }
  X509_STORE_add_cert(store.get(), certificates.back().get());
  X509_STORE_CTX_init(context.get(), store.get(), certificates.front().get(), others.get());
  X509_STORE_CTX_set_app_data(context.get(), &complaints);
  X509_STORE_CTX_set_verify_cb(context.get(), note);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_time(parameters, kDifferentialNow);
  if (subject.client) X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  // Errors of its own OpenSSL may report without calling back.
  if (X509_verify_cert(context.get()) != 1 && complaints.empty()) note(0, context.get());
  ERR_clear_error();
  return complaints;
}

std::string openssl_sentence(int code) {
  return code == kNotParsed ? "not parsed" : X509_verify_cert_error_string(code);
}

}  // namespace pedigree::testing
