// SPDX-License-Identifier: Apache-2.0
// A CRL that we accept, OpenSSL accepts too; every entry is found by its serial number.
#include <openssl/x509.h>

#include <cstdlib>

#include "core/x509/crl.h"
#include "testing/x509/openssl_limits.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_entries(const x509::Crl& crl) {
  unsigned count = 0;
  for (Reader in(crl.entries()); !in.empty() && count < 100; ++count) {
    const auto entry = x509::Crl::read_entry(in);
    require(entry.has_value());
    require(crl.find(entry->serial).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto crl = x509::Crl::parse_any(Bytes(data, size));
  const auto complete = x509::Crl::parse(Bytes(data, size));
  require(crl || !complete);
  if (!complete) require(complete.error().offset <= size);
  if (!crl) {
    require(crl.error().offset <= size);
    return 0;
  }
  require(!(complete && (crl->is_delta() || !crl->scope().names.empty())));
  require(!crl->completes(*crl));
  check_entries(*crl);
  if (!testing::openssl_reads_name(crl->issuer()) || !crl->signature_algorithm().signature) return 0;
  const std::uint8_t* at = data;
  X509_CRL* theirs = d2i_X509_CRL(nullptr, &at, static_cast<long>(size));
  require(theirs != nullptr && at == data + size);
  X509_CRL_free(theirs);
  return 0;
}
