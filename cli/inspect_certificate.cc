// SPDX-License-Identifier: Apache-2.0
// Certificates, requests, CRLs and chains as reports.
#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "cli/describe.h"
#include "cli/files.h"
#include "cli/inspect.h"
#include "core/csr/csr.h"
#include "core/evidence/evidence.h"
#include "core/x509/crl.h"
#include "core/x509/name.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

std::string algorithm_text(const x509::AlgorithmIdentifier& algorithm) {
  if (algorithm.signature) return std::string(crypto::name(*algorithm.signature));
  return "unsupported algorithm " + oid_text(algorithm.oid);
}

void add_validity(Report& report, const x509::Certificate& certificate, der::UnixTime now) {
  report.add("not before", time_text(certificate.not_before()));
  const bool for_ever = certificate.not_after() == der::kNoWellDefinedExpiration;
  report.add("not after", time_text(certificate.not_after()) + (for_ever ? " (no expiry)" : ""),
             boost::json::value(time_text(certificate.not_after()).c_str()));
  if (now < certificate.not_before()) {
    report.warnings.push_back("not valid before " + time_text(certificate.not_before()));
  } else if (now > certificate.not_after()) {
    report.warnings.push_back("expired since " + time_text(certificate.not_after()));
  }
}

void add_links(std::vector<Report>& parts, const std::vector<x509::Certificate>& certificates) {
  const crypto::OpenSslCrypto crypto;
  for (std::size_t i = 0; i + 1 < certificates.size(); ++i) {
    const x509::Certificate& child = certificates[i];
    const x509::Certificate& issuer = certificates[i + 1];
    if (!x509::names_match(child.issuer(), issuer.subject())) {
      parts[i].warnings.push_back("its issuer is not the subject of the next certificate");
    } else if (!x509::verify_signature(crypto, issuer.spki(), child.signature_algorithm(), child.tbs(),
                                       child.signature())) {
      parts[i].warnings.push_back("its signature does not verify by the next certificate's key");
    } else {
      parts[i].add("signed by", fmt::format("certificate {}", i + 1), boost::json::value(i + 1));
    }
  }
}

/// Which certificates a CRL speaks of, where it is not all of its issuer's.
void add_scope(Report& report, const x509::CrlScope& scope) {
  if (!scope.names.empty()) report.add("only for distribution point", general_names_text(scope.names));
  if (scope.user_certificates_only) report.add("only for", "end-entity certificates");
  if (scope.ca_certificates_only) report.add("only for", "CA certificates");
}

}  // namespace

ReportResult report_certificate(Bytes der, der::UnixTime now) {
  const auto certificate = x509::Certificate::parse(der);
  if (!certificate) return std::unexpected(to_inspect_error(certificate.error(), "the certificate"));
  Report report{.kind = "certificate",
                .title = title_of(*certificate),
                .remark = "until " + day_text(certificate->not_after())};
  report.add("subject", name_text(certificate->subject()));
  report.add("issuer", name_text(certificate->issuer()));
  report.add("serial", to_hex(certificate->serial()));
  report.add("version", std::to_string(certificate->version()), boost::json::value(certificate->version()));
  add_validity(report, *certificate, now);
  add_key_facts(report, certificate->spki().whole);
  report.add("signature", algorithm_text(certificate->signature_algorithm()));
  report.add("sha256", sha256_hex(der));
  if (x509::names_match(certificate->subject(), certificate->issuer())) {
    const crypto::OpenSslCrypto crypto;
    const bool own = x509::verify_signature(crypto, certificate->spki(), certificate->signature_algorithm(),
                                            certificate->tbs(), certificate->signature())
                         .has_value();
    report.add("self signed", own ? "yes" : "no: same names, but its own key does not verify it",
               boost::json::value(own));
  }
  if (!certificate->signature_algorithm().signature) {
    report.warnings.emplace_back("the signature algorithm is not supported");
  }
  if (const auto& unknown = certificate->extensions().unknown_critical) {
    report.warnings.push_back("critical extension " + oid_text(*unknown) +
                              " is not understood; path validation refuses it");
  }
  report.parts_name = "extensions";
  report.parts = extension_parts(certificate->extensions_content());
  return report;
}

ReportResult report_request(Bytes der, der::UnixTime now) {
  const auto request = csr::Request::parse(der);
  if (!request) return std::unexpected(to_inspect_error(request.error(), "the request"));
  Report report{.kind = "certification request",
                .title = name_text(request->subject()),
                .remark = "request, " + key_text(request->spki())};
  report.add("subject", name_text(request->subject()));
  add_key_facts(report, request->spki().whole);
  report.add("signature", algorithm_text(request->signature_algorithm()));
  const crypto::OpenSslCrypto crypto;
  const auto verified = request->verify(crypto);
  report.add("proof of possession", verified ? "verifies" : std::string(sentence(verified.error().code)),
             boost::json::value(verified.has_value()));
  if (!verified) report.warnings.emplace_back("the request's signature does not verify by its own key");
  if (!request->challenge_password().empty()) {
    report.add("challenge password", printable(as_text(request->challenge_password())));
  }
  const auto token = evidence::find_token(*request);
  if (token) {
    add_evidence(report, *token, now);
  } else if (token.error().code != ErrorCode::not_found) {
    report.warnings.emplace_back("the evidence attribute is malformed");
  }
  report.parts_name = "extensions";
  report.parts = extension_parts(request->requested_extensions());
  return report;
}

ReportResult report_crl(Bytes der, der::UnixTime now) {
  const auto crl = x509::Crl::parse_any(der);
  if (!crl) return std::unexpected(to_inspect_error(crl.error(), "the CRL"));
  Report report{.kind = "certificate revocation list", .title = name_text(crl->issuer()), .remark = "CRL"};
  report.add("issuer", name_text(crl->issuer()));
  report.add("this update", time_text(crl->this_update()));
  if (now < crl->this_update()) report.warnings.emplace_back("this CRL is from the future");
  if (crl->next_update()) {
    report.add("next update", time_text(*crl->next_update()));
    if (now > *crl->next_update()) {
      report.warnings.push_back("a newer CRL was due at " + time_text(*crl->next_update()));
    }
  }
  if (!crl->crl_number().empty()) report.add("number", to_hex(crl->crl_number()));
  if (crl->is_delta()) report.add("changes since number", to_hex(crl->base_crl_number()));
  add_scope(report, crl->scope());
  report.add("signature", algorithm_text(crl->signature_algorithm()));
  report.parts_name = "revoked";
  Reader in(crl->entries());
  while (!in.empty()) {
    const auto entry = x509::Crl::read_entry(in);
    if (!entry) return std::unexpected(to_inspect_error(entry.error(), "the CRL"));
    Report part{
        .kind = "revoked", .title = to_hex(entry->serial), .remark = std::string(name(entry->reason))};
    part.add("since", time_text(entry->when));
    report.parts.push_back(std::move(part));
  }
  report.add("entries", std::to_string(report.parts.size()), boost::json::value(report.parts.size()));
  return report;
}

ReportResult report_chain(const std::vector<Bytes>& certificates, der::UnixTime now) {
  Report report{.kind = "chain",
                .title = fmt::format("chain of {} certificate{}", certificates.size(),
                                     certificates.size() == 1 ? "" : "s"),
                .remark = "leaf first"};
  report.parts_name = "certificates";
  std::vector<x509::Certificate> parsed;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    auto part = report_certificate(certificates[i], now);
    if (!part) {
      part.error().where = fmt::format("certificate {} of {}", i, certificates.size());
      return part;
    }
    part->title = fmt::format("{}: {}", i, part->title);
    report.parts.push_back(*std::move(part));
    parsed.push_back(*x509::Certificate::parse(certificates[i]));
  }
  add_links(report.parts, parsed);
  return report;
}

}  // namespace pedigree::cli
