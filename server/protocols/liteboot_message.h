// SPDX-License-Identifier: Apache-2.0
// Bodies of lite_bootstrap_server's API: JSON, CBOR (definite lengths, keys 1 then 2) and multipart forms.
#pragma once

#include <boost/json/fwd.hpp>

#include "server/http/handler.h"
#include "server/protocols/decimal.h"

namespace pedigree::protocols {

enum class LitebootForm : std::uint8_t { json, cbor };
/// By the Content-Type; JSON where there is none. Empty: another one.
[[nodiscard]] std::optional<LitebootForm> liteboot_form(std::string_view content_type);

/// The request in a body of cr and kur: CBOR `[ bstr ]`, or JSON `{"CSR": base64}`. Empty: it is none.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> read_csr(LitebootForm form, std::string_view body);

/// A body of krr: CBOR `[ serial, reason ]` with the serial as bignum, integer or null, JSON
/// `{"Serial": decimal, "Reason": number}`, or nothing at all.
struct RevocationRequest {
  std::optional<registry::Serial> serial;  ///< empty: the client's own certificate
  x509::RevocationReason reason = x509::RevocationReason::cessation_of_operation;
};
/// Empty: it is none.
[[nodiscard]] std::optional<RevocationRequest> read_revocation(LitebootForm form, std::string_view body);

/// The content of the form's field of this name (RFC 7578). `content_type` has the boundary. Empty: there is
/// none.
[[nodiscard]] std::optional<std::string_view> form_field(std::string_view content_type, std::string_view body,
                                                         std::string_view name);
/// The one request in a PEM text (RFC 7468 7), of at most 4 KiB, DER. Empty: it is none, or not the only one.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> read_pem_request(std::string_view pem);

/// {"Status": status, "Cert": base64}, or {1: status, 2: bstr}.
[[nodiscard]] http::Response certificate_answer(LitebootForm form, Bytes certificate);
/// {"Status": status, "Cert": PEM}, or {1: status, 2: tstr}.
[[nodiscard]] http::Response copy_answer(LitebootForm form, const std::string& pem);
/// {"Status": 0 or 1, "Serials": [...] or null}, or {1: ..., 2: ...}.
[[nodiscard]] http::Response serials_answer(LitebootForm form, const std::vector<registry::Serial>& serials);
/// {"status": "1" or "0"}, or {1: 1 or 0}.
[[nodiscard]] http::Response validity_answer(LitebootForm form, bool valid);
/// {"Status": 0}, or {1: 0}.
[[nodiscard]] http::Response done_answer(LitebootForm form);
/// {"Hubname": ..., "Port": ...}, or {1: ..., 2: ...}.
[[nodiscard]] http::Response hub_answer(LitebootForm form, const std::string& name, std::uint32_t port);
/// {"error": sentence} in either form.
[[nodiscard]] http::Response liteboot_error(LitebootForm form, unsigned status, std::string_view what);

/// A certificate as PEM.
[[nodiscard]] std::string pem_certificate(Bytes der);

}  // namespace pedigree::protocols
