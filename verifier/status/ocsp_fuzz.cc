// SPDX-License-Identifier: Apache-2.0
// A response that we accept, OpenSSL accepts too, with as many answers and the same serial numbers and
// states.
#include <openssl/asn1.h>
#include <openssl/ocsp.h>

#include <cstdlib>
#include <vector>

#include "verifier/status/ocsp.h"

namespace {

using namespace pedigree;
using namespace pedigree::verifier;

void require(bool condition) {
  if (!condition) std::abort();
}

int their_state(OcspSingle::State state) {
  return state == OcspSingle::State::good      ? V_OCSP_CERTSTATUS_GOOD
         : state == OcspSingle::State::revoked ? V_OCSP_CERTSTATUS_REVOKED
                                               : V_OCSP_CERTSTATUS_UNKNOWN;
}

void compare(const OcspResponse& ours, OCSP_BASICRESP* theirs) {
  int count = 0;
  for (Reader in(ours.answers()); !in.empty(); ++count) {
    const auto single = OcspResponse::read_single(in);
    require(single.has_value());
    OCSP_SINGLERESP* other = OCSP_resp_get0(theirs, count);
    require(other != nullptr);
    require(OCSP_single_get0_status(other, nullptr, nullptr, nullptr, nullptr) == their_state(single->state));
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                      const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(other)));
    require(equal(single->id.serial, Bytes(ASN1_STRING_get0_data(serial),
                                           static_cast<std::size_t>(ASN1_STRING_length(serial)))));
  }
  require(count == OCSP_resp_count(theirs));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto response = OcspResponse::parse(Bytes(data, size));
  if (!response) {
    require(response.error().offset <= size);
    return 0;
  }
  require(response->responder_name().empty() != response->responder_key_hash().empty());
  // OpenSSL reads certificates and algorithms at once, and refuses names, keys and algorithms of its own
  // accord.
  const std::uint8_t* at = data;
  OCSP_RESPONSE* theirs = d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(size));
  require(theirs != nullptr && at == data + size);
  if (OCSP_BASICRESP* basic = OCSP_response_get1_basic(theirs); basic != nullptr) {
    compare(*response, basic);
    OCSP_BASICRESP_free(basic);
  }
  OCSP_RESPONSE_free(theirs);
  return 0;
}
