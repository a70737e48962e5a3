// SPDX-License-Identifier: Apache-2.0
// A verdict as a sentence for people.
#include "core/x509/name.h"
#include "core/x509/path.h"

namespace pedigree::x509 {
namespace {

void print_number(std::size_t value, Writer& out) noexcept {
  if (value >= 10) print_number(value / 10, out);
  out.u8(static_cast<std::uint8_t>('0' + value % 10));
}

void print(std::string_view text, Writer& out) noexcept {
  out.bytes(as_bytes(text));
}

// Whether the error is about how the certificate is written, so that an offset in it says more.
bool is_encoding_error(ErrorCode code) noexcept {
  return code < ErrorCode::unsupported_algorithm ||
         (code >= ErrorCode::bad_serial && code <= ErrorCode::too_many);
}

void print_subject(const Certificate& certificate, Writer& out) noexcept {
  if (certificate.subject().size() <= 2) return;  // an empty name
  print(" (", out);
  print_name(certificate.subject(), out);
  print(")", out);
}

void print_validity(ErrorCode code, const Certificate& certificate, Writer& out) noexcept {
  if (code == ErrorCode::expired) {
    print(": it was valid until ", out);
    der::print_time(certificate.not_after(), out);
  } else if (code == ErrorCode::not_yet_valid) {
    print(": it is valid from ", out);
    der::print_time(certificate.not_before(), out);
  }
}

}  // namespace

void print_verdict(const Verdict& verdict, std::span<const Bytes> chain, Writer& out) noexcept {
  if (verdict.trusted()) {
    print("the chain is trusted", out);
    if (!verdict.time_checked) print("; its validity in time was not checked", out);
    return;
  }
  const ErrorCode code = verdict.code.value_or(ErrorCode{});
  if (code == ErrorCode::empty_chain) return print(sentence(code), out);
  const bool in_chain = verdict.index < chain.size();
  const auto certificate = in_chain ? Certificate::parse(chain[verdict.index]) : fail(ErrorCode::empty_chain);
  if (in_chain || chain.empty()) {
    print("certificate ", out);
    print_number(verdict.index + 1, out);
    if (in_chain) {
      print(" of ", out);
      print_number(chain.size(), out);
    }
  } else {
    print("the trust anchor", out);
  }
  if (certificate) print_subject(*certificate, out);
  print(" is refused: ", out);
  print(sentence(code), out);
  if (certificate) print_validity(code, *certificate, out);
  if (is_encoding_error(code) && !certificate) {
    print(", at offset ", out);
    print_number(verdict.offset, out);
  }
}

}  // namespace pedigree::x509
