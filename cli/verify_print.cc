// SPDX-License-Identifier: Apache-2.0
// The answer of `verify chain` for people and for programs.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/describe.h"
#include "cli/verify_chain.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using x509::Certificate;

std::string remark_of(const Certificate& certificate) {
  std::string remark =
      fmt::format("{}, until {}", key_text(certificate.spki()), day_text(certificate.not_after()));
  const auto& constraints = certificate.extensions().basic_constraints;
  if (constraints && constraints->ca)
    remark += constraints->path_len ? fmt::format(", CA, pathLen {}", *constraints->path_len) : ", CA";
  return remark;
}

TreeNode node_of(const ChainQuestion& question, const ChainAnswer& answer, std::size_t index) {
  const auto certificate = Certificate::parse(question.chain[index]);
  TreeNode node{
      .label = certificate ? title_of(*certificate) : fmt::format("certificate {}: unreadable", index + 1),
      .style = answer.index == index ? Style::bad : Style::strong,
      .remark = certificate ? remark_of(*certificate) : "",
      .facts = {},
      .children = {}};
  if (answer.revocation[index] != "not checked") node.remark += ", " + answer.revocation[index];
  if (answer.index == index && answer.code) node.facts.push_back("^ " + std::string(sentence(*answer.code)));
  if (index > 0) node.children.push_back(node_of(question, answer, index - 1));
  return node;
}

/// The anchor that the chain ends at, where it is not in the chain itself.
std::optional<TreeNode> anchor_node(const ChainQuestion& question, const ChainAnswer& answer) {
  const auto anchor = answer.verdict.anchor;
  if (!anchor || *anchor >= question.roots.size() || question.roots[*anchor] == question.chain.back())
    return {};
  const auto root = Certificate::parse(question.roots[*anchor]);
  if (!root) return {};
  return TreeNode{
      .label = title_of(*root),
      .style = Style::good,
      .remark = "trusted root " + shorten(sha256_hex(root->spki().whole)) + ", " + remark_of(*root),
      .facts = {},
      .children = {}};
}

void print_text(const Context& context, const ChainQuestion& question, const ChainAnswer& answer) {
  print_line(fmt::format(
      "{}  {}",
      styled(context, answer.trusted ? Style::good : Style::bad, answer.trusted ? "trusted" : "not trusted"),
      printable(answer.sentence)));
  if (context.quiet) return;
  TreeNode tree = node_of(question, answer, question.chain.size() - 1);
  if (std::optional<TreeNode> anchor = anchor_node(question, answer)) {
    anchor->children.push_back(std::move(tree));
    tree = *std::move(anchor);
  }
  print(draw_tree(context, tree));
  Table table;
  for (const ChainCheck& check : answer.checks) {
    const Style style = check.result == "ok"   ? Style::good
                        : check.result == "no" ? Style::bad
                                               : Style::warning;
    table.add({{check.result, style}, check.what.c_str(), check.why.c_str()});
  }
  print(table.draw(context));
}

json::object certificate_json(const ChainQuestion& question, const ChainAnswer& answer, std::size_t index) {
  json::object out{{"position", index + 1}};
  const auto certificate = Certificate::parse(question.chain[index]);
  if (certificate) {
    const auto& constraints = certificate->extensions().basic_constraints;
    out["subject"] = printable(name_text(certificate->subject()));
    out["issuer"] = printable(name_text(certificate->issuer()));
    out["serial"] = to_hex(certificate->serial());
    out["not_before"] = time_text(certificate->not_before());
    out["not_after"] = time_text(certificate->not_after());
    out["key"] = key_text(certificate->spki());
    out["spki_sha256"] = sha256_hex(certificate->spki().whole);
    out["ca"] = constraints && constraints->ca;
    if (constraints && constraints->path_len) out["path_len"] = *constraints->path_len;
  }
  out["revocation"] = answer.revocation[index];
  return out;
}

void print_as_json(const ChainQuestion& question, const ChainAnswer& answer) {
  json::object out{{"trusted", answer.trusted}, {"verdict", printable(answer.sentence)}};
  out["code"] = answer.code ? json::value(json::string(name(*answer.code))) : json::value();
  out["certificate"] = answer.index ? json::value(*answer.index + 1) : json::value();
  out["time"] = question.time ? json::value(json::string(time_text(*question.time))) : json::value();
  json::array checks;
  for (const ChainCheck& check : answer.checks)
    checks.push_back(
        json::object{{"result", check.result}, {"what", check.what}, {"why", printable(check.why)}});
  out["checks"] = std::move(checks);
  json::array certificates;
  for (std::size_t i = 0; i < question.chain.size(); ++i)
    certificates.push_back(certificate_json(question, answer, i));
  out["certificates"] = std::move(certificates);
  print_json(out);
}

}  // namespace

void print_answer(const Context& context, const ChainQuestion& question, const ChainAnswer& answer) {
  if (context.json)
    print_as_json(question, answer);
  else
    print_text(context, question, answer);
}

}  // namespace pedigree::cli
