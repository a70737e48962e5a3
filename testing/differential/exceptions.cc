// SPDX-License-Identifier: Apache-2.0
#include "testing/differential/exceptions.h"

#include <openssl/x509_vfy.h>

#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/text.h"
#include "testing/crypto/backends.h"

namespace pedigree::testing {
namespace {

using x509::Certificate;

bool always(const Case& /*subject*/, const Certificate& /*certificate*/, std::size_t /*index*/) {
  return true;
}

bool is_leaf(const Case& /*subject*/, const Certificate& /*certificate*/, std::size_t index) {
  return index == 0;
}

bool in_its_last_second(const Case& /*subject*/, const Certificate& certificate, std::size_t /*index*/) {
  return certificate.not_after() == kDifferentialNow;
}

bool allows_any_purpose(const Case& /*subject*/, const Certificate& certificate, std::size_t index) {
  // A TLS client's certificate must also allow digitalSignature, which OpenSSL complains of in the same
  // words.
  const std::uint16_t usage = certificate.extensions().key_usage.value_or(x509::kDigitalSignature);
  if (index == 0 && (usage & x509::kDigitalSignature) == 0) return false;
  const auto& purposes = certificate.extensions().ext_key_usage;
  if (!purposes) return false;
  for (Reader in(*purposes); !in.empty();) {
    const auto purpose = der::read_oid(in);
    if (!purpose) return false;
    if (equal(*purpose, x509::oid::kAnyExtendedKeyUsage)) return true;
  }
  return false;
}

bool is_leaf_without_usable_key(const Case& /*subject*/, const Certificate& certificate, std::size_t index) {
  const auto& key = certificate.spki().key;
  return index == 0 && (!key || !openssl_backend().crypto().check_public_key(*key));
}

bool is_leaf_with_unknown_key(const Case& /*subject*/, const Certificate& certificate, std::size_t index) {
  return index == 0 && !certificate.spki().key;
}

/// Whether a name has a value that is not of a string type.
bool has_other_value(Bytes name) {
  bool found = false;
  const auto visited = x509::for_each_attribute(name, [&](const x509::NameAttribute& attribute, bool) {
    found |= !x509::is_text(attribute.string_tag);
  });
  return found && visited;
}

bool names_other_values(const Case& /*subject*/, const Certificate& certificate, std::size_t /*index*/) {
  return has_other_value(certificate.subject()) || has_other_value(certificate.issuer());
}

bool is_read_form(der::Tag tag) {
  return tag == x509::kRfc822Name || tag == x509::kDnsName || tag == x509::kDirectoryName ||
         tag == x509::kUri || tag == x509::kIpAddress;
}

/// Whether `names`, a sequence of GeneralNames, has one of a form that OpenSSL decodes and core skips.
bool has_unread_form(Bytes names) {
  for (Reader in(names); !in.empty();) {
    const auto name = der::read_any(in);
    if (!name) return false;
    if (!is_read_form(name->tag)) return true;
  }
  return false;
}

bool constrains_unread_form(Bytes constraints) {
  for (Reader lists(constraints); !lists.empty();) {
    const auto list = der::read_any(lists);
    if (!list) return false;
    for (Reader subtrees = list->reader(); !subtrees.empty();) {
      const auto subtree = der::read_any(subtrees);
      if (!subtree) return false;
      if (has_unread_form(subtree->content)) return true;
    }
  }
  return false;
}

/// OpenSSL complains of the certificate below the one whose names it cannot decode.
bool is_below_unread_name(const Case& subject, const Certificate& /*certificate*/, std::size_t /*index*/) {
  for (const Octets& der : subject.chain) {
    const auto parsed = Certificate::parse(der);
    if (!parsed) continue;
    const x509::Extensions& extensions = parsed->extensions();
    if (extensions.subject_alt_name && has_unread_form(*extensions.subject_alt_name)) return true;
    if (extensions.name_constraints && constrains_unread_form(*extensions.name_constraints)) return true;
  }
  return false;
}

bool is_self_issued(const Case& /*subject*/, const Certificate& certificate, std::size_t /*index*/) {
  return x509::names_match(certificate.subject(), certificate.issuer());
}

/// Complaints of OpenSSL that core does not share.
struct AcceptRow {
  int error;
  bool (*applies)(const Case&, const Certificate&, std::size_t index);
  const char* why;
};
constexpr AcceptRow kAcceptRows[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, in_its_last_second,
     "RFC 5280 4.1.2.5: the validity period includes notAfter"},
    {X509_V_ERR_INVALID_PURPOSE, allows_any_purpose,
     "RFC 5280 4.2.1.12: anyExtendedKeyUsage stands for any purpose"},
    {X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, always,
     "RFC 5280 4.2.1.1 asks it of the CA; path validation (6.1) does not use it"},
    {X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, always,
     "RFC 5280 4.2.1.2 asks it of the CA; path validation (6.1) does not use it"},
    {X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, always,
     "RFC 5280 6.1.4 (n): keyUsage is checked if it is present"},
    {X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN, always,
     "RFC 5280 4.2.1.9 asks it of the CA; 6.1.4 (m) uses pathLen whatever keyUsage says"},
    {X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA, is_leaf,
     "RFC 5280 6.1.5: what basicConstraints say of an end entity is not used"},
    {X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA, is_leaf,
     "RFC 5280 6.1.5: a usage that the end entity cannot exercise harms nobody"},
    {X509_V_ERR_UNSPECIFIED, is_leaf_without_usable_key,
     "RFC 5280 6.1.6: the end entity's key is a result; whoever uses it checks that it is on its curve"},
    {kNotParsed, names_other_values,
     "RFC 5280 4.1.2.4: an attribute's value is of any type; what is no text is compared octet by octet"},
    {kNotParsed, is_leaf_with_unknown_key,
     "RFC 5280 4.1.1.2 and 6.1.6: parameters of an algorithm not known are of any type, and stay unread"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, is_below_unread_name,
     "RFC 5280 4.2.1.10: forms of name that are not supported matter only where they are constrained"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, is_below_unread_name,
     "RFC 5280 4.2.1.10: forms of name that are not supported matter only where they are constrained"},
    {X509_V_ERR_INVALID_PURPOSE, is_below_unread_name,
     "RFC 5280 4.2.1.10: forms of name that are not supported matter only where they are constrained"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, is_self_issued,
     "RFC 5280 3.2: self-issued is not self-signed; the anchor's key signed it"},
    {X509_V_ERR_INVALID_CA, is_leaf, "RFC 5280 6.1.5: the end entity need not be a CA"},
};

/// Refusals that OpenSSL does not share: only of certificates that core does not parse.
struct RefuseRow {
  ErrorCode code;
  const char* why;
};
constexpr RefuseRow kRefuseRows[] = {
    {ErrorCode::bad_tag, "RFC 5280 4.1: another type stands where the syntax requires one"},
    {ErrorCode::bad_value, "RFC 5280 4.1 and X.690 8 to 11: the certificate is not DER"},
    {ErrorCode::non_minimal, "RFC 5280 4.1 and X.690 10.1, 11.2: the certificate is not DER"},
    {ErrorCode::negative_number, "RFC 8017 A.1.1: the numbers of an RSA key are positive"},
    {ErrorCode::trailing_data, "RFC 5280 4.1: the syntax ends before the data does"},
    {ErrorCode::unsupported_version, "RFC 5280 4.1.2.1: versions are 1 to 3, written as 0 to 2"},
    {ErrorCode::bad_serial, "RFC 5280 4.1.2.2: a serial number is positive"},
    {ErrorCode::bad_extension, "RFC 5280 4.2: a known extension does not follow its syntax"},
    {ErrorCode::invalid_key,
     "RFC 8017 3.1: modulus and exponent of an RSA key are odd, the exponent above 1"},
};

}  // namespace

const char* core_may_accept(const Case& subject, const Complaint& complaint) {
  const auto certificate = Certificate::parse(subject.chain.at(complaint.index));
  if (!certificate) return nullptr;
  for (const AcceptRow& row : kAcceptRows) {
    if (row.error == complaint.error && row.applies(subject, *certificate, complaint.index)) return row.why;
  }
  return nullptr;
}

const char* core_may_refuse(const Case& subject, const x509::Verdict& core) {
  if (core.index >= subject.chain.size() || Certificate::parse(subject.chain[core.index])) return nullptr;
  for (const RefuseRow& row : kRefuseRows) {
    if (row.code == core.code) return row.why;
  }
  return nullptr;
}

}  // namespace pedigree::testing
