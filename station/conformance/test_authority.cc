// SPDX-License-Identifier: Apache-2.0
#include "station/conformance/test_authority.h"

#include "core/cose/cose.h"
#include "core/x509/builder.h"
#include "core/x509/oids.h"

namespace pedigree::station::conformance {
namespace {

/// 2024-01-01 to no well-defined expiration: a device without a clock and one with any clock take it.
constexpr der::UnixTime kNotBefore = 1704067200;
constexpr std::size_t kKeyIdSize = 20;

template <typename Write>
Octets written(Write write) {
  Writer size;
  write(size);
  Octets octets(size.size());
  Writer out(octets);
  write(out);
  return octets;
}

template <typename Write>
Octets der(Write write) {
  return written([&](Writer& out) {
    der::Builder builder(out);
    write(builder);
  });
}

Octets common_name(std::string_view text) {
  return der([&](der::Builder& out) {
    const x509::NamePart part{x509::oid::kCommonName, text};
    x509::write_name({&part, 1}, out);
  });
}

Octets validity() {
  return der([](der::Builder& out) {
    const std::size_t sequence = out.open(der::kSequence);
    out.time(kNotBefore);
    out.time(der::kNoWellDefinedExpiration);
    out.close(sequence);
  });
}

const Octets& either(const Octets& raw, const Octets& right) {
  return raw.empty() ? right : raw;
}

std::unexpected<Failure> own_failure(const Error& error) {
  return failed(Side::station, error.code, "the test authority");
}

}  // namespace

Octets element(std::uint8_t tag, Bytes content) {
  return der([&](der::Builder& out) { out.element(tag, content); });
}

Octets extension(Bytes oid, bool critical, Bytes value) {
  return der([&](der::Builder& out) {
    const std::size_t sequence = out.open(der::kSequence);
    out.oid(oid);
    if (critical) out.boolean(true);
    out.element(der::kOctetString, value);
    out.close(sequence);
  });
}

Octets joined(std::initializer_list<Bytes> parts) {
  Octets all;
  for (const Bytes part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Octets on_wire(const Certificates& certificates) {
  std::vector<Bytes> views(certificates.begin(), certificates.end());
  return written([&](Writer& out) {
    cbor::Encoder encoder(out);
    cose::write_chain(views, encoder);
  });
}

Recipe leaf_recipe(std::string_view device_id) {
  Recipe recipe;
  recipe.key_usage = x509::kDigitalSignature;
  recipe.raw_subject = der([&](der::Builder& out) {
    const x509::NamePart part{x509::oid::kSerialNumber, device_id};
    x509::write_name({&part, 1}, out);
  });
  return recipe;
}

Recipe authority_recipe(std::string name, std::optional<std::uint32_t> path_len) {
  Recipe recipe;
  recipe.common_name = std::move(name);
  recipe.ca = true;
  recipe.path_len = path_len;
  recipe.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  return recipe;
}

ChainPlan plan_chain(std::string_view device_id, std::size_t authorities, bool with_root) {
  ChainPlan plan;
  plan.leaf = leaf_recipe(device_id);
  for (std::size_t i = 0; i < authorities; ++i) {
    plan.authorities.push_back(
        authority_recipe("Conformance CA " + std::to_string(authorities - i), static_cast<std::uint32_t>(i)));
  }
  plan.with_root = with_root;
  return plan;
}

Result<Octets> TestAuthority::public_key(const crypto::PrivateKey& key) const {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const crypto::PublicKey half, crypto_->public_key(key, buffer));
  return der([&](der::Builder& out) { x509::write_spki(half, out); });
}

Result<Octets> TestAuthority::key_id(Bytes spki) const {
  PEDIGREE_ASSIGN(const Sha256 digest, crypto_->sha256(spki));
  return Octets(digest.begin(), digest.begin() + kKeyIdSize);
}

Result<Octets> TestAuthority::extensions(const Recipe& recipe, const Issuer& issuer, Bytes spki) const {
  PEDIGREE_ASSIGN(const Octets own, key_id(spki));
  x509::ExtensionSet set;
  if (recipe.basic_constraints && (recipe.ca || recipe.path_len)) {
    set.basic_constraints = x509::BasicConstraints{recipe.ca, recipe.path_len};
  }
  set.key_usage = recipe.key_usage;
  set.subject_alt_name = recipe.subject_alt_name;
  set.name_constraints = recipe.name_constraints;
  if (recipe.key_identifiers) {
    set.subject_key_identifier = own;
    set.authority_key_identifier = either(recipe.raw_issuer_key_id, issuer.key_id);
  }
  Octets extra = recipe.extra;
  if (!recipe.ext_key_usage.empty()) {
    const Octets purposes =
        extension(x509::oid::kExtKeyUsage, false, element(der::kSequence, recipe.ext_key_usage));
    extra.insert(extra.end(), purposes.begin(), purposes.end());
  }
  set.extra = extra;
  const Octets content = der([&](der::Builder& out) { x509::write_extensions(set, out); });
  return element(der::context_constructed(3), element(der::kSequence, content));
}

Result<Octets> TestAuthority::to_be_signed(const Recipe& recipe, const Issuer& issuer, Bytes spki) const {
  std::array<std::uint8_t, 16> serial{};
  PEDIGREE_TRY(crypto_->random(serial));
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3fU) | 0x40U);
  const Octets key = recipe.raw_spki.empty() ? Octets(spki.begin(), spki.end()) : recipe.raw_spki;
  PEDIGREE_ASSIGN(const Octets extension_field, extensions(recipe, issuer, key));
  const Octets algorithm = der([&](der::Builder& out) {
    x509::write_signature_algorithm(crypto::default_algorithm(issuer.key.type), out);
  });
  const std::uint8_t version[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
  const Octets right_version(std::begin(version), std::end(version));
  return element(der::kSequence,
                 joined({either(recipe.raw_version, right_version),
                         either(recipe.raw_serial, element(der::kInteger, serial)),
                         either(recipe.raw_inner_algorithm, either(recipe.raw_algorithm, algorithm)),
                         either(recipe.raw_issuer, issuer.name), either(recipe.raw_validity, validity()),
                         either(recipe.raw_subject, common_name(recipe.common_name)), key, extension_field}));
}

Result<Octets> TestAuthority::certificate(const Recipe& recipe, const Issuer& issuer, Bytes spki) const {
  PEDIGREE_ASSIGN(const Octets tbs, to_be_signed(recipe, issuer, spki));
  const auto algorithm = crypto::default_algorithm(issuer.key.type);
  std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
  PEDIGREE_ASSIGN(const Bytes raw, crypto_->sign(issuer.key, algorithm, tbs, buffer));
  const bool ecdsa = algorithm.scheme == crypto::Scheme::ecdsa;
  Octets signature =
      ecdsa ? der([&](der::Builder& out) { der::ecdsa_from_raw(raw, out); }) : Octets(raw.begin(), raw.end());
  // The last octet of s, or of the whole: the form stays what it was.
  if (recipe.break_signature) signature.back() ^= 1U;
  return der([&](der::Builder& out) {
    const std::size_t sequence = out.open(der::kSequence);
    out.raw(tbs);
    if (recipe.raw_algorithm.empty()) {
      x509::write_signature_algorithm(algorithm, out);
    } else {
      out.raw(recipe.raw_algorithm);
    }
    out.bit_string(signature);
    out.close(sequence);
  });
}

Outcome<TestAuthority> TestAuthority::make(const crypto::Crypto& crypto, KeyMaker& keys) {
  TestAuthority authority(crypto, keys);
  const auto build = [&]() -> Result<void> {
    PEDIGREE_ASSIGN(authority.issuer_.key, keys.make(crypto::KeyType::p256));
    PEDIGREE_ASSIGN(const Octets spki, authority.public_key(authority.issuer_.key));
    PEDIGREE_ASSIGN(authority.issuer_.key_id, authority.key_id(spki));
    PEDIGREE_ASSIGN(authority.root_key_, crypto.sha256(spki));
    const Recipe recipe = authority_recipe("Pedigree conformance test root");
    authority.issuer_.name = common_name(recipe.common_name);
    PEDIGREE_ASSIGN(authority.root_, authority.certificate(recipe, authority.issuer_, spki));
    return {};
  };
  if (const auto built = build(); !built) return own_failure(built.error());
  return authority;
}

Outcome<TestAuthority> TestAuthority::open(const crypto::Crypto& crypto, KeyMaker& keys, Octets certificate,
                                           const crypto::PrivateKey& key) {
  TestAuthority authority(crypto, keys);
  authority.root_ = std::move(certificate);
  const auto parsed = x509::Certificate::parse(authority.root_);
  if (!parsed) return unreadable(Side::station, parsed.error(), "the test root's certificate");
  const Bytes spki = parsed->spki().whole;
  const auto own = authority.public_key(key);
  if (!own || !equal(*own, spki)) return failed(Side::station, ErrorCode::key_mismatch, "the test root");
  const auto finish = [&]() -> Result<void> {
    PEDIGREE_ASSIGN(authority.issuer_.key_id, authority.key_id(spki));
    PEDIGREE_ASSIGN(authority.root_key_, crypto.sha256(spki));
    return {};
  };
  if (const auto finished = finish(); !finished) return own_failure(finished.error());
  // What the certificate itself says, where it says it: an authority's own root has another identifier.
  if (const auto& stated = parsed->extensions().subject_key_identifier) {
    authority.issuer_.key_id.assign(stated->begin(), stated->end());
  }
  authority.issuer_.name.assign(parsed->subject().begin(), parsed->subject().end());
  authority.issuer_.key = key;
  return authority;
}

Outcome<Certificates> TestAuthority::issue(const ChainPlan& plan, Bytes spki) const {
  Certificates chain;
  const auto build = [&]() -> Result<void> {
    Issuer issuer = issuer_;
    for (std::size_t i = plan.authorities.size(); i-- > 0;) {
      const Recipe& recipe = plan.authorities[i];
      Issuer next;
      PEDIGREE_ASSIGN(next.key, keys_->make(recipe.key_type));
      PEDIGREE_ASSIGN(const Octets key, public_key(next.key));
      PEDIGREE_ASSIGN(next.key_id, key_id(key));
      next.name = either(recipe.raw_subject, common_name(recipe.common_name));
      PEDIGREE_ASSIGN(Octets made, certificate(recipe, issuer, key));
      chain.insert(chain.begin(), std::move(made));
      issuer = std::move(next);
    }
    PEDIGREE_ASSIGN(Octets leaf, certificate(plan.leaf, issuer, spki));
    chain.insert(chain.begin(), std::move(leaf));
    return {};
  };
  if (const auto built = build(); !built) return own_failure(built.error());
  if (plan.with_root) chain.push_back(root_);
  return chain;
}

}  // namespace pedigree::station::conformance
