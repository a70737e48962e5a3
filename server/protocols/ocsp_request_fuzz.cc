// SPDX-License-Identifier: Apache-2.0
// OCSP requests. What was read lies inside the request, and OpenSSL reads each request that we take with as
// many certificates in it.
#include <openssl/ocsp.h>

#include <cstdlib>

#include "server/protocols/ocsp.h"

namespace {

using namespace pedigree;

void require(bool holds) {
  if (!holds) std::abort();
}

void compare_with_openssl(Bytes der, std::size_t count) {
  const unsigned char* at = der.data();
  OCSP_REQUEST* request = d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(der.size()));
  // Where both read it, both see the same certificates.
  if (request != nullptr) require(static_cast<std::size_t>(OCSP_request_onereq_count(request)) == count);
  OCSP_REQUEST_free(request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes rest(data + 1, size - 1);
  if (data[0] == 'p') {
    const auto octets = protocols::decode_ocsp_path(as_text(rest));
    require(!octets || !octets->empty());
    return 0;
  }
  const auto query = protocols::parse_ocsp_request(rest);
  if (!query) return 0;
  require(!query->targets.empty() && query->targets.size() <= protocols::kMaxOcspCertificates);
  for (const protocols::OcspTarget& target : query->targets) {
    require(target.whole.data() >= rest.data() &&
            target.whole.data() + target.whole.size() <= rest.data() + rest.size());
    Reader in(target.whole);
    const auto again = protocols::read_ocsp_target(in);
    require(again && equal(again->serial, target.serial) && equal(again->key_hash, target.key_hash));
  }
  compare_with_openssl(rest, query->targets.size());
  return 0;
}
