// SPDX-License-Identifier: Apache-2.0
// A certificate that we accept, OpenSSL accepts too, as the same octets, and reads the same serial number and
// times from it. What we refuse is refused with an offset inside the input.
#include <openssl/x509.h>

#include <cstdlib>

#include "core/x509/certificate.h"
#include "testing/x509/openssl_limits.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_time(const ASN1_TIME* theirs, der::UnixTime ours) {
  ASN1_TIME* epoch = ASN1_TIME_set(nullptr, 0);
  int days = 0;
  int seconds = 0;
  require(ASN1_TIME_diff(&days, &seconds, epoch, theirs) == 1);
  require(std::int64_t{days} * 86400 + seconds == ours);
  ASN1_TIME_free(epoch);
}

void check_serial(const ASN1_INTEGER* theirs, Bytes ours) {
  require(equal(Bytes(ASN1_STRING_get0_data(theirs), static_cast<std::size_t>(ASN1_STRING_length(theirs))),
                ours));
}

void compare(const x509::Certificate& ours) {
  const std::uint8_t* at = ours.der().data();
  X509* theirs = d2i_X509(nullptr, &at, static_cast<long>(ours.der().size()));
  require(theirs != nullptr && at == ours.der().data() + ours.der().size());
  check_serial(X509_get0_serialNumber(theirs), ours.serial());
  check_time(X509_get0_notBefore(theirs), ours.not_before());
  check_time(X509_get0_notAfter(theirs), ours.not_after());
  require(X509_get_version(theirs) + 1 == static_cast<long>(ours.version()));
  X509_free(theirs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto certificate = x509::Certificate::parse(Bytes(data, size));
  if (!certificate) {
    require(certificate.error().offset <= size);
    return 0;
  }
  require(x509::check_name(certificate->issuer()).has_value());
  require(x509::check_name(certificate->subject()).has_value());
  const bool comparable =
      testing::openssl_reads_name(certificate->issuer()) &&
      testing::openssl_reads_name(certificate->subject()) &&
      testing::openssl_reads_algorithms(certificate->spki(), certificate->signature_algorithm());
  if (comparable) compare(*certificate);
  return 0;
}
