// SPDX-License-Identifier: Apache-2.0
// A request that we accept, OpenSSL accepts too; each attribute of one value is found by its type.
#include <openssl/x509.h>

#include <cstdlib>

#include "core/csr/csr.h"
#include "core/x509/oids.h"
#include "testing/x509/openssl_limits.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

// OpenSSL decodes the values of attributes that nobody knows by their tags; we only walk them.
bool has_unknown_attribute(const csr::Request& request) {
  for (Reader in(request.attributes()); !in.empty();) {
    Reader fields = der::read(in, der::kSequence).value().reader();
    const Bytes type = der::read_oid(fields).value();
    if (!equal(type, x509::oid::kChallengePassword) && !equal(type, x509::oid::kExtensionRequest))
      return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = csr::Request::parse(Bytes(data, size));
  if (!request) {
    require(request.error().offset <= size);
    return 0;
  }
  const bool has_challenge = !request->find_attribute(x509::oid::kChallengePassword).empty();
  require(has_challenge == !request->challenge_password().empty());
  const bool has_extensions = !request->find_attribute(x509::oid::kExtensionRequest).empty();
  require(has_extensions == !request->requested_extensions().empty());
  if (!testing::openssl_reads_name(request->subject()) ||
      !testing::openssl_reads_algorithms(request->spki(), request->signature_algorithm()) ||
      has_unknown_attribute(*request)) {
    return 0;
  }
  const std::uint8_t* at = data;
  X509_REQ* theirs = d2i_X509_REQ(nullptr, &at, static_cast<long>(size));
  require(theirs != nullptr && at == data + size);
  X509_REQ_free(theirs);
  return 0;
}
