// SPDX-License-Identifier: Apache-2.0
#include "cli/image_tree.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <set>

#include "cli/describe.h"
#include "cli/image_values.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using x509::Certificate;

/// Certificates of a chain, signer first; those that parse.
std::vector<Certificate> certificates_of(std::span<const Bytes> chain) {
  std::vector<Certificate> found;
  for (const Bytes der : chain) {
    if (const auto certificate = Certificate::parse(der)) found.push_back(*certificate);
  }
  return found;
}

bool is_root(const Certificate& certificate) {
  return x509::names_match(certificate.subject(), certificate.issuer());
}

/// "OEM, P-256, until 2036-11-21, may sign versions from 1.0.0".
std::string remark_of(const Certificate& certificate, std::size_t index) {
  const bool root = is_root(certificate);
  std::string remark = fmt::format("{}, {}, until {}",
                                   root         ? "root"
                                   : index == 0 ? "signer"
                                   : index == 1 ? "OEM"
                                                : "CA",
                                   key_text(certificate.spki()), day_text(certificate.not_after()));
  if (const std::string limits = limits_of(certificate); !limits.empty()) remark += ", may sign " + limits;
  return remark;
}

/// The name of whoever stands above a chain that does not hold its root.
std::string missing_root(const std::vector<Certificate>& chain) {
  if (chain.empty() || is_root(chain.back())) return {};
  const std::string common(as_text(x509::find_attribute(chain.back().issuer(), x509::oid::kCommonName)));
  return common.empty() ? name_text(chain.back().issuer()) : common;
}

class Lineage {
 public:
  explicit Lineage(const TreeContext& context) : context_(context) {
    for (const StatementView& statement : context.view.lineage)
      by_hash_.emplace(statement.sha256, &statement);
  }

  /// Nodes of the images that this statement names as its parents.
  std::vector<TreeNode> nodes(const image::Statement& of) {
    std::vector<TreeNode> found;
    for (std::size_t i = 0; i < of.parent_count; ++i) {
      const StatementView* parent = find(of.parents[i]);
      found.push_back(parent == nullptr ? missing_node(of.parents[i]) : node(*parent));
    }
    return found;
  }

  json::array values(const image::Statement& of) {
    json::array found;
    for (std::size_t i = 0; i < of.parent_count; ++i) {
      const StatementView* parent = find(of.parents[i]);
      found.push_back(parent == nullptr
                          ? json::object{{"statement_sha256", to_hex(of.parents[i])}, {"carried", false}}
                          : value(*parent));
    }
    return found;
  }

  /// Statements that are carried and that nobody drawn so far names.
  [[nodiscard]] std::vector<const StatementView*> strangers() const {
    std::vector<const StatementView*> found;
    for (const StatementView& statement : context_.view.lineage) {
      if (!drawn_.contains(statement.sha256)) found.push_back(&statement);
    }
    return found;
  }

  TreeNode node(const StatementView& parent) {
    const image::Statement& statement = parent.content.statement;
    TreeNode drawn{.label = fmt::format("← {} {}", statement.name, version_text(statement.product.version)),
                   .style = Style::accent,
                   .remark = fmt::format("built from, digest {}", shorten(to_hex(statement.digest))),
                   .facts = {},
                   .children = {}};
    const std::string refused = why_refused(parent);
    if (!refused.empty()) drawn.style = Style::bad;
    drawn.facts.push_back("by " + whole_path(parent.content.signer.chain.view()));
    if (!refused.empty()) drawn.facts.push_back("^ " + refused);
    if (drawn_.insert(parent.sha256).second) {
      drawn.children = nodes(statement);
    } else if (statement.parent_count > 0) {
      drawn.remark += ", its parents as above";
    }
    return drawn;
  }

 private:
  [[nodiscard]] const StatementView* find(Bytes hash) const {
    Sha256 key{};
    std::copy(hash.begin(), hash.end(), key.begin());
    const auto found = by_hash_.find(key);
    return found == by_hash_.end() ? nullptr : found->second;
  }

  static TreeNode missing_node(Bytes hash) {
    return {.label = "← " + shorten(to_hex(hash)),
            .style = Style::warning,
            .remark = "built from; its statement is not carried",
            .facts = {},
            .children = {}};
  }

  static std::string whole_path(std::span<const Bytes> chain) {
    const std::string root = missing_root(certificates_of(chain));
    return root.empty() ? path_text(chain) : root + " > " + path_text(chain);
  }

  /// Empty where the statement holds, or nobody is trusted and so nothing is said.
  [[nodiscard]] std::string why_refused(const StatementView& parent) const {
    if (!context_.trust) return {};
    const crypto::OpenSslCrypto crypto;
    Octets scratch(parent.message.size() + 64);
    x509::Verdict path;
    const auto verified = image::verify_statement(crypto, parent.message, *context_.trust, scratch, path);
    return verified ? std::string() : std::string(sentence(verified.error().code));
  }

  json::object value(const StatementView& parent) {
    const image::Statement& statement = parent.content.statement;
    json::object out{{"name", printable(statement.name)},
                     {"version", version_text(statement.product.version)},
                     {"digest", to_hex(statement.digest)},
                     {"statement_sha256", to_hex(parent.sha256)},
                     {"carried", true},
                     {"signer", printable(whole_path(parent.content.signer.chain.view()))}};
    const std::string refused = why_refused(parent);
    out["trusted"] = context_.trust ? json::value(refused.empty()) : json::value();
    if (!refused.empty()) out["why"] = refused;
    out["parents"] = drawn_.insert(parent.sha256).second ? values(statement) : json::array();
    return out;
  }

  const TreeContext& context_;
  std::map<Sha256, const StatementView*> by_hash_;
  std::set<Sha256> drawn_;
};

std::string image_label(const ImageView& view) {
  const std::string version = version_text(view.product.version);
  return view.statement ? fmt::format("{} {}", view.statement->content.statement.name, version)
                        : "image " + version;
}

TreeNode image_node(const TreeContext& context) {
  const ImageView& view = context.view;
  std::string remark = "this image";
  if (view.security_counter) remark += fmt::format(", security counter {}", *view.security_counter);
  if (view.product.vendor) remark += ", vendor " + uuid_text(*view.product.vendor);
  if (view.product.class_id) remark += ", class " + uuid_text(*view.product.class_id);
  TreeNode node{.label = image_label(view),
                .style = !context.trust          ? Style::strong
                         : context.image_trusted ? Style::good
                                                 : Style::bad,
                .remark = std::move(remark),
                .facts = {},
                .children = {}};
  Lineage lineage(context);
  if (view.statement) node.children = lineage.nodes(view.statement->content.statement);
  for (const StatementView* stranger : lineage.strangers()) {
    node.children.push_back(lineage.node(*stranger));
    node.children.back().remark += ", though nobody here says so";
  }
  return node;
}

/// `node` below the certificates of the image's chain and the root.
TreeNode below_chain(const TreeContext& context, TreeNode node) {
  const std::vector<Bytes> views(context.view.chain.begin(), context.view.chain.end());
  const std::vector<Certificate> chain = certificates_of(views);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    TreeNode above{.label = title_of(chain[i]),
                   .style = Style::strong,
                   .remark = remark_of(chain[i], i),
                   .facts = {},
                   .children = {}};
    above.children.push_back(std::move(node));
    node = std::move(above);
  }
  const std::string root = missing_root(chain);
  if (root.empty()) return node;
  TreeNode above{.label = root,
                 .style = context.image_trusted ? Style::good : Style::strong,
                 .remark = context.image_trusted ? "trusted root" : "root, as the chain names it",
                 .facts = {},
                 .children = {}};
  above.children.push_back(std::move(node));
  return above;
}

}  // namespace

TreeNode image_tree(const TreeContext& context) {
  return below_chain(context, image_node(context));
}

json::object image_tree_json(const TreeContext& context) {
  const ImageView& view = context.view;
  json::object out{{"trusted", context.trust ? json::value(context.image_trusted) : json::value()}};
  json::array chain;
  const std::vector<Bytes> views(view.chain.begin(), view.chain.end());
  const std::vector<Certificate> certificates = certificates_of(views);
  const std::string root = missing_root(certificates);
  if (!root.empty())
    chain.push_back(json::object{{"name", printable(root)}, {"role", "root"}, {"carried", false}});
  for (std::size_t i = certificates.size(); i-- > 0;) {
    const Certificate& certificate = certificates[i];
    const std::string limits = limits_of(certificate);
    chain.push_back(json::object{{"name", printable(title_of(certificate))},
                                 {"role", is_root(certificate) ? "root"
                                          : i == 0             ? "signer"
                                          : i == 1             ? "oem"
                                                               : "ca"},
                                 {"carried", true},
                                 {"key", key_text(certificate.spki())},
                                 {"spki_sha256", sha256_hex(certificate.spki().whole)},
                                 {"limits", limits.empty() ? json::value() : json::value(limits)}});
  }
  out["chain"] = std::move(chain);
  out["image"] = printable(image_label(view));
  out["version"] = version_text(view.product.version);
  out["security_counter"] = view.security_counter ? json::value(*view.security_counter) : json::value();
  Lineage lineage(context);
  out["parents"] = view.statement ? lineage.values(view.statement->content.statement) : json::array();
  return out;
}

}  // namespace pedigree::cli
