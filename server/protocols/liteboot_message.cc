// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/liteboot_message.h"

#include <algorithm>

#include "core/cbor/cbor.h"
#include "server/http/json.h"

namespace pedigree::protocols {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxRequest = 16384;
constexpr std::size_t kMaxPem = 4096;
constexpr std::uint64_t kBignum = 2;  // RFC 8949 3.4.3

template <typename Write>
http::Response cbor_response(Write write) {
  std::array<std::uint8_t, 4096> buffer{};
  Writer writer(buffer);
  cbor::Encoder out(writer);
  write(out);
  return {200, "application/cbor", std::string(as_text(writer.written())), {}};
}

http::Response json_text(std::string body) {
  return {200, "application/json", std::move(body), {}};
}

std::string json_text_of(std::string_view text) {
  return json::serialize(json::string(text));
}

std::optional<x509::RevocationReason> reason_of(std::int64_t number) {
  for (const auto reason :
       {x509::RevocationReason::unspecified, x509::RevocationReason::key_compromise,
        x509::RevocationReason::affiliation_changed, x509::RevocationReason::superseded,
        x509::RevocationReason::cessation_of_operation, x509::RevocationReason::privilege_withdrawn}) {
    if (static_cast<std::int64_t>(reason) == number) return reason;
  }
  return std::nullopt;
}

/// The object of a JSON body, with at most a few levels in it.
std::optional<json::object> read_object(std::string_view body) {
  if (body.size() > kMaxRequest) return std::nullopt;
  json::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  json::value value = json::parse(body, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

Result<RevocationRequest> read_cbor_revocation(Reader in) {
  RevocationRequest request;
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count == 0 || count > 2) return fail(ErrorCode::bad_value);
  if (cbor::next_is_null(in)) {
    PEDIGREE_TRY(cbor::read_null(in));
  } else {
    PEDIGREE_ASSIGN(const std::uint64_t tag, cbor::read_tag(in));
    PEDIGREE_ASSIGN(const Bytes octets, cbor::read_bstr(in));
    registry::Serial serial{};
    if (tag != kBignum || octets.size() != serial.size()) return fail(ErrorCode::bad_serial);
    std::ranges::copy(octets, serial.begin());
    request.serial = serial;
  }
  if (count == 2) {
    PEDIGREE_ASSIGN(const std::int64_t number, cbor::read_int(in));
    const auto reason = reason_of(number);
    if (!reason) return fail(ErrorCode::bad_value);
    request.reason = *reason;
  }
  PEDIGREE_TRY(in.finish());
  return request;
}

/// The value of a parameter of a header field, without its quotes.
std::optional<std::string_view> parameter(std::string_view field, std::string_view name) {
  for (std::size_t at = field.find(';'); at != std::string_view::npos; at = field.find(';', at + 1)) {
    std::string_view rest = field.substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.size() <= name.size() || !rest.starts_with(name) || rest[name.size()] != '=') continue;
    rest.remove_prefix(name.size() + 1);
    if (!rest.starts_with('"')) return rest.substr(0, rest.find_first_of("; \t\r\n"));
    const std::size_t end = rest.find('"', 1);
    if (end == std::string_view::npos) return std::nullopt;
    return rest.substr(1, end - 1);
  }
  return std::nullopt;
}

/// Whether the header of a part is that of the field.
bool is_field(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + 2, header.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos ||
        !http::is_media_type(line.substr(0, colon), "content-disposition")) {
      continue;
    }
    return parameter(line, "name") == name;
  }
  return false;
}

}  // namespace

std::optional<LitebootForm> liteboot_form(std::string_view content_type) {
  if (content_type.empty() || http::is_media_type(content_type, "application/json"))
    return LitebootForm::json;
  if (http::is_media_type(content_type, "application/cbor")) return LitebootForm::cbor;
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> read_csr(LitebootForm form, std::string_view body) {
  if (body.size() > kMaxRequest) return std::nullopt;
  if (form == LitebootForm::cbor) {
    Reader in(as_bytes(body));
    const auto count = cbor::read_array(in);
    if (!count || *count != 1) return std::nullopt;
    const auto octets = cbor::read_bstr(in);
    if (!octets || octets->empty() || !in.finish()) return std::nullopt;
    return std::vector<std::uint8_t>(octets->begin(), octets->end());
  }
  const auto object = read_object(body);
  const json::value* csr = object ? object->if_contains("CSR") : nullptr;
  if (csr == nullptr || !csr->is_string()) return std::nullopt;
  auto octets = http::from_base64(csr->get_string());
  if (!octets || octets->empty()) return std::nullopt;
  return octets;
}

std::optional<RevocationRequest> read_revocation(LitebootForm form, std::string_view body) {
  if (body.empty()) return RevocationRequest{};
  if (form == LitebootForm::cbor) {
    const auto request = read_cbor_revocation(Reader(as_bytes(body)));
    if (!request) return std::nullopt;
    return *request;
  }
  const auto object = read_object(body);
  if (!object) return std::nullopt;
  RevocationRequest request;
  if (const json::value* serial = object->if_contains("Serial")) {
    // Text: a number of 128 bits is none that every JSON library keeps whole.
    if (!serial->is_string()) return std::nullopt;
    request.serial = parse_decimal_serial(serial->get_string());
    if (!request.serial) return std::nullopt;
  }
  if (const json::value* number = object->if_contains("Reason")) {
    const auto reason = number->is_int64() ? reason_of(number->get_int64()) : std::nullopt;
    if (!reason) return std::nullopt;
    request.reason = *reason;
  }
  return request;
}

std::optional<std::string_view> form_field(std::string_view content_type, std::string_view body,
                                           std::string_view name) {
  if (!http::is_media_type(content_type, "multipart/form-data")) return std::nullopt;
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;  // RFC 2046 5.1.1
  const std::string delimiter = "\r\n--" + std::string(*boundary);
  const std::string_view first = std::string_view(delimiter).substr(2);
  if (!body.starts_with(first)) return std::nullopt;
  body.remove_prefix(first.size());
  while (body.starts_with("\r\n")) {
    const std::size_t end = body.find(delimiter);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view part = body.substr(2, end < 2 ? 0 : end - 2);
    body.remove_prefix(end + delimiter.size());
    const std::size_t blank = part.find("\r\n\r\n");
    if (blank == std::string_view::npos) return std::nullopt;
    if (is_field(part.substr(0, blank), name)) return part.substr(blank + 4);
  }
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> read_pem_request(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE REQUEST-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE REQUEST-----";
  const std::size_t begin = pem.find(kBegin);
  const std::size_t end = pem.find(kEnd);
  if (pem.size() > kMaxPem || begin == std::string_view::npos || end == std::string_view::npos ||
      end < begin + kBegin.size() || pem.find("-----BEGIN", end) != std::string_view::npos) {
    return std::nullopt;
  }
  std::string text;
  const std::string_view inside = pem.substr(begin + kBegin.size(), end - begin - kBegin.size());
  std::ranges::copy_if(inside, std::back_inserter(text),
                       [](char c) { return c != '\r' && c != '\n' && c != ' ' && c != '\t'; });
  auto octets = http::from_base64(text);
  if (!octets || octets->empty()) return std::nullopt;
  return octets;
}

http::Response certificate_answer(LitebootForm form, Bytes certificate) {
  if (form == LitebootForm::json) {
    return json_text(R"({"Status":0,"Cert":")" + http::to_base64(certificate) + "\"}");
  }
  return cbor_response([&](cbor::Encoder& out) {
    out.map(2);
    out.uint(1);
    out.uint(0);
    out.uint(2);
    out.bstr(certificate);
  });
}

http::Response copy_answer(LitebootForm form, const std::string& pem) {
  if (form == LitebootForm::json) return json_text(R"({"Status":0,"Cert":)" + json_text_of(pem) + "}");
  return cbor_response([&](cbor::Encoder& out) {
    out.map(2);
    out.uint(1);
    out.uint(0);
    out.uint(2);
    out.tstr(pem);
  });
}

http::Response serials_answer(LitebootForm form, const std::vector<registry::Serial>& serials) {
  const bool any = !serials.empty();
  if (form == LitebootForm::json) {
    std::string body = any ? R"({"Status":1,"Serials":[)" : R"({"Status":0,"Serials":null})";
    for (const registry::Serial& serial : serials) {
      body += (body.back() == '[' ? "" : ",") + decimal(serial);
    }
    return json_text(any ? body + "]}" : body);
  }
  return cbor_response([&](cbor::Encoder& out) {
    out.map(2);
    out.uint(1);
    out.uint(any ? 1 : 0);
    out.uint(2);
    if (!any) return out.null();
    out.array(serials.size());
    for (const registry::Serial& serial : serials) {
      out.tag(kBignum);
      out.bstr(serial);
    }
  });
}

http::Response validity_answer(LitebootForm form, bool valid) {
  if (form == LitebootForm::json) return json_text(valid ? R"({"status":"1"})" : R"({"status":"0"})");
  return cbor_response([&](cbor::Encoder& out) {
    out.map(1);
    out.uint(1);
    out.uint(valid ? 1 : 0);
  });
}

http::Response done_answer(LitebootForm form) {
  if (form == LitebootForm::json) return json_text(R"({"Status":0})");
  return cbor_response([](cbor::Encoder& out) {
    out.map(1);
    out.uint(1);
    out.uint(0);
  });
}

http::Response hub_answer(LitebootForm form, const std::string& name, std::uint32_t port) {
  if (form == LitebootForm::json) {
    return json_text(R"({"Hubname":)" + json_text_of(name) + R"(,"Port":)" + std::to_string(port) + "}");
  }
  return cbor_response([&](cbor::Encoder& out) {
    out.map(2);
    out.uint(1);
    out.tstr(name);
    out.uint(2);
    out.uint(port);
  });
}

http::Response liteboot_error(LitebootForm form, unsigned status, std::string_view what) {
  http::Response response;
  if (form == LitebootForm::json) {
    response = json_text(R"({"error":)" + json_text_of(what) + "}");
  } else {
    response = cbor_response([&](cbor::Encoder& out) {
      out.map(1);
      out.tstr("error");
      out.tstr(what);
    });
  }
  response.status = status;
  return response;
}

std::string pem_certificate(Bytes der) {
  std::string text = http::to_base64(der);
  for (std::size_t at = 64; at < text.size(); at += 65) text.insert(at, 1, '\n');
  return "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n";
}

}  // namespace pedigree::protocols
