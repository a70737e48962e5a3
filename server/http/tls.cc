// SPDX-License-Identifier: Apache-2.0
#include "server/http/tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace pedigree::http {
namespace {

using BioOwner = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyOwner = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using StoreOwner = std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)>;
using StoreContextOwner = std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)>;

BioOwner reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
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

/// Devices are clients: their root is trusted, and the CAs between need not be sent.
bool trust_devices(SSL_CTX* context, const ServerOptions& options) {
  const X509Owner root = read_certificate(options.device_root_pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (!root || X509_STORE_add_cert(store, root.get()) != 1 ||
      SSL_CTX_add_client_CA(context, root.get()) != 1) {
    return false;
  }
  for (const std::string& pem : options.device_issuers_pem) {
    // One that is not self-signed ends no chain: it only helps to build them.
    const X509Owner issuer = read_certificate(pem);
    if (!issuer || X509_STORE_add_cert(store, issuer.get()) != 1 ||
        SSL_CTX_add_client_CA(context, issuer.get()) != 1) {
      return false;
    }
  }
  return true;
}

constexpr const char* kTls12Suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-CCM:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

std::string serial_hex(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  std::string hex;
  for (int i = 0; i < serial->length; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[serial->data[i] >> 4U];
    hex += kDigits[serial->data[i] & 15U];
  }
  return hex;
}

Identity device_identity(X509* certificate, Identity identity) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return identity;
  identity.role = Role::device;
  identity.name = serial_hex(certificate);
  identity.certificate.assign(der, der + size);
  OPENSSL_free(der);
  return identity;
}

/// The role and name that a certificate of the system CA gives.
void read_role(X509* certificate, Identity& identity) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const std::string unit = only_value(subject, NID_organizationalUnitName);
  identity.name = only_value(subject, NID_commonName);
  if (unit == "station") identity.role = Role::station;
  if (unit == "operator") identity.role = Role::operator_;
  if (unit == "relying-party") identity.role = Role::relying_party;
  if (unit == "bootstrap") identity.role = Role::bootstrap;
  if (unit == "auditor") identity.role = Role::auditor;
}

}  // namespace

X509Owner read_certificate(const std::string& pem) {
  return {PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr), X509_free};
}

bool configure_tls(SSL_CTX* context, const ServerOptions& options) {
  const X509Owner ca = read_certificate(options.ca_pem);
  const X509Owner certificate = read_certificate(options.certificate_pem);
  const KeyOwner key(PEM_read_bio_PrivateKey(reader(options.key_pem).get(), nullptr, nullptr, nullptr),
                     EVP_PKEY_free);
  if (!ca || !certificate || !key) return false;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  if (options.tls12 && SSL_CTX_set_cipher_list(context, kTls12Suites) != 1) return false;
  if (!options.device_root_pem.empty() && !trust_devices(context, options)) return false;
  return SSL_CTX_set_min_proto_version(context, options.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_ciphersuites(
             context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
         X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) == 1 &&
         SSL_CTX_add_client_CA(context, ca.get()) == 1 &&
         SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1;
}

Identity identify(SSL* connection, X509* system_ca, std::string from) {
  Identity identity{Role::none, {}, std::move(from)};
  X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK) return identity;
  STACK_OF(X509)* chain = SSL_get0_verified_chain(connection);
  const int height = chain == nullptr ? 0 : sk_X509_num(chain);
  if (height < 2) return identity;
  if (X509_digest(certificate, EVP_sha256(), identity.fingerprint.data(), nullptr) != 1) return identity;
  // Two roots are trusted where devices are clients: only the system's own gives a role by a name.
  if (X509_cmp(sk_X509_value(chain, height - 1), system_ca) != 0) {
    return device_identity(certificate, std::move(identity));
  }
  read_role(certificate, identity);
  return identity;
}

Identity identify_shown(Bytes certificate, X509* system_ca, std::string from, std::int64_t now) {
  Identity identity{Role::none, {}, std::move(from)};
  const std::uint8_t* at = certificate.data();
  const X509Owner shown(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())), X509_free);
  const StoreOwner store(X509_STORE_new(), X509_STORE_free);
  const StoreContextOwner context(X509_STORE_CTX_new(), X509_STORE_CTX_free);
  const bool ready = shown && at == certificate.data() + certificate.size() && store && context &&
                     X509_STORE_add_cert(store.get(), system_ca) == 1 &&
                     X509_STORE_CTX_init(context.get(), store.get(), shown.get(), nullptr) == 1 &&
                     X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT) == 1;
  if (!ready) return identity;
  X509_STORE_CTX_set_time(context.get(), 0, now);
  if (X509_verify_cert(context.get()) != 1 || sk_X509_num(X509_STORE_CTX_get0_chain(context.get())) < 2 ||
      X509_digest(shown.get(), EVP_sha256(), identity.fingerprint.data(), nullptr) != 1) {
    return identity;
  }
  read_role(shown.get(), identity);
  return identity;
}

bool tls_fits(const ServerOptions& options) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                  SSL_CTX_free);
  return context && configure_tls(context.get(), options);
}

std::string handshake_failure(SSL* connection, std::string_view error) {
  const long verdict = connection == nullptr ? X509_V_OK : SSL_get_verify_result(connection);
  if (verdict == X509_V_OK) return std::string(error);
  return std::string("client certificate: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace pedigree::http
