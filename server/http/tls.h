// SPDX-License-Identifier: Apache-2.0
// TLS settings of the server, and who a client is.
#pragma once

#include <cstdint>
#include <memory>

#include "server/http/server.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // OpenSSL's SSL
struct x509_st;     // OpenSSL's X509

namespace pedigree::http {

using X509Owner = std::unique_ptr<x509_st, void (*)(x509_st*)>;
/// The first certificate of a PEM text; null where there is none.
[[nodiscard]] X509Owner read_certificate(const std::string& pem);

/// TLS 1.3, and 1.2 where the options say so; no resumption (a revoked client must not come back by a
/// ticket); a client certificate is asked for, checked if it is given, and not required. False: OpenSSL
/// refuses certificate, key or CA.
[[nodiscard]] bool configure_tls(ssl_ctx_st* context, const ServerOptions& options);

/// The role and name in the verified client certificate: of its OU where `system_ca` stands above it, and
/// `device` where another root does, whatever the certificate says. Role::none without one or with another
/// OU.
[[nodiscard]] Identity identify(ssl_st* connection, x509_st* system_ca, std::string from);

/// The same for a certificate (DER) that is shown in a message instead, whose key the caller has yet to see
/// at work: one of the system CA itself, for clients of TLS, valid at `now`. Role::none for any other.
[[nodiscard]] Identity identify_shown(Bytes certificate, x509_st* system_ca, std::string from,
                                      std::int64_t now);

/// Whether certificate, key and CA are good for a server.
[[nodiscard]] bool tls_fits(const ServerOptions& options);

/// Why a handshake failed: what is wrong with the client's certificate, where it is that; else `error`.
[[nodiscard]] std::string handshake_failure(ssl_st* connection, std::string_view error);

}  // namespace pedigree::http
