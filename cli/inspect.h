// SPDX-License-Identifier: Apache-2.0
// What a file holds, found by its content, as facts for people and programs. Parsing is core's own; nothing
// secret is kept.
#pragma once

#include <boost/json/value.hpp>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "core/bytes/bytes.h"
#include "core/bytes/error.h"
#include "core/der/der.h"
#include "core/psa_token/psa_token.h"

namespace pedigree::cli {

/// Forms that are told apart by content.
enum class Form : std::uint8_t {
  unknown,
  pem,
  certificate,
  request,
  crl,
  public_key,
  private_key,            ///< PKCS#8, SEC 1 or PKCS#1
  encrypted_private_key,  ///< PKCS#8
  cbor_chain,
  cose_sign1,
  token_request,
  image,  ///< MCUboot's
  pcap,
  console,  ///< SMP in console framing, among other text
  smp,      ///< SMP packets one after another
};
/// The form of `content`; never fails, reads only as much structure as it takes to tell.
[[nodiscard]] Form detect(Bytes content) noexcept;

/// One fact: "not after", "2036-11-20T00:00:00Z". JSON has the name with underscores.
struct Fact {
  std::string name{}, text{};
  boost::json::value value{};
};

/// An object with its facts and parts.
struct Report {
  std::string kind{};   ///< "certificate"
  std::string title{};  ///< what a person calls it
  std::string remark{};
  std::vector<Fact> facts{};
  std::vector<std::string> warnings{};
  std::string parts_name{};  ///< JSON name of `parts`
  std::vector<Report> parts{};

  void add(std::string name, std::string text) {
    boost::json::value value(text);
    facts.push_back({std::move(name), std::move(text), std::move(value)});
  }
  void add(std::string name, std::string text, boost::json::value value) {
    facts.push_back({std::move(name), std::move(text), std::move(value)});
  }
};

/// Why the content is refused, and where.
struct InspectError {
  std::string reason;
  std::optional<std::uint64_t> offset;
  std::string where;  ///< what the offset counts in, if not the file: "block 2"
};
[[nodiscard]] InspectError to_inspect_error(const Error& error, std::string_view what);

/// `now` is for warnings about validity; `source` is the file's name, for titles.
[[nodiscard]] std::expected<Report, InspectError> inspect(Bytes content, der::UnixTime now);

// The parts of inspect, each for one form; the content is of that form.
using ReportResult = std::expected<Report, InspectError>;
[[nodiscard]] ReportResult report_certificate(Bytes der, der::UnixTime now);
[[nodiscard]] ReportResult report_request(Bytes der, der::UnixTime now);
[[nodiscard]] ReportResult report_crl(Bytes der, der::UnixTime now);
[[nodiscard]] ReportResult report_public_key(Bytes der);
[[nodiscard]] ReportResult report_private_key(Bytes der);
[[nodiscard]] ReportResult report_encrypted_key(Bytes der);
[[nodiscard]] ReportResult report_chain(const std::vector<Bytes>& certificates, der::UnixTime now);
[[nodiscard]] ReportResult report_sign1(Bytes cbor, der::UnixTime now);
[[nodiscard]] ReportResult report_token_request(Bytes cbor, der::UnixTime now);
[[nodiscard]] ReportResult report_image(Bytes content, der::UnixTime now);
[[nodiscard]] ReportResult report_pcap(Bytes content);
[[nodiscard]] ReportResult report_console(Bytes content);
[[nodiscard]] ReportResult report_smp(Bytes content);

/// Makes the report one of an attestation token, and adds its claims.
void add_claims(Report& report, const psa_token::Claims& claims);
/// Adds the evidence of a request: what its token is, and in JSON all of it.
void add_evidence(Report& report, Bytes token, der::UnixTime now);
/// Adds "key", "spki sha256", and a warning where it is a published test key or of an unsupported type.
void add_key_facts(Report& report, Bytes spki);
/// A part for each extension of an Extensions SEQUENCE's content.
[[nodiscard]] std::vector<Report> extension_parts(Bytes extensions);
/// "uri:http://..., dns:..." of the content of GeneralNames.
[[nodiscard]] std::string general_names_text(Bytes names);

[[nodiscard]] boost::json::value to_json(const Report& report);
[[nodiscard]] TreeNode to_tree(const Report& report);
/// The text for people: a tree, or a table for SMP packets.
[[nodiscard]] std::string to_text(const Context& context, const Report& report);

}  // namespace pedigree::cli
