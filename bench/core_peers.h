// SPDX-License-Identifier: Apache-2.0
// The other sides of core_bench: OpenSSL's raw operations, which set the limit, and its X.509 as a peer.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::bench {

using Octets = std::vector<std::uint8_t>;

/// Stops the program with a sentence: a benchmark of something that fails means nothing.
void require(bool condition, const char* what);

/// A signature to verify with a key that is ready for use; the signature is in DER, as OpenSSL wants it.
struct RawVerification {
  EVP_PKEY* key;
  Octets message;
  Octets signature;
};

/// One EVP_DigestVerify with a digest context that is used again and again.
void raw_verify(const RawVerification& verification);
/// One EVP_DigestSign in the same way.
void raw_sign(EVP_PKEY* key, Bytes message);

/// Parses the chain (leaf first, root last) and verifies it with X509_verify_cert; the store that trusts the
/// root is made once.
class OpenSslPath {
 public:
  explicit OpenSslPath(Bytes root);
  ~OpenSslPath();
  OpenSslPath(const OpenSslPath&) = delete;
  OpenSslPath& operator=(const OpenSslPath&) = delete;
  void verify(std::span<const Octets> chain) const;

 private:
  X509_STORE* store_;
};

/// Issues the ordinary way: d2i_X509_REQ, X509_REQ_verify, X509_new, X509_sign, i2d_X509.
void openssl_issue(Bytes request, const X509* issuer, EVP_PKEY* issuer_key);

}  // namespace pedigree::bench
