// SPDX-License-Identifier: Apache-2.0
#include "cli/image_diff.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/describe.h"
#include "cli/image_values.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::cli {
namespace {

using image::TlvType;
using x509::Certificate;

/// A certificate by name and key, so that two of one name differ.
std::string certificate_text(const Certificate& certificate) {
  return fmt::format("{} {}", title_of(certificate), shorten(sha256_hex(certificate.spki().whole)));
}

std::string certificate_at(const ImageView& view, std::size_t index) {
  if (index >= view.chain.size()) return {};
  const auto certificate = Certificate::parse(view.chain[index]);
  return certificate ? certificate_text(*certificate) : std::string();
}

/// The root by its certificate where the chain holds it, else by what the one below says of its issuer.
std::string root_text(const ImageView& view) {
  if (view.chain.empty()) return {};
  const auto top = Certificate::parse(view.chain.back());
  if (!top) return {};
  if (x509::names_match(top->subject(), top->issuer())) return certificate_text(*top);
  const std::string common(as_text(x509::find_attribute(top->issuer(), x509::oid::kCommonName)));
  std::string text = common.empty() ? name_text(top->issuer()) : common;
  if (top->extensions().authority_key_identifier) {
    text += " key id " + shorten(to_hex(*top->extensions().authority_key_identifier), 12, 4);
  }
  return text;
}

std::string limits_at(const ImageView& view) {
  if (view.chain.size() < 2) return {};
  const auto issuer = Certificate::parse(view.chain[1]);
  return issuer ? limits_of(*issuer) : std::string();
}

std::string lineage_text(const ImageView& view) {
  std::vector<std::string> parents;
  for (const StatementView& stated : view.lineage) {
    const image::Statement& statement = stated.content.statement;
    parents.push_back(fmt::format("{} {} {}", statement.name, version_text(statement.product.version),
                                  shorten(to_hex(stated.sha256))));
  }
  std::ranges::sort(parents);
  return fmt::format("{}", fmt::join(parents, ", "));
}

std::string id_text(const std::optional<image::Uuid>& id) {
  return id ? uuid_text(*id) : std::string();
}

std::string counter_text(const ImageView& view) {
  return view.security_counter ? std::to_string(*view.security_counter) : std::string();
}

/// All values of TLVs of a type.
std::string values_text(const ImageView& view, TlvType type) {
  std::vector<std::string> values;
  for (const TlvView& tlv : view.tlvs) {
    if (tlv.tlv.type == type) values.push_back(to_hex(tlv.value));
  }
  return fmt::format("{}", fmt::join(values, ", "));
}

/// Which TLVs of signature, hash and key there are.
std::string signature_text(const ImageView& view) {
  std::vector<std::string> names;
  for (const TlvView& tlv : view.tlvs) {
    if (!tlv.tlv.is_protected) names.push_back(tlv_text(tlv.tlv.type));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// TLVs that nothing else here is about.
std::string others_text(const ImageView& view) {
  std::vector<std::string> others;
  for (const TlvView& tlv : view.tlvs) {
    if (!image::name(tlv.tlv.type).empty()) continue;
    others.push_back(tlv_text(tlv.tlv.type) + " " + to_hex(tlv.value));
  }
  return fmt::format("{}", fmt::join(others, ", "));
}

std::string place_text(const image::Header& header) {
  return fmt::format("header {}, flags {:#x}, load address {:#x}", header.header_size, header.flags,
                     header.load_address);
}

std::string name_of(const ImageView& view) {
  return view.statement ? std::string(view.statement->content.statement.name) : std::string();
}

std::string version_remark(const ImageView& before, const ImageView& after) {
  return after.product.version < before.product.version ? "lower: a device may refuse it" : "";
}

std::string counter_remark(const ImageView& before, const ImageView& after) {
  if (!before.security_counter) return {};
  if (!after.security_counter) return "gone: a device that had the first refuses it";
  return *after.security_counter < *before.security_counter ? "lower: a device that had the first refuses it"
                                                            : "";
}

}  // namespace

Result<Sha256> code_digest(const crypto::Crypto& crypto, const image::Source& source,
                           const image::Layout& layout) {
  Octets block(std::size_t{1} << 16U);
  image::ImagePieces pieces(source, layout.header.header_size, layout.tlv_start, block);
  Sha256 digest{};
  if (layout.header.payload_size == 0) return crypto.sha256({});
  PEDIGREE_TRY(crypto.digest(crypto::Hash::sha256, pieces, digest));
  return digest;
}

std::vector<ImageTerm> compare(const ImageView& before, const ImageView& after, const Sha256& before_code,
                               const Sha256& after_code) {
  std::vector<ImageTerm> terms;
  const auto add = [&](const char* what, std::string a, std::string b, std::string remark = {},
                       bool trust = true) {
    terms.push_back({what, std::move(a), std::move(b), trust, std::move(remark)});
  };
  add("root", root_text(before), root_text(after));
  add("OEM", certificate_at(before, 1), certificate_at(after, 1));
  add("limits", limits_at(before), limits_at(after));
  add("signer", certificate_at(before, 0), certificate_at(after, 0));
  add("signature", signature_text(before), signature_text(after));
  add("name", name_of(before), name_of(after));
  add("lineage", lineage_text(before), lineage_text(after));
  add("version", version_text(before.product.version), version_text(after.product.version),
      version_remark(before, after));
  add("counter", counter_text(before), counter_text(after), counter_remark(before, after));
  add("vendor id", id_text(before.product.vendor), id_text(after.product.vendor));
  add("class id", id_text(before.product.class_id), id_text(after.product.class_id));
  for (const auto& [what, type] :
       {std::pair("dependencies", TlvType::dependency), std::pair("boot record", TlvType::boot_record)}) {
    add(what, values_text(before, type), values_text(after, type), {}, false);
  }
  add("other TLVs", others_text(before), others_text(after), {}, false);
  add("place", place_text(before.layout.header), place_text(after.layout.header), {}, false);
  add("code", shorten(to_hex(before_code)), shorten(to_hex(after_code)), {}, false);
  return terms;
}

std::string difference_sentence(const std::vector<ImageTerm>& terms) {
  std::vector<std::string> trust, others;
  for (const ImageTerm& term : terms) {
    if (!term.same()) (term.is_trust ? trust : others).push_back(term.what);
  }
  if (trust.empty() && others.empty()) return "both say the same, over the same code";
  if (trust.empty()) {
    return fmt::format("nothing changed in terms of trust; what differs: {}", fmt::join(others, ", "));
  }
  std::string text = fmt::format("changed in terms of trust: {}", fmt::join(trust, ", "));
  if (!others.empty()) text += fmt::format("; also: {}", fmt::join(others, ", "));
  return text;
}

}  // namespace pedigree::cli
