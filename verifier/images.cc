// SPDX-License-Identifier: Apache-2.0
#include "verifier/images.h"

#include <algorithm>

#include "verifier/text.h"

namespace pedigree::verifier {
namespace {

/// What a TLV's value may have.
constexpr std::size_t kLongestValue = 65536;

std::string version_text(const image::Version& version) {
  std::array<std::uint8_t, 32> buffer{};
  Writer out(buffer);
  image::print_version(version, out);
  return std::string(as_text(out.written()));
}

std::string title_at(const cose::X5Chain& chain, std::size_t index) {
  return index < chain.count ? title_of(chain.certificates[index]) : std::string();
}

ImageParent parent_of(const image::SignedStatement& statement) {
  return {std::string(statement.statement.name), version_text(statement.statement.product.version),
          title_at(statement.signer.chain, 0), title_at(statement.signer.chain, 1)};
}

/// Reads the statements of an image that was verified.
Result<void> read_statements(const image::Source& source, const image::Layout& layout, KnownImage& out) {
  std::vector<std::uint8_t> buffer(kLongestValue);
  image::TlvReader reader(source, layout);
  while (true) {
    PEDIGREE_ASSIGN(const auto tlv, reader.next());
    if (!tlv) return {};
    const bool is_own = tlv->type == image::TlvType::statement;
    if (!is_own && tlv->type != image::TlvType::lineage) continue;
    PEDIGREE_ASSIGN(const Bytes value, image::read_value(source, *tlv, buffer));
    PEDIGREE_ASSIGN(const auto statement, image::read_statement(value));
    if (is_own) {
      out.name = statement.statement.name;
    } else {
      out.lineage.push_back(parent_of(statement));
    }
  }
}

/// The root's subject, where the anchor or the chain has its certificate.
std::string root_title(const image::TrustOptions& trust, const x509::Verdict& path) {
  if (!path.anchor || *path.anchor >= trust.anchors.size()) return {};
  const x509::TrustAnchor& anchor = trust.anchors[*path.anchor];
  return anchor.certificate ? title_of(*anchor.certificate) : std::string();
}

}  // namespace

Result<KnownImage> read_known_image(const crypto::Crypto& crypto, Bytes octets,
                                    const image::TrustOptions& trust, const image::RevocationList* revoked,
                                    std::string source, image::VerifyFault& fault) {
  const image::MemorySource memory(octets);
  image::VerifyOptions options;
  options.trust = trust;
  options.check_statement = true;
  std::vector<std::uint8_t> chain(kLongestValue);
  std::vector<std::uint8_t> statement(2 * kLongestValue + 64);
  PEDIGREE_ASSIGN(const auto verified,
                  image::verify_image(crypto, memory, options, {chain, statement, {}}, fault));
  if (revoked != nullptr) {
    const auto checked = image::check_not_revoked(crypto, *revoked, verified.signer.chain);
    if (!checked) {
      fault.error = checked.error();
      fault.tlv = image::TlvType::chain;
      return std::unexpected(checked.error());
    }
  }
  KnownImage out;
  out.source = std::move(source);
  const Bytes digest = Bytes(verified.digest).first(crypto::digest_size(verified.hash));
  out.digest.assign(digest.begin(), digest.end());
  out.version = version_text(verified.product.version);
  out.signer = title_at(verified.signer.chain, 0);
  out.oem = title_at(verified.signer.chain, 1);
  PEDIGREE_ASSIGN(const auto leaf, x509::Certificate::parse(verified.signer.chain.certificates[0]));
  PEDIGREE_ASSIGN(out.signer_id, crypto.sha256(leaf.spki().whole));
  x509::PathOptions path_options;
  path_options.anchors = trust.anchors;
  path_options.time = trust.time;
  out.root = root_title(trust, x509::validate_path(crypto, verified.signer.chain.view(), path_options));
  PEDIGREE_TRY(read_statements(memory, verified.layout, out));
  return out;
}

void KnownImages::add(KnownImage image) {
  auto shared = std::make_shared<const KnownImage>(std::move(image));
  by_digest_.insert_or_assign(shared->digest, shared);
}

std::shared_ptr<const KnownImage> KnownImages::find(const psa_token::SoftwareComponent& component) const {
  const Bytes value = component.measurement_value;
  const auto found = by_digest_.find({value.begin(), value.end()});
  if (found == by_digest_.end() || !equal(found->second->signer_id, component.signer_id)) return nullptr;
  return found->second;
}

bool names_signer(const psa_token::SoftwareComponent& component) noexcept {
  return std::ranges::any_of(component.signer_id, [](std::uint8_t octet) { return octet != 0; });
}

}  // namespace pedigree::verifier
