// SPDX-License-Identifier: Apache-2.0
#include "bench/core_peers.h"

#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "crypto/openssl/handles.h"

namespace pedigree::bench {
namespace {

using crypto::openssl::Deleter;
using CertificateOwner = std::unique_ptr<X509, Deleter<X509_free>>;
using RequestOwner = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;

CertificateOwner parse(Bytes der) {
  const unsigned char* cursor = der.data();
  return CertificateOwner(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
}

void free_stack(STACK_OF(X509) * stack) {
  sk_X509_free(stack);
}

void add_extension(X509* certificate, X509V3_CTX* context, int id, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, context, id, value));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "OpenSSL's extension");
}

}  // namespace

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "benchmark failed: %s\n", what);
  std::exit(1);
}

void raw_verify(const RawVerification& verification) {
  thread_local const DigestContext owner(EVP_MD_CTX_new());
  EVP_MD_CTX* const context = owner.get();
  require(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, verification.key) == 1 &&
              EVP_DigestVerify(context, verification.signature.data(), verification.signature.size(),
                               verification.message.data(), verification.message.size()) == 1,
          "EVP_DigestVerify");
  EVP_MD_CTX_reset(context);  // or the next call would use this key again
}

void raw_sign(EVP_PKEY* key, Bytes message) {
  thread_local const DigestContext owner(EVP_MD_CTX_new());
  EVP_MD_CTX* const context = owner.get();
  std::array<std::uint8_t, 128> signature{};
  std::size_t size = signature.size();
  require(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
              EVP_DigestSign(context, signature.data(), &size, message.data(), message.size()) == 1,
          "EVP_DigestSign");
  EVP_MD_CTX_reset(context);
}

OpenSslPath::OpenSslPath(Bytes root) : store_(X509_STORE_new()) {
  const CertificateOwner certificate = parse(root);
  require(store_ != nullptr && X509_STORE_add_cert(store_, certificate.get()) == 1, "X509_STORE");
}

OpenSslPath::~OpenSslPath() {
  X509_STORE_free(store_);
}

void OpenSslPath::verify(std::span<const Octets> chain) const {
  const CertificateOwner leaf = parse(chain[0]);
  std::vector<CertificateOwner> others;
  const std::unique_ptr<STACK_OF(X509), Deleter<free_stack>> stack(sk_X509_new_null());
  for (const Octets& der : chain.subspan(1)) {
    others.push_back(parse(der));
    sk_X509_push(stack.get(), others.back().get());
  }
  const StoreContext context(X509_STORE_CTX_new());
  require(X509_STORE_CTX_init(context.get(), store_, leaf.get(), stack.get()) == 1, "X509_STORE_CTX_init");
  require(X509_verify_cert(context.get()) == 1, "X509_verify_cert");
}

void openssl_issue(Bytes request, const X509* issuer, EVP_PKEY* issuer_key) {
  const unsigned char* cursor = request.data();
  const RequestOwner parsed(d2i_X509_REQ(nullptr, &cursor, static_cast<long>(request.size())));
  require(X509_REQ_verify(parsed.get(), X509_REQ_get0_pubkey(parsed.get())) == 1, "X509_REQ_verify");
  const CertificateOwner certificate(X509_new());
  X509* out = certificate.get();
  constexpr std::array<std::uint8_t, 16> serial{0x5a, 1, 2, 3};
  require(X509_set_version(out, X509_VERSION_3) == 1, "X509_set_version");
  ASN1_STRING_set(X509_get_serialNumber(out), serial.data(), static_cast<int>(serial.size()));
  X509_set_issuer_name(out, X509_get_subject_name(issuer));
  X509_set_subject_name(out, X509_REQ_get_subject_name(parsed.get()));
  X509_gmtime_adj(X509_getm_notBefore(out), 0);
  X509_gmtime_adj(X509_getm_notAfter(out), 86400L * 365);
  X509_set_pubkey(out, X509_REQ_get0_pubkey(parsed.get()));
  X509V3_CTX context;
  X509V3_set_ctx(&context, const_cast<X509*>(issuer), out, nullptr, nullptr, 0);
  add_extension(out, &context, NID_key_usage, "critical,digitalSignature");
  add_extension(out, &context, NID_ext_key_usage, "clientAuth");
  add_extension(out, &context, NID_subject_key_identifier, "hash");
  add_extension(out, &context, NID_authority_key_identifier, "keyid");
  require(X509_sign(out, issuer_key, EVP_sha256()) > 0, "X509_sign");
  std::array<std::uint8_t, 2048> buffer{};
  unsigned char* end = buffer.data();
  require(i2d_X509(out, nullptr) < static_cast<int>(buffer.size()) && i2d_X509(out, &end) > 0, "i2d_X509");
}

}  // namespace pedigree::bench
