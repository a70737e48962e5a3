// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/bundle_signature.h"

#include <algorithm>

#include "core/cose/cose.h"
#include "core/x509/path.h"

namespace pedigree::verifier {
namespace {

using x509::Certificate;

constexpr der::UnixTime kClockSkew = 300;

std::unexpected<BundleError> refuse(ErrorCode code, std::string what) {
  return std::unexpected(BundleError{code, std::move(what)});
}
std::unexpected<BundleError> malformed(const Error& error) {
  return refuse(error.code, "the bundle is not well-formed: " + std::string(sentence(error.code)));
}

std::optional<Sha256> key_hash(const crypto::Crypto& crypto, Bytes certificate) {
  const auto parsed = Certificate::parse(certificate);
  if (!parsed) return std::nullopt;
  const auto hash = crypto.sha256(parsed->spki().whole);
  return hash ? std::optional(*hash) : std::nullopt;
}

// The root in the bundle that is pinned; the manifest is not yet believed, but the hash is.
std::optional<Bytes> pinned_root(const crypto::Crypto& crypto, const BundleManifest& manifest,
                                 const BundleTrust& trust) {
  for (const Bytes root : manifest.roots) {
    const auto hash = key_hash(crypto, root);
    if (hash && std::ranges::find(trust.roots, *hash) != trust.roots.end()) return root;
  }
  return std::nullopt;
}

std::string path_sentence(const x509::Verdict& verdict, std::span<const Bytes> chain) {
  std::vector<std::uint8_t> buffer(4096);
  Writer out(buffer);
  x509::print_verdict(verdict, chain, out);
  return "the bundle's signer is not trusted: " + std::string(as_text(out.written()));
}

std::expected<void, BundleError> check_path(const crypto::Crypto& crypto, std::span<const Bytes> chain,
                                            const BundleTrust& trust, der::UnixTime now) {
  std::vector<x509::TrustAnchor> anchors;
  for (const Sha256& hash : trust.roots) anchors.push_back({{}, hash, {}});
  x509::PathOptions options;
  options.anchors = anchors;
  options.time = now;
  options.leaf_key_usage = x509::kCrlSign;
  options.leaf_may_be_ca = true;
  const x509::Verdict verdict = x509::validate_path(crypto, chain, options);
  if (verdict.code) return refuse(*verdict.code, path_sentence(verdict, chain));
  return {};
}

// A device, whose chain ends at the same root, must not be able to sign a bundle.
std::expected<void, BundleError> check_signer(const crypto::Crypto& crypto, const Certificate& signer,
                                              const BundleTrust& trust) {
  const auto& constraints = signer.extensions().basic_constraints;
  if (!constraints || !constraints->ca) {
    return refuse(ErrorCode::not_a_ca, "the bundle is signed by a certificate that is no CA's");
  }
  if (!signer.extensions().key_usage) {
    return refuse(ErrorCode::key_usage_forbids, "the bundle's signer does not say that it may sign CRLs");
  }
  if (!trust.signer) return {};
  const auto hash = crypto.sha256(signer.spki().whole);
  if (hash && *hash == *trust.signer) return {};
  return refuse(ErrorCode::bundle_refused, "the bundle is signed by another CA than the one that may");
}

std::expected<void, BundleError> check_signature(const crypto::Crypto& crypto, const cose::Sign1& message,
                                                 const Certificate& signer) {
  if (!signer.spki().key) {
    return refuse(ErrorCode::unsupported_algorithm, "the key of the bundle's signer is of no supported type");
  }
  const Bytes context = as_bytes(kBundleContext);
  std::vector<std::uint8_t> scratch(message.payload()->size() + context.size() + 256);
  const auto verified = message.verify(crypto, *signer.spki().key, context, scratch);
  if (!verified)
    return refuse(verified.error().code, "the bundle's signature does not verify: it was forged or damaged");
  return {};
}

std::expected<void, BundleError> check_age(const BundleManifest& manifest, const BundleTrust& trust,
                                           der::UnixTime now) {
  if (manifest.issued_at > now + kClockSkew) {
    return refuse(ErrorCode::not_yet_valid, "the bundle was issued in the future; is this clock right?");
  }
  if (manifest.number < trust.minimum_number) {
    return refuse(ErrorCode::bundle_rolled_back,
                  "the bundle's number " + std::to_string(manifest.number) + " is smaller than " +
                      std::to_string(trust.minimum_number) + ", which was in use before");
  }
  return {};
}

}  // namespace

std::expected<SignedManifest, BundleError> open_manifest(const crypto::Crypto& crypto, Bytes message,
                                                         const BundleTrust& trust, der::UnixTime now) {
  const auto sign1 = cose::Sign1::parse(message);
  if (!sign1) return malformed(sign1.error());
  if (!sign1->payload()) return malformed({ErrorCode::payload_missing, 0});
  if (!sign1->x5chain() || sign1->signature().empty()) {
    return refuse(ErrorCode::bundle_refused, "the bundle is not signed: it names no signer");
  }
  auto manifest = BundleManifest::parse(*sign1->payload());
  if (!manifest) return malformed(manifest.error());
  const auto root = pinned_root(crypto, *manifest, trust);
  if (!root) return refuse(ErrorCode::untrusted_root, "the bundle is of another root than the pinned one");

  const std::span<const Bytes> certificates = sign1->x5chain()->view();
  std::vector<Bytes> chain(certificates.begin(), certificates.end());
  if (!equal(chain.back(), *root)) chain.push_back(*root);
  if (const auto checked = check_path(crypto, chain, trust, now); !checked)
    return std::unexpected(checked.error());
  const auto signer = Certificate::parse(chain.front());
  if (!signer) return malformed(signer.error());
  if (const auto checked = check_signer(crypto, *signer, trust); !checked)
    return std::unexpected(checked.error());
  if (const auto checked = check_signature(crypto, *sign1, *signer); !checked)
    return std::unexpected(checked.error());
  if (const auto checked = check_age(*manifest, trust, now); !checked)
    return std::unexpected(checked.error());
  return SignedManifest{*std::move(manifest), chain.front(),
                        chain[std::min<std::size_t>(1, chain.size() - 1)], *root};
}

}  // namespace pedigree::verifier
