// SPDX-License-Identifier: Apache-2.0
// Writing one Extension of a certificate or a CRL; for builder.cc and crl*.cc.
#pragma once

#include "core/x509/builder.h"

namespace pedigree::x509 {

/// Opens an Extension up to its OCTET STRING, and closes both when it goes out of scope.
class ExtensionWriter {
 public:
  ExtensionWriter(der::Builder& out, Bytes oid, bool critical) noexcept
      : out_(out), sequence_(out.open(der::kSequence)) {
    out.oid(oid);
    if (critical) out.boolean(true);
    value_ = out.open(der::kOctetString);
  }
  ~ExtensionWriter() {
    out_.close(value_);
    out_.close(sequence_);
  }
  ExtensionWriter(const ExtensionWriter&) = delete;
  ExtensionWriter& operator=(const ExtensionWriter&) = delete;

 private:
  der::Builder& out_;
  std::size_t sequence_;
  std::size_t value_ = 0;
};

/// The field distributionPoint, [0] EXPLICIT, with fullName as one URI (RFC 5280 4.2.1.13).
void write_distribution_point_name(std::string_view uri, der::Builder& out) noexcept;
/// An extension that is CRLDistributionPoints, of one point: `oid` says which (cRLDistributionPoints,
/// freshestCRL).
void write_distribution_points(Bytes oid, std::string_view uri, der::Builder& out) noexcept;

}  // namespace pedigree::x509
