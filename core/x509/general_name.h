// SPDX-License-Identifier: Apache-2.0
// GeneralName and NameConstraints (RFC 5280 4.2.1.6 and 4.2.1.10).
#pragma once

#include "core/der/cursor.h"
#include "core/x509/certificate.h"

namespace pedigree::x509 {

/// The forms of GeneralName as their DER tags.
inline constexpr der::Tag kOtherName = der::context_constructed(0);
inline constexpr der::Tag kRfc822Name = der::context(1);
inline constexpr der::Tag kDnsName = der::context(2);
inline constexpr der::Tag kX400Address = der::context_constructed(3);
inline constexpr der::Tag kDirectoryName = der::context_constructed(4);
inline constexpr der::Tag kEdiPartyName = der::context_constructed(5);
inline constexpr der::Tag kUri = der::context(6);
inline constexpr der::Tag kIpAddress = der::context(7);
inline constexpr der::Tag kRegisteredId = der::context(8);

/// One GeneralName. `value` is the content; of a directoryName the whole DER of the Name in it.
struct GeneralName {
  der::Tag form{};
  Bytes value;
};

/// Where a GeneralName stands: an iPAddress in a constraint carries a mask.
enum class NameUse : std::uint8_t { name, constraint };

/// Reads one GeneralName and checks its content: ASCII where the form is an IA5String, addresses of 4 or 16
/// octets (with a contiguous mask after them in a constraint), well-formed names. Errors: bad_extension
/// (forms that do not exist, contents that are refused), those of check_name and of strict DER.
[[nodiscard]] Result<GeneralName> read_general_name(Reader& in, NameUse use) noexcept;

/// The same for a cursor.
void read_general_name(der::Cursor& in, NameUse use) noexcept;

/// Reads the content of GeneralNames: one or more names. Errors: bad_extension, those of read_general_name.
void check_general_names(der::Cursor& in) noexcept;

/// Reads the content of a NameConstraints SEQUENCE: at least one subtree, `minimum` and `maximum` absent.
/// Errors: as check_general_names.
void check_name_constraints(der::Cursor& in) noexcept;

/// Whether every name of `certificate` (subject, subjectAltName, emailAddress in the subject) is allowed by
/// `constraints`, the content of a NameConstraints SEQUENCE of a parsed certificate. `budget` is what is left
/// of the comparisons allowed; each takes one. ErrorCode{} if so, else name_not_permitted, name_excluded,
/// unsupported_name_form (the certificate has a name of a form that is constrained and that this software
/// cannot compare), too_many (budget used up).
[[nodiscard]] ErrorCode check_names_allowed(const Certificate& certificate, const Bytes& constraints,
                                            std::uint32_t& budget) noexcept;

/// Whether a name is inside a subtree of its own form (RFC 5280 4.2.1.10).
/// Errors: unsupported_name_form; bad_value where the name cannot be compared (a URI without a host name).
[[nodiscard]] Result<bool> general_name_within(const GeneralName& name, const GeneralName& subtree,
                                               bool excluded) noexcept;

}  // namespace pedigree::x509
