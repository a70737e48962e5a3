// SPDX-License-Identifier: Apache-2.0
#include "core/x509/certificate.h"

#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

constexpr std::size_t kMaxSerial = 20;

// Version: [0] EXPLICIT INTEGER DEFAULT v1, which DER leaves out.
std::uint8_t read_version(der::Cursor& in) noexcept {
  if (!in.next_is(der::context_constructed(0))) return 1;
  const std::uint8_t* const start = in.at();
  const der::Inside version(in, der::context_constructed(0));
  const std::uint32_t number = in.u32();
  in.require(number == 1 || number == 2, ErrorCode::unsupported_version, start);
  return static_cast<std::uint8_t>(number + 1);
}

// UniqueIdentifier: [n] IMPLICIT BIT STRING, in versions 2 and 3 (RFC 5280 4.1.2.8). Read and not used.
void skip_unique_identifier(der::Cursor& in, der::Tag tag) noexcept {
  if (in.next_is(tag)) in.bit_string(tag, 7);
}

}  // namespace

void read_serial(der::Cursor& in) noexcept {
  in.read(der::kInteger);
  const Bytes number = in.content();
  // Longer with the sign octet that DER may need, negative, or zero.
  const bool bad = number.size() > kMaxSerial ||
                   (!number.empty() && (number[0] >= 0x80 || (number[0] == 0 && number.size() == 1)));
  in.require(!bad, ErrorCode::bad_serial, in.start());
  in.check_unsigned();
}

// TBSCertificate of RFC 5280 4.1.
struct CertificateParser {
  static void read_tbs(der::Cursor& in, Certificate& out, Bytes& algorithm) noexcept {
    out.version_ = read_version(in);
    read_serial(in);
    out.serial_ = in.content();
    in.read(der::kSequence);
    algorithm = in.whole();
    read_name(in, out.issuer_);
    {
      const der::Inside validity(in, der::kSequence);
      out.not_before_ = in.time();
      out.not_after_ = in.time();
    }
    read_name(in, out.subject_);
    read_spki(in, out.signed_key_.spki);
    if (out.version_ > 1) {
      skip_unique_identifier(in, der::context(1));
      skip_unique_identifier(in, der::context(2));
    }
    if (out.version_ == 3 && in.next_is(der::context_constructed(3))) {
      const der::Inside field(in, der::context_constructed(3));
      const der::Inside extensions(in, der::kSequence);
      out.extensions_content_ = in.content();
      read_extensions(in, out.extensions_);
    }
    // 4.1.2.6: with an empty subject, subjectAltName names the certificate's holder and is critical.
    in.require(out.subject_.size() > 2 || out.extensions_.subject_alt_name_critical, ErrorCode::bad_name,
               out.subject_.data());
  }

  static void read(der::Cursor& in, Certificate& out) noexcept {
    out.der_ = in.rest();
    Bytes algorithm;
    read_signed(in, out.signed_key_.object, [&in, &out, &algorithm] { read_tbs(in, out, algorithm); });
    in.require(equal(algorithm, out.signature_algorithm().whole), ErrorCode::algorithm_mismatch,
               algorithm.data());
  }
};

void read_certificate(der::Cursor& in, Certificate& out) noexcept {
  CertificateParser::read(in, out);
}

Result<Certificate> Certificate::parse(Bytes der) noexcept {
  der::Cursor in(der);
  Result<Certificate> result{Certificate()};
  read_certificate(in, *result);
  if (!in.ok()) result = std::unexpected(in.error());
  return result;
}

}  // namespace pedigree::x509
