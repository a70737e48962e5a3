// SPDX-License-Identifier: Apache-2.0
#include "core/x509/crl_scope.h"

#include "core/x509/extension_writer.h"
#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::x509 {
namespace {

constexpr der::Tag kName = der::context_constructed(0);  // distributionPoint, and fullName in it

// An IMPLICIT BOOLEAN DEFAULT FALSE: in DER it is there only where it is true.
Result<bool> read_flag(Reader& in, der::Tag tag) noexcept {
  if (!der::next_is(in, tag)) return false;
  PEDIGREE_ASSIGN(const der::Element flag, der::read_any(in));
  if (flag.content.size() != 1 || flag.content[0] != 0xff) {
    return fail(ErrorCode::bad_value, flag.content_offset);
  }
  return true;
}

// The content of a DistributionPointName: fullName, since nobody asks for the other form.
Result<Bytes> read_full_name(const der::Element& point, std::uint32_t extension) noexcept {
  Reader in = point.reader();
  if (!der::next_is(in, kName)) return fail(ErrorCode::unknown_critical_extension, extension);
  PEDIGREE_ASSIGN(const der::Element names, der::read_any(in));
  PEDIGREE_TRY(in.finish());
  Reader each = names.reader();
  if (each.empty()) return fail(ErrorCode::bad_extension, names.content_offset);
  while (!each.empty()) PEDIGREE_TRY(read_general_name(each, NameUse::name));
  return names.content;
}

bool has_name(Reader names, const GeneralName& wanted) noexcept {
  while (!names.empty()) {
    const auto name = read_general_name(names, NameUse::name);
    if (!name) return false;
    if (name->form == wanted.form && equal(name->value, wanted.value)) return true;
  }
  return false;
}

// One DistributionPoint of a certificate. One with reasons or a cRLIssuer of its own wants CRLs of forms that
// are not read here.
bool point_has_name(const der::Element& point, Bytes wanted) noexcept {
  Reader fields = point.reader();
  const auto name = der::read(fields, kName);
  if (!name || !fields.empty()) return false;
  Reader inside = name->reader();
  const auto full = der::read(inside, kName);
  if (!full) return false;
  for (Reader names(wanted); !names.empty();) {
    const auto one = read_general_name(names, NameUse::name);
    if (!one) return false;
    if (has_name(full->reader(), *one)) return true;
  }
  return false;
}

// Content of cRLDistributionPoints.
bool points_have_name(Bytes extension, Bytes wanted) noexcept {
  Reader value(extension);
  const auto list = der::read(value, der::kSequence);
  if (!list) return false;
  for (Reader points = list->reader(); !points.empty();) {
    const auto point = der::read(points, der::kSequence);
    if (!point) return false;
    if (point_has_name(*point, wanted)) return true;
  }
  return false;
}

bool names_point(const Certificate& certificate, Bytes wanted) noexcept {
  bool named = false;
  const auto look = [&](const Extension& extension) {
    if (equal(extension.oid, oid::kCrlDistributionPoints)) named = points_have_name(extension.value, wanted);
  };
  return for_each_extension(certificate.extensions_content(), look).has_value() && named;
}

// Unsigned big-endian numbers without leading zeros.
bool number_less(Bytes a, Bytes b) noexcept {
  if (a.size() != b.size()) return a.size() < b.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return a[i] < b[i];
  }
  return false;
}

}  // namespace

Result<CrlScope> parse_crl_scope(const Extension& extension) noexcept {
  const std::uint32_t offset = extension.value_offset;
  Reader in(extension.value, offset);
  PEDIGREE_ASSIGN(const der::Element sequence, der::read(in, der::kSequence));
  PEDIGREE_TRY(in.finish());
  Reader fields = sequence.reader();
  if (fields.empty()) return fail(ErrorCode::bad_extension, offset);
  CrlScope scope;
  if (der::next_is(fields, kName)) {
    PEDIGREE_ASSIGN(const der::Element point, der::read_any(fields));
    PEDIGREE_ASSIGN(scope.names, read_full_name(point, offset));
  }
  PEDIGREE_ASSIGN(scope.user_certificates_only, read_flag(fields, der::context(1)));
  PEDIGREE_ASSIGN(scope.ca_certificates_only, read_flag(fields, der::context(2)));
  if (scope.user_certificates_only && scope.ca_certificates_only) {
    return fail(ErrorCode::bad_extension, offset);
  }
  // onlySomeReasons, indirectCRL, onlyContainsAttributeCerts.
  if (!fields.empty()) return fail(ErrorCode::unknown_critical_extension, offset);
  return scope;
}

bool Crl::covers(const Certificate& certificate) const noexcept {
  const auto& constraints = certificate.extensions().basic_constraints;
  const bool ca = constraints && constraints->ca;
  if (scope_.user_certificates_only && ca) return false;
  if (scope_.ca_certificates_only && !ca) return false;
  return scope_.names.empty() || names_point(certificate, scope_.names);
}

bool Crl::completes(const Crl& base) const noexcept {
  return is_delta() && !base.is_delta() && names_match(issuer_, base.issuer_) &&
         equal(scope_whole_, base.scope_whole_) && !number_less(base.number_, base_number_) &&
         number_less(base.number_, number_);
}

void write_crl_scope(const CrlFields& fields, der::Builder& out) noexcept {
  const ExtensionWriter extension(out, oid::kIssuingDistributionPoint, fields.distribution_point_critical);
  const std::size_t sequence = out.open(der::kSequence);
  write_distribution_point_name(fields.distribution_point, out);
  out.close(sequence);
}

}  // namespace pedigree::x509
