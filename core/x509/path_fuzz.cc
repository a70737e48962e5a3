// SPDX-License-Identifier: Apache-2.0
// Certificates one after another, the last one the anchor, over a crypto back end that accepts every
// signature. The verdict is the same for parsed and unparsed certificates; a trusted chain has the properties
// that RFC 5280 section 6 asks for, tested here in another way; a verdict always prints.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/x509/name.h"
#include "core/x509/path.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

class AcceptAll final : public crypto::Crypto {
 public:
  [[nodiscard]] std::string_view backend() const noexcept override { return "accept all"; }
  [[nodiscard]] bool supports(crypto::KeyType, crypto::SignatureAlgorithm) const noexcept override {
    return true;
  }
  [[nodiscard]] Result<void> digest(crypto::Hash, std::span<const Bytes> parts,
                                    MutableBytes out) const noexcept override {
    std::ranges::fill(out, std::uint8_t{0});
    for (std::size_t i = 0; i < parts[0].size(); ++i)
      out[i % 32] = static_cast<std::uint8_t>(out[i % 32] * 31 + parts[0][i]);
    return {};
  }
  [[nodiscard]] Result<void> digest(crypto::Hash, crypto::PieceSource&,
                                    MutableBytes) const noexcept override {
    return fail(ErrorCode::crypto_failure);
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes, std::span<const Bytes>) const noexcept override {
    return Sha256{};
  }
  [[nodiscard]] Result<void> verify(const crypto::PublicKey&, crypto::SignatureAlgorithm, Bytes,
                                    Bytes) const noexcept override {
    return {};
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey&, crypto::SignatureAlgorithm, Bytes,
                                           Bytes) const noexcept override {
    return {};
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey&) const noexcept override { return {}; }
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey&, crypto::SignatureAlgorithm, Bytes,
                                   MutableBytes) const noexcept override {
    return fail(ErrorCode::key_not_found);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey&, crypto::SignatureAlgorithm, Bytes,
                                          MutableBytes) const noexcept override {
    return fail(ErrorCode::key_not_found);
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey&,
                                                     MutableBytes) const noexcept override {
    return fail(ErrorCode::key_not_found);
  }
  [[nodiscard]] Result<void> random(MutableBytes) const noexcept override {
    return fail(ErrorCode::no_entropy);
  }
};

std::vector<Bytes> split(Bytes input) {
  std::vector<Bytes> out;
  for (Reader in(input); !in.empty();) {
    const auto element = der::read_any(in);
    if (!element) break;
    out.push_back(element->whole);
  }
  return out;
}

void check_trusted(const std::vector<x509::Certificate>& chain, const x509::PathOptions& options) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const x509::Extensions& extensions = chain[i].extensions();
    require(!extensions.unknown_critical && !extensions.policies_critical);
    require(chain[i].not_before() <= *options.time && *options.time <= chain[i].not_after());
    if (i == 0) continue;
    require(x509::names_match(chain[i - 1].issuer(), chain[i].subject()));
    if (chain[i].version() < 3) continue;
    require(extensions.basic_constraints && extensions.basic_constraints->ca);
    if (!extensions.basic_constraints->path_len) continue;
    std::size_t between = 0;
    for (std::size_t j = 1; j < i; ++j)
      between += x509::names_match(chain[j].subject(), chain[j].issuer()) ? 0 : 1;
    require(between <= *extensions.basic_constraints->path_len);
  }
}

void check_print(const x509::Verdict& verdict, std::span<const Bytes> chain) {
  std::array<std::uint8_t, 16384> buffer;
  Writer out(buffer);
  x509::print_verdict(verdict, chain, out);
  require(out.size() > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<Bytes> chain = split(Bytes(data, size));
  const AcceptAll crypto;
  x509::TrustAnchor anchor;
  x509::PathOptions options;
  options.time = 1800000000;
  std::vector<x509::Certificate> parsed;
  for (const Bytes der : chain) {
    if (const auto certificate = x509::Certificate::parse(der)) parsed.push_back(*certificate);
  }
  if (!parsed.empty()) {
    anchor.certificate = parsed.back();
    options.anchors = std::span(&anchor, 1);
  }
  const x509::Verdict verdict = x509::validate_path(crypto, chain, options);
  check_print(verdict, chain);
  require(verdict.trusted() || verdict.index <= chain.size());
  if (parsed.size() != chain.size()) {
    require(!verdict.trusted());
    return 0;
  }
  const x509::Verdict again = x509::validate_path(crypto, parsed, options);
  require(again.code == verdict.code && again.index == verdict.index);
  if (verdict.trusted()) check_trusted(parsed, options);
  return 0;
}
