// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/pkcs7.h"

#include <algorithm>

#include "core/x509/oids.h"

namespace pedigree::protocols {
namespace {

constexpr x509::oid::Oid<9> kData{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
constexpr x509::oid::Oid<9> kSignedData{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};

}  // namespace

authority::Der certs_only(std::span<const Bytes> certificates) {
  // CertificateSet is a SET OF: in DER its members are in ascending order (X.690 11.6).
  std::vector<Bytes> sorted(certificates.begin(), certificates.end());
  std::ranges::sort(sorted, [](Bytes a, Bytes b) { return std::ranges::lexicographical_compare(a, b); });
  std::size_t size = 128;
  for (const Bytes certificate : sorted) size += certificate.size();
  authority::Der buffer(size);
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t content_info = out.open(der::kSequence);
  out.oid(kSignedData);
  const std::size_t content = out.open(der::context_constructed(0));
  const std::size_t signed_data = out.open(der::kSequence);
  out.integer(1);
  out.element(der::kSet, {});
  const std::size_t encapsulated = out.open(der::kSequence);
  out.oid(kData);
  out.close(encapsulated);
  const std::size_t set = out.open(der::context_constructed(0));
  for (const Bytes certificate : sorted) out.raw(certificate);
  out.close(set);
  out.element(der::kSet, {});
  out.close(signed_data);
  out.close(content);
  out.close(content_info);
  buffer.resize(writer.size());
  return buffer;
}

}  // namespace pedigree::protocols
