// SPDX-License-Identifier: Apache-2.0
#include "server/http/tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace pedigree::http {
namespace {

using BioOwner = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Owner = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyOwner = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioOwner reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

X509Owner read_certificate(const std::string& pem) {
  return {PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr), X509_free};
}

/// The only value of this attribute; empty if there is none or more than one.
std::string only_value(X509_NAME* name, int nid) {
  const int at = X509_NAME_get_index_by_NID(name, nid, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  std::string value(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return value;
}

}  // namespace

bool configure_tls(SSL_CTX* context, const ServerOptions& options) {
  const X509Owner ca = read_certificate(options.ca_pem);
  const X509Owner certificate = read_certificate(options.certificate_pem);
  const KeyOwner key(PEM_read_bio_PrivateKey(reader(options.key_pem).get(), nullptr, nullptr, nullptr),
                     EVP_PKEY_free);
  if (!ca || !certificate || !key) return false;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_ciphersuites(
             context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
         X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) == 1 &&
         SSL_CTX_add_client_CA(context, ca.get()) == 1 &&
         SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1;
}

Identity identify(SSL* connection, std::string from) {
  Identity identity;
  identity.from = std::move(from);
  X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK) return identity;
  X509_NAME* subject = X509_get_subject_name(certificate);
  const std::string unit = only_value(subject, NID_organizationalUnitName);
  identity.name = only_value(subject, NID_commonName);
  if (unit == "station") identity.role = Role::station;
  if (unit == "operator") identity.role = Role::operator_;
  if (unit == "relying-party") identity.role = Role::relying_party;
  return identity;
}

}  // namespace pedigree::http
