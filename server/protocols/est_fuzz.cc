// SPDX-License-Identifier: Apache-2.0
// What EST takes from a client: the path, the body, the password, and the subject of a request. What was read
// is what writing it again gives.
#include <cstdlib>

#include "core/csr/csr.h"
#include "server/http/json.h"
#include "server/protocols/est.h"

namespace {

using namespace pedigree;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_path(std::string_view text) {
  const auto path = protocols::parse_est_path(text);
  if (!path) return;
  std::string again;
  if (!path->profile.empty()) again = std::string(path->profile);
  if (!path->issuer.empty()) again += "." + std::string(path->issuer);
  if (!again.empty()) again += "/";
  again += path->operation;
  require(again == text);
}

void read_body(std::string_view text) {
  const auto octets = protocols::decode_est_body(text);
  if (!octets) return;
  require(!octets->empty() && protocols::decode_est_body(http::to_base64(*octets)) == octets);
  const auto request = csr::Request::parse(*octets);
  if (!request) return;
  const auto device = protocols::named_device(request->subject());
  require(device ? device->front() == 0x01 : !device.error().detail.empty());
}

void read_password(std::string_view text) {
  const std::string password = protocols::basic_password(text);
  if (password.empty()) return;
  const std::string pair = "x:" + password;
  require(protocols::basic_password("basic " + http::to_base64(as_bytes(pair))) == password ||
          pair.size() > 700);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(Bytes(data + 1, size - 1));
  if (data[0] % 3 == 0) read_path(text);
  if (data[0] % 3 == 1) read_body(text);
  if (data[0] % 3 == 2) read_password(text);
  return 0;
}
