// SPDX-License-Identifier: Apache-2.0
// An answer as HTTP/1.1 writes it.
#pragma once

#include "server/http/handler.h"

namespace pedigree::http {

/// Head and body in one buffer, so that they leave in one TLS record; of a shared body the head alone. An
/// answer is not to be cached unless it says otherwise, and a 503 says when to ask again (RFC 9110, RFC
/// 9111).
[[nodiscard]] std::string serialize(const Response& response, bool keep_alive);

}  // namespace pedigree::http
