// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/files.h"
#include "core/cose/cose.h"

namespace pedigree::cli {
namespace {

/// One block of PEM, which its label names.
ReportResult report_block(const PemBlock& block, der::UnixTime now) {
  if (block.label == "CERTIFICATE") return report_certificate(block.der, now);
  if (block.label == "CERTIFICATE REQUEST" || block.label == "NEW CERTIFICATE REQUEST") {
    return report_request(block.der, now);
  }
  if (block.label == "X509 CRL") return report_crl(block.der, now);
  if (block.label == "PUBLIC KEY") return report_public_key(block.der);
  if (block.label == "ENCRYPTED PRIVATE KEY") return report_encrypted_key(block.der);
  if (block.label.ends_with("PRIVATE KEY")) return report_private_key(block.der);
  if (block.label.ends_with("PARAMETERS")) {
    return Report{.kind = "parameters", .title = printable(block.label), .remark = "not needed"};
  }
  return std::unexpected(
      InspectError{"PEM blocks of type " + printable(block.label) + " are not known", {}, {}});
}

ReportResult report_der(Bytes der, der::UnixTime now) {
  switch (detect(der)) {
    case Form::certificate:
      return report_certificate(der, now);
    case Form::request:
      return report_request(der, now);
    case Form::crl:
      return report_crl(der, now);
    case Form::public_key:
      return report_public_key(der);
    case Form::private_key:
      return report_private_key(der);
    case Form::encrypted_private_key:
      return report_encrypted_key(der);
    default:
      return std::unexpected(InspectError{"it is DER, but no certificate, request, CRL or key", 0, {}});
  }
}

/// Several elements: a chain where all are certificates, else a bundle of what they are.
ReportResult report_elements(const std::vector<PemBlock>& blocks, der::UnixTime now) {
  if (blocks.size() == 1) {
    auto report = report_block(blocks[0], now);
    if (!report) report.error().where = "the decoded PEM";
    return report;
  }
  if (std::ranges::all_of(blocks, [](const PemBlock& block) { return block.label == "CERTIFICATE"; })) {
    std::vector<Bytes> certificates;
    for (const PemBlock& block : blocks) certificates.emplace_back(block.der);
    return report_chain(certificates, now);
  }
  Report bundle{.kind = "bundle", .title = fmt::format("{} objects", blocks.size()), .parts_name = "objects"};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    auto report = report_block(blocks[i], now);
    if (!report) {
      report.error().where = fmt::format("block {} ({})", i + 1, printable(blocks[i].label));
      return report;
    }
    bundle.parts.push_back(*std::move(report));
  }
  return bundle;
}

ReportResult report_pem(Bytes content, der::UnixTime now) {
  auto blocks = parse_pem(as_text(content));
  if (!blocks) return std::unexpected(InspectError{blocks.error().summary, {}, {}});
  if (blocks->empty()) return std::unexpected(InspectError{"it holds no PEM block", 0, {}});
  auto report = report_elements(*blocks, now);
  for (PemBlock& block : *blocks) wipe(block.der);
  return report;
}

/// DER elements one after another; offsets are then those of the file.
ReportResult report_ders(Bytes content, der::UnixTime now) {
  std::vector<Bytes> elements;
  Reader in(content);
  while (!in.empty()) {
    const auto element = der::read(in, der::kSequence);
    if (!element)
      return std::unexpected(to_inspect_error(after_der(element.error(), !elements.empty()), "the file"));
    elements.push_back(element->whole);
  }
  if (elements.size() == 1) return report_der(elements[0], now);
  return report_chain(elements, now);
}

ReportResult report_cbor_chain(Bytes content, der::UnixTime now) {
  const auto chain = cose::read_chain(content);
  if (!chain) return std::unexpected(to_inspect_error(chain.error(), "the chain"));
  return report_chain({chain->view().begin(), chain->view().end()}, now);
}

std::string json_name(std::string name) {
  std::ranges::replace(name, ' ', '_');
  return name;
}

const Fact* find_fact(const Report& report, std::string_view name) {
  const auto fact = std::ranges::find(report.facts, name, &Fact::name);
  return fact == report.facts.end() ? nullptr : &*fact;
}

std::string packets_text(const Context& context, const Report& report) {
  constexpr const char* kColumns[] = {"time ms", "op", "group", "command", "seq", "latency ms"};
  Table table({"time ms", "op", "group", "command", "seq", "latency ms", "payload"});
  for (const Report& part : report.parts) {
    std::vector<Table::Cell> row;
    for (const char* column : kColumns) {
      const Fact* fact = find_fact(part, column);
      row.emplace_back(fact == nullptr ? std::string() : fact->text);
    }
    const Fact* malformed = find_fact(part, "malformed");
    const Fact* error = find_fact(part, "error");
    const Fact* payload = find_fact(part, "payload");
    if (malformed != nullptr) {
      row.emplace_back(malformed->text, Style::bad);
    } else if (error != nullptr) {
      row.emplace_back(payload->text + "  " + error->text, Style::warning);
    } else {
      row.emplace_back(payload == nullptr ? std::string() : payload->text);
    }
    table.add(std::move(row));
  }
  std::string text = "  " + styled(context, Style::strong, report.title) + "\n" + table.draw(context);
  for (const std::string& warning : report.warnings) {
    text += "  " + styled(context, Style::warning, "warning: " + printable(warning)) + "\n";
  }
  return text;
}

}  // namespace

InspectError to_inspect_error(const Error& error, std::string_view what) {
  return {fmt::format("{}: {}", what, sentence(error.code)), error.offset, {}};
}

ReportResult inspect(Bytes content, der::UnixTime now) {
  switch (detect(content)) {
    case Form::pem:
      return report_pem(content, now);
    case Form::cbor_chain:
      return report_cbor_chain(content, now);
    case Form::cose_sign1:
      return report_sign1(content, now);
    case Form::token_request:
      return report_token_request(content, now);
    case Form::image:
      return report_image(content, now);
    case Form::pcap:
      return report_pcap(content);
    case Form::console:
      return report_console(content);
    case Form::smp:
      return report_smp(content);
    case Form::unknown:
      if (content.empty()) return std::unexpected(InspectError{"it is empty", 0, {}});
      if (content[0] == der::kSequence) return report_ders(content, now);
      return std::unexpected(InspectError{"its content is none that this program knows", 0, {}});
    default:
      return report_ders(content, now);
  }
}

boost::json::value to_json(const Report& report) {
  boost::json::object object;
  object["kind"] = report.kind;
  object["title"] = report.title;
  for (const Fact& fact : report.facts) object[json_name(fact.name)] = fact.value;
  if (!report.parts_name.empty()) {
    boost::json::array& parts = object[json_name(report.parts_name)].emplace_array();
    for (const Report& part : report.parts) parts.push_back(to_json(part));
  }
  boost::json::array& warnings = object["warnings"].emplace_array();
  for (const std::string& warning : report.warnings) warnings.emplace_back(warning);
  return object;
}

TreeNode to_tree(const Report& report) {
  TreeNode node{.label = report.title, .remark = report.remark, .facts = {}, .children = {}};
  std::size_t width = 0;
  for (const Fact& fact : report.facts) {
    if (!fact.text.empty()) width = std::max(width, fact.name.size());
  }
  const bool is_extension = report.parts_name.empty() && find_fact(report, "critical") != nullptr;
  if (is_extension) {
    node.style = Style::plain;
    return node;  // its title says it all
  }
  for (const Fact& fact : report.facts) {
    if (fact.text.empty()) continue;  // for programs; people have it elsewhere
    // A text of several lines is a list.
    std::string_view name = fact.name;
    for (std::string_view rest = fact.text;;) {
      node.facts.push_back(fmt::format("{:{}}  {}", name, width, rest.substr(0, rest.find('\n'))));
      if (!rest.contains('\n')) break;
      rest.remove_prefix(rest.find('\n') + 1);
      name = {};
    }
  }
  for (const std::string& warning : report.warnings) {
    node.children.push_back(
        {.label = "warning: " + warning, .style = Style::warning, .remark = {}, .facts = {}, .children = {}});
  }
  for (const Report& part : report.parts) node.children.push_back(to_tree(part));
  return node;
}

std::string to_text(const Context& context, const Report& report) {
  if (report.parts_name == "packets") return packets_text(context, report);
  return draw_tree(context, to_tree(report));
}

}  // namespace pedigree::cli
