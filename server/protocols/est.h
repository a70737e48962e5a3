// SPDX-License-Identifier: Apache-2.0
// Enrolment over Secure Transport (RFC 7030): cacerts, simpleenroll, simplereenroll, csrattrs. A label is a
// profile, or a profile, a dot and an issuer.
#pragma once

#include "server/protocols/enrolment.h"

namespace pedigree::protocols {

/// What a path below /.well-known/est/ asks for.
struct EstPath {
  std::string_view operation;
  std::string_view profile;  ///< empty: no label
  std::string_view issuer;
};
/// Empty: more than a label and an operation, or a label that is no name.
[[nodiscard]] std::optional<EstPath> parse_est_path(std::string_view below);

/// The octets of a body in base64 with white space in it (RFC 7030 4, RFC 8951 2). Empty: it is none.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_est_body(std::string_view body);

/// The password of `Authorization: Basic ...` (RFC 7617). Empty: there is none.
[[nodiscard]] std::string basic_password(std::string_view authorization);

/// CsrAttrs (RFC 7030 4.5.2): the subject's serialNumber, and keys that the profile certifies, DER.
[[nodiscard]] authority::Der csr_attributes(const authority::Profile& profile);

class Est {
 public:
  /// Borrows it.
  explicit Est(const Enrolment& enrolment) : enrolment_(enrolment) {}

  /// `below`: the path after "/.well-known/est/".
  void handle(std::string_view below, const http::Request& request, http::Respond respond) const;

 private:
  void ca_certificates(const EstPath& path, const http::Respond& respond) const;
  void attributes(const EstPath& path, const http::Respond& respond) const;
  void enrol(const EstPath& path, const http::Request& request, http::Respond respond) const;
  /// Who asks, and what that permits: fills actor, token and replaces.
  [[nodiscard]] Answer<void> authorise(const EstPath& path, const http::Request& request, Bytes csr,
                                       EnrolmentRequest& wanted) const;
  /// The rules for a device that shows a certificate of its own (RFC 7030 4.2.2).
  [[nodiscard]] Answer<void> authorise_device(const EstPath& path, const http::Request& request, Bytes csr,
                                              EnrolmentRequest& wanted) const;

  const Enrolment& enrolment_;
};

}  // namespace pedigree::protocols
