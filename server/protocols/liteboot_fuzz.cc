// SPDX-License-Identifier: Apache-2.0
// Bodies of lite_bootstrap_server's API. What was read is what an answer with it says; a form's field lies
// inside the body.
#include <cstdlib>

#include "server/http/json.h"
#include "server/protocols/liteboot_message.h"

namespace {

using namespace pedigree;
using protocols::LitebootForm;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_request(LitebootForm form, std::string_view body) {
  const auto csr = protocols::read_csr(form, body);
  if (!csr) return;
  const std::string json = R"({"CSR":")" + http::to_base64(*csr) + "\"}";
  require(json.size() > 16384 || protocols::read_csr(LitebootForm::json, json) == csr);
}

void check_revocation(LitebootForm form, std::string_view body) {
  const auto request = protocols::read_revocation(form, body);
  if (!request || !request->serial) return;
  require(protocols::parse_decimal_serial(protocols::decimal(*request->serial)) == request->serial);
}

void read_form(std::string_view body) {
  const std::string_view type = "multipart/form-data; boundary=b";
  const auto field = protocols::form_field(type, body, "csrfile");
  if (!field) return;
  require(field->data() >= body.data() && field->data() + field->size() <= body.data() + body.size());
  const auto csr = protocols::read_pem_request(*field);
  require(!csr || !csr->empty());
}

void read_serial(std::string_view text) {
  const auto serial = protocols::parse_decimal_serial(text);
  require(!serial || protocols::decimal(*serial) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(Bytes(data + 1, size - 1));
  const auto form = (data[0] & 1U) != 0 ? LitebootForm::cbor : LitebootForm::json;
  switch (data[0] / 2 % 5) {
    case 0:
      read_request(form, text);
      break;
    case 1:
      check_revocation(form, text);
      break;
    case 2:
      read_form(text);
      break;
    case 3:
      read_serial(text);
      break;
    default:
      (void)protocols::form_field(text, text, "csrfile");
      break;
  }
  return 0;
}
