// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_chain.h"

#include <fmt/format.h>

#include "cli/describe.h"
#include "core/x509/crl.h"
#include "core/x509/name.h"
#include "core/x509/test_keys.h"

namespace pedigree::cli {
namespace {

using x509::Certificate;

struct Run {
  const crypto::Crypto& crypto;
  const ChainQuestion& question;
  std::vector<Certificate> certificates;
  std::vector<Certificate> roots;
  ChainAnswer answer;

  void refuse(ErrorCode code, std::optional<std::size_t> index, std::string why) {
    answer.checks.push_back({"no", "revocation", why});
    if (!answer.trusted) return;
    answer.trusted = false;
    answer.code = code;
    answer.index = index;
    answer.sentence = std::move(why);
  }
};

void validate(Run& run) {
  const ChainQuestion& question = run.question;
  std::vector<x509::TrustAnchor> anchors;
  for (const Octets& der : question.roots)
    if (const auto root = Certificate::parse(der)) {
      run.roots.push_back(*root);
      anchors.push_back({.certificate = *root, .spki_sha256 = {}, .root_spki = {}});
    }
  for (const Sha256& hash : question.root_hashes)
    anchors.push_back({.certificate = {}, .spki_sha256 = hash, .root_spki = {}});
  x509::PathOptions options;
  options.anchors = anchors;
  options.time = question.time;
  if (question.purpose) options.key_purpose = Bytes(*question.purpose);
  options.leaf_may_be_ca = question.leaf_may_be_ca;
  const std::vector<Bytes> chain(question.chain.begin(), question.chain.end());
  run.answer.verdict = x509::validate_path(run.crypto, std::span<const Bytes>(chain), options);

  const x509::Verdict& verdict = run.answer.verdict;
  Octets buffer(8192);
  Writer out(buffer);
  x509::print_verdict(verdict, chain, out);
  run.answer.sentence = std::string(as_text(out.written()));
  run.answer.trusted = verdict.trusted();
  run.answer.code = verdict.code;
  if (verdict.code && verdict.index < chain.size()) run.answer.index = verdict.index;
}

void note_path(Run& run) {
  const ChainQuestion& question = run.question;
  std::vector<ChainCheck>& checks = run.answer.checks;
  const std::string path = fmt::format("signatures, names and constraints of {} certificate{} hold",
                                       question.chain.size(), question.chain.size() == 1 ? "" : "s");
  checks.push_back(run.answer.trusted ? ChainCheck{"ok", "chain", path}
                                      : ChainCheck{"no", "chain", run.answer.sentence});
  if (!run.answer.trusted) return;
  checks.push_back(question.time ? ChainCheck{"ok", "time", "all are valid at " + time_text(*question.time)}
                                 : ChainCheck{"warn", "time", "not checked, as asked"});
  if (question.purpose) checks.push_back({"ok", "purpose", oid_text(*question.purpose) + " is allowed"});
}

void note_test_keys(Run& run) {
  for (std::size_t i = 0; i < run.certificates.size(); ++i) {
    const auto hash = run.crypto.sha256(run.certificates[i].spki().whole);
    const auto origin = hash ? x509::test_key_origin(*hash) : std::nullopt;
    if (!origin) continue;
    run.answer.checks.push_back(
        {"warn", "test key",
         fmt::format("certificate {} is for {}, whose private half everybody has", i + 1, *origin)});
  }
}

/// Whether the issuer's key signed the list; an issuer with a keyUsage must allow it (RFC 5280 6.3.3 f).
bool signed_by(const Run& run, const x509::Crl& crl, const Certificate& issuer) {
  const auto usage = issuer.extensions().key_usage;
  if (usage && (*usage & x509::kCrlSign) == 0) return false;
  return x509::names_match(crl.issuer(), issuer.subject()) &&
         x509::verify_signature(run.crypto, issuer.spki(), crl.signature_algorithm(), crl.tbs(),
                                crl.signature())
             .has_value();
}

const Certificate* issuer_of(const Run& run, std::size_t index) {
  if (index + 1 < run.certificates.size()) return &run.certificates[index + 1];
  const auto anchor = run.answer.verdict.anchor;
  return anchor && *anchor < run.roots.size() ? &run.roots[*anchor] : nullptr;
}

/// Why the list says nothing at the time asked for; empty if it does.
std::string stale_reason(const Run& run, const x509::Crl& crl) {
  if (!run.question.time) return {};
  if (crl.this_update() > *run.question.time)
    return "is from " + time_text(crl.this_update()) + ", after that time";
  if (!crl.next_update()) return {};
  return *crl.next_update() < *run.question.time ? "is out of date since " + time_text(*crl.next_update())
                                                 : "";
}

void apply_crl(Run& run, const x509::Crl& crl, std::size_t number) {
  bool used = false;
  for (std::size_t i = 0; i < run.certificates.size(); ++i) {
    const Certificate* issuer = issuer_of(run, i);
    // The root's own certificate is trusted as such; a list cannot revoke it.
    if (issuer == nullptr || !x509::names_match(run.certificates[i].issuer(), crl.issuer())) continue;
    if (!signed_by(run, crl, *issuer)) continue;
    used = true;
    if (!crl.covers(run.certificates[i])) {
      run.answer.checks.push_back({"warn", "revocation",
                                   fmt::format("CRL {} ({}) speaks of other certificates than certificate {}",
                                               number, name_text(crl.issuer()), i + 1)});
      continue;
    }
    const std::string position = fmt::format("certificate {} of {} ({})", i + 1, run.certificates.size(),
                                             title_of(run.certificates[i]));
    if (const std::string stale = stale_reason(run, crl); !stale.empty()) {
      run.refuse(ErrorCode::expired, i, fmt::format("{} cannot be cleared: its CRL {}", position, stale));
    } else if (const auto entry = crl.find(run.certificates[i].serial())) {
      run.answer.revocation[i] = "revoked";
      run.refuse(ErrorCode::revoked, i,
                 fmt::format("{} is revoked since {} ({})", position, time_text(entry->when),
                             x509::name(entry->reason)));
    } else if (crl.is_delta()) {
      run.answer.checks.push_back(
          {"warn", "revocation",
           fmt::format("CRL {} ({}) is a delta CRL: what it does not name, only a complete CRL clears",
                       number, name_text(crl.issuer()))});
    } else if (run.answer.revocation[i] != "revoked") {
      run.answer.revocation[i] = "not revoked";
      run.answer.checks.push_back(
          {"ok", "revocation", fmt::format("{} is not on the CRL of {}", position, name_text(crl.issuer()))});
    }
  }
  if (!used)
    run.answer.checks.push_back(
        {"warn", "revocation",
         fmt::format("CRL {} ({}) is not signed by an issuer of this chain; it says nothing", number,
                     name_text(crl.issuer()))});
}

void check_revocation(Run& run) {
  for (std::size_t i = 0; i < run.question.crls.size(); ++i) {
    const auto crl = x509::Crl::parse_any(run.question.crls[i]);
    if (crl)
      apply_crl(run, *crl, i + 1);
    else
      run.refuse(crl.error().code, {},
                 fmt::format("CRL {} cannot be used: at byte {}, {}", i + 1, crl.error().offset,
                             sentence(crl.error().code)));
  }
}

}  // namespace

ChainAnswer verify_chain(const crypto::Crypto& crypto, const ChainQuestion& question) {
  Run run{crypto, question, {}, {}, {}};
  validate(run);
  run.answer.revocation.assign(question.chain.size(), "not checked");
  note_path(run);
  for (const Octets& der : question.chain)
    if (const auto certificate = Certificate::parse(der)) run.certificates.push_back(*certificate);
  const bool all_parsed = run.certificates.size() == question.chain.size();
  if (all_parsed) note_test_keys(run);
  // Only a valid path says whose lists count.
  if (all_parsed && run.answer.trusted) check_revocation(run);
  return std::move(run.answer);
}

}  // namespace pedigree::cli
