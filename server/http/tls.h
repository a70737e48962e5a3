// SPDX-License-Identifier: Apache-2.0
// TLS settings of the server, and who a client is.
#pragma once

#include "server/http/server.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // OpenSSL's SSL

namespace pedigree::http {

/// TLS 1.3 only; no resumption (a revoked client must not come back by a ticket); a client certificate is
/// asked for, checked if it is given, and not required. False: OpenSSL refuses certificate, key or CA.
[[nodiscard]] bool configure_tls(ssl_ctx_st* context, const ServerOptions& options);

/// The role and name in the verified client certificate; Role::none without one or with another OU.
[[nodiscard]] Identity identify(ssl_st* connection, std::string from);

}  // namespace pedigree::http
