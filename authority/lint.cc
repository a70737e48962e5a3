// SPDX-License-Identifier: Apache-2.0
#include "authority/lint.h"

#include <fmt/format.h>

#include <algorithm>

#include "authority/encode.h"
#include "core/x509/oids.h"
#include "core/x509/path.h"

namespace pedigree::authority {
namespace {

namespace oid = x509::oid;
using crypto::KeyType;
using x509::Certificate;

constexpr std::size_t kKeyIdentifierMax = 20;

/// One target's look at a chain.
class Look {
 public:
  Look(LintTarget target, std::span<const Certificate> chain) : chain_(chain) { result_.target = target; }

  [[nodiscard]] const Certificate& leaf() const { return chain_.front(); }
  [[nodiscard]] std::span<const Certificate> chain() const { return chain_; }
  [[nodiscard]] bool leaf_is_ca() const { return is_ca(leaf()); }
  static bool is_ca(const Certificate& certificate) {
    const auto& constraints = certificate.extensions().basic_constraints;
    return constraints && constraints->ca;
  }
  void refuse_if(bool wrong, std::string what) { add(wrong, LintVerdict::refused, std::move(what)); }
  void warn_if(bool wrong, std::string what) { add(wrong, LintVerdict::warned, std::move(what)); }
  LintResult result(bool applies = true) {
    result_.verdict = applies ? LintVerdict::accepted : LintVerdict::not_applicable;
    for (const LintFinding& one : result_.findings) result_.verdict = std::max(result_.verdict, one.verdict);
    return std::move(result_);
  }

 private:
  void add(bool wrong, LintVerdict verdict, std::string what) {
    if (wrong) result_.findings.push_back({verdict, std::move(what)});
  }
  std::span<const Certificate> chain_;
  LintResult result_;
};

std::string place(const Look& look, const Certificate& certificate) {
  const auto index = static_cast<std::size_t>(&certificate - look.chain().data());
  return index == 0 ? std::string("the certificate")
                    : fmt::format("certificate {} of {}", index + 1, look.chain().size());
}

std::string key_name(const Certificate& certificate) {
  const auto& key = certificate.spki().key;
  return key ? std::string(crypto::name(key->type)) : std::string("unknown");
}

bool has_key(const Certificate& certificate, std::initializer_list<KeyType> types) {
  const auto& key = certificate.spki().key;
  return key && std::ranges::find(types, key->type) != types.end();
}

/// Whether extendedKeyUsage allows this; absent: everything (RFC 5280 4.2.1.12).
bool allows(const Certificate& certificate, Bytes purpose) {
  const auto& listed = certificate.extensions().ext_key_usage;
  if (!listed) return true;
  Reader in(*listed);
  while (!in.empty()) {
    const auto element = der::read(in, der::kOid);
    if (!element) return false;
    if (equal(element->content, purpose) || equal(element->content, Bytes(oid::kAnyExtendedKeyUsage)))
      return true;
  }
  return false;
}

bool is_critical(const Certificate& certificate, Bytes type) {
  bool critical = false;
  const auto look = [&](const x509::Extension& extension) {
    if (equal(extension.oid, type)) critical = extension.critical;
  };
  return x509::for_each_extension(certificate.extensions_content(), look).has_value() && critical;
}

std::size_t count_attributes(Bytes name, Bytes type) {
  std::size_t count = 0;
  const auto look = [&](const x509::NameAttribute& attribute, bool) {
    if (equal(attribute.type, type)) ++count;
  };
  return x509::for_each_attribute(name, look) ? count : 0;
}

/// What holds for every library: the path itself.
void check_path(Look& look, const crypto::Crypto& crypto) {
  const x509::TrustAnchor anchor{look.chain().back(), {}, {}};
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  options.time = look.leaf().not_before();
  options.leaf_may_be_ca = true;
  const x509::Verdict verdict = x509::validate_path(crypto, look.chain(), options);
  if (verdict.code) look.refuse_if(true, fmt::format("the path is not valid: {}", sentence(*verdict.code)));
  for (std::size_t i = 0; i + 1 < look.chain().size(); ++i) {
    const Certificate& above = look.chain()[i + 1];
    look.warn_if(look.chain()[i].not_after() > above.not_after(),
                 fmt::format("{} is valid for longer than its issuer, with which it ends",
                             place(look, look.chain()[i])));
  }
}

LintResult look_openssl(Look look, const crypto::Crypto& crypto) {
  check_path(look, crypto);
  for (const Certificate& one : look.chain()) {
    const x509::Extensions& extensions = one.extensions();
    look.refuse_if(Look::is_ca(one) && !is_critical(one, oid::kBasicConstraints),
                   place(look, one) + ": basicConstraints of a CA must be critical (-x509_strict)");
    look.refuse_if(Look::is_ca(one) && !extensions.subject_key_identifier,
                   place(look, one) + ": a CA must have a subjectKeyIdentifier (-x509_strict)");
    look.refuse_if(&one != &look.chain().back() && !extensions.authority_key_identifier,
                   place(look, one) + ": the authorityKeyIdentifier is missing (-x509_strict)");
  }
  return look.result();
}

LintResult look_mbedtls(Look look, const crypto::Crypto& crypto) {
  check_path(look, crypto);
  for (const Certificate& one : look.chain()) {
    const x509::Extensions& extensions = one.extensions();
    look.refuse_if(
        !has_key(one, {KeyType::p256, KeyType::p384, KeyType::rsa2048, KeyType::rsa3072, KeyType::rsa4096}),
        fmt::format("{}: {} keys are not read", place(look, one), key_name(one)));
    look.refuse_if(extensions.name_constraints.has_value() && is_critical(one, oid::kNameConstraints),
                   place(look, one) + ": critical nameConstraints are not applied, and so refused");
    look.refuse_if(extensions.unknown_critical.has_value(),
                   place(look, one) + ": a critical extension is not known");
  }
  return look.result();
}

LintResult look_gnutls(Look look, const crypto::Crypto& crypto) {
  check_path(look, crypto);
  for (const Certificate& one : look.chain()) {
    look.refuse_if(one.extensions().unknown_critical.has_value(),
                   place(look, one) + ": a critical extension is not known");
  }
  return look.result();
}

/// What a cloud's listener asks of a device that connects by TLS.
void check_tls_client(Look& look) {
  for (const Certificate& one : look.chain()) {
    look.refuse_if(
        !has_key(one, {KeyType::p256, KeyType::p384, KeyType::rsa2048, KeyType::rsa3072, KeyType::rsa4096}),
        fmt::format("{}: {} is no key for it", place(look, one), key_name(one)));
  }
  if (look.leaf_is_ca()) return;
  look.refuse_if(
      !allows(look.leaf(), oid::kClientAuth),
      "extendedKeyUsage names other uses than clientAuth: a TLS server refuses it (RFC 5280 4.2.1.12)");
  const auto& usage = look.leaf().extensions().key_usage;
  look.refuse_if(usage && (*usage & x509::kDigitalSignature) == 0,
                 "keyUsage is without digitalSignature, which a TLS client needs (RFC 8446 4.4.2.3)");
}

LintResult look_aws(Look look, const crypto::Crypto& crypto) {
  check_path(look, crypto);
  check_tls_client(look);
  return look.result();
}

/// A registration id: letters, digits, '-', '.', '_', ':'; the last a letter, digit or '-'; at most 128.
bool is_registration_id(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (text.empty() || text.size() > 128 || !letter(text.back())) return false;
  return std::ranges::all_of(text, [&](char c) { return letter(c) || c == '.' || c == '_' || c == ':'; });
}

LintResult look_azure(Look look, const crypto::Crypto& crypto) {
  check_path(look, crypto);
  check_tls_client(look);
  if (!look.leaf_is_ca()) {
    const Bytes name = x509::find_attribute(look.leaf().subject(), oid::kCommonName);
    look.refuse_if(name.empty(), "the subject has no commonName, which is the registration id");
    look.refuse_if(
        !name.empty() && !is_registration_id(as_text(name)),
        "the commonName is no registration id: letters, digits, '-', '.', '_' and ':', at most 128");
  }
  return look.result();
}

/// IEEE Std 802.1AR-2018, clause 8: DevIDs.
LintResult look_802_1ar(Look look, const crypto::Crypto& crypto) {
  const Certificate& leaf = look.leaf();
  const x509::Extensions& extensions = leaf.extensions();
  const auto& names = extensions.subject_alt_name;
  const bool has_module = names && !std::ranges::search(*names, Bytes(oid::kHardwareModuleName)).empty();
  const bool has_serial = !x509::find_attribute(leaf.subject(), oid::kSerialNumber).empty();
  // A DevID says whose it is; people's and programs' certificates are none.
  if (look.leaf_is_ca() || (!has_module && !has_serial)) return look.result(false);
  check_path(look, crypto);
  look.refuse_if(!has_key(leaf, {KeyType::rsa2048, KeyType::p256, KeyType::p384}),
                 fmt::format("{} is in none of its signature suites: RSA-2048, P-256, P-384 (clause 9)",
                             key_name(leaf)));
  look.refuse_if(!has_serial, "the subject has no serialNumber (8.6)");
  look.refuse_if(!extensions.authority_key_identifier, "the authorityKeyIdentifier is missing (8.10.1)");
  look.refuse_if(extensions.key_usage && (*extensions.key_usage & x509::kDigitalSignature) == 0,
                 "keyUsage is without digitalSignature (8.10.3)");
  look.warn_if(leaf.not_after() != der::kNoWellDefinedExpiration,
               "it expires: an IDevID should be valid until 99991231235959Z (8.7)");
  look.warn_if(!has_module,
               "the subjectAltName has no hardwareModuleName, which an IDevID should have (8.10.4)");
  return look.result();
}

bool is_matter_id(Bytes text) {
  return text.size() == 4 && std::ranges::all_of(text, [](std::uint8_t c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
         });
}

/// At most one, of four upper-case hex digits (Matter 6.2.2.2); empty where there is none.
Bytes matter_id(Look& look, const Certificate& certificate, Bytes type, std::string_view what,
                bool is_needed) {
  const std::size_t count = count_attributes(certificate.subject(), type);
  const Bytes value = x509::find_attribute(certificate.subject(), type);
  look.refuse_if(count > 1,
                 fmt::format("{}: the subject has more than one {} (6.2.2)", place(look, certificate), what));
  look.refuse_if(is_needed && count == 0,
                 fmt::format("{}: the subject has no {} (6.2.2)", place(look, certificate), what));
  look.refuse_if(
      count == 1 && !is_matter_id(value),
      fmt::format("{}: the {} is not four upper-case hex digits (6.2.2)", place(look, certificate), what));
  return value;
}

/// Extensions that every certificate of the chain has, and algorithms (Matter 6.2.2.3 to 6.2.2.5).
void check_matter_certificate(Look& look, const Certificate& one, bool is_root) {
  const x509::Extensions& extensions = one.extensions();
  const auto refuse_if = [&](bool wrong, std::string_view what) {
    look.refuse_if(wrong, fmt::format("{}: {} (6.2.2)", place(look, one), what));
  };
  refuse_if(!has_key(one, {KeyType::p256}), "the key is not on P-256");
  refuse_if(one.signature_algorithm().signature != crypto::default_algorithm(KeyType::p256),
            "the signature is not ecdsa-with-SHA256");
  refuse_if(!extensions.basic_constraints || !is_critical(one, oid::kBasicConstraints),
            "basicConstraints is missing, or not critical");
  refuse_if(!extensions.key_usage || !is_critical(one, oid::kKeyUsage),
            "keyUsage is missing, or not critical");
  refuse_if(
      !extensions.subject_key_identifier || extensions.subject_key_identifier->size() != kKeyIdentifierMax,
      "the subjectKeyIdentifier of 20 octets is missing");
  refuse_if(!is_root && !extensions.authority_key_identifier, "the authorityKeyIdentifier is missing");
}

void check_matter_ca(Look& look, const Certificate& one, std::optional<std::uint32_t> path_len) {
  const x509::Extensions& extensions = one.extensions();
  constexpr std::uint16_t kCa = x509::kKeyCertSign | x509::kCrlSign;
  look.refuse_if(!Look::is_ca(one), place(look, one) + " is no CA's (6.2.2)");
  look.refuse_if(extensions.key_usage && (*extensions.key_usage & kCa) != kCa,
                 place(look, one) + ": keyUsage must have keyCertSign and cRLSign (6.2.2)");
  look.refuse_if(
      path_len && (!extensions.basic_constraints || extensions.basic_constraints->path_len != path_len),
      fmt::format("{}: pathLenConstraint must be {} (6.2.2.4)", place(look, one), *path_len));
}

LintResult look_matter(Look look, const crypto::Crypto& crypto) {
  const std::span<const Certificate> chain = look.chain();
  const bool is_pai = look.leaf_is_ca();
  const std::size_t length = is_pai ? 2 : 3;
  // Other devices' certificates are not looked at: they do not claim to be of Matter.
  const bool claims = count_attributes(chain.front().subject(), oid::kMatterVendorId) > 0;
  if (!claims) return look.result(false);
  check_path(look, crypto);
  look.refuse_if(
      chain.size() != length,
      fmt::format("the chain has {} certificates: root, PAI and DAC are three, and no more (6.2.3.1)",
                  chain.size() + (is_pai ? 1 : 0)));
  for (const Certificate& one : chain) check_matter_certificate(look, one, &one == &chain.back());
  if (chain.size() != length) return look.result();
  const Certificate& pai = chain[length - 2];
  const Bytes vendor = matter_id(look, pai, oid::kMatterVendorId, "vendor id", true);
  const Bytes product = matter_id(look, pai, oid::kMatterProductId, "product id", false);
  check_matter_ca(look, pai, 0);
  check_matter_ca(look, chain.back(), std::nullopt);
  const Bytes root_vendor = matter_id(look, chain.back(), oid::kMatterVendorId, "vendor id", false);
  look.refuse_if(!root_vendor.empty() && !equal(root_vendor, vendor),
                 "the root is another vendor's (6.2.3.1)");
  if (is_pai) return look.result();
  const Bytes own_vendor = matter_id(look, look.leaf(), oid::kMatterVendorId, "vendor id", true);
  const Bytes own_product = matter_id(look, look.leaf(), oid::kMatterProductId, "product id", true);
  look.refuse_if(!equal(own_vendor, vendor), "the vendor id is not that of the PAI (6.2.3.1)");
  look.refuse_if(!product.empty() && !equal(own_product, product),
                 "the product id is not that of the PAI (6.2.3.1)");
  const auto& usage = look.leaf().extensions().key_usage;
  look.refuse_if(usage && *usage != x509::kDigitalSignature,
                 "keyUsage must be digitalSignature alone (6.2.2.3)");
  return look.result();
}

}  // namespace

std::string_view name(LintVerdict verdict) noexcept {
  switch (verdict) {
    case LintVerdict::not_applicable:
      return "-";
    case LintVerdict::accepted:
      return "accepted";
    case LintVerdict::warned:
      return "warned";
    case LintVerdict::refused:
      break;
  }
  return "refused";
}

Result<std::vector<LintResult>> lint(const crypto::Crypto& crypto, std::span<const Der> chain) {
  if (chain.size() < 2) return fail(ErrorCode::empty_chain);
  std::vector<Certificate> parsed;
  for (const Der& der : chain) {
    PEDIGREE_ASSIGN(Certificate one, Certificate::parse(der));
    parsed.push_back(one);
  }
  std::vector<LintResult> results;
  for (const LintTarget target : kLintTargets) {
    constexpr LintResult (*kLooks[])(Look, const crypto::Crypto&) = {
        look_openssl, look_mbedtls, look_gnutls, look_aws, look_azure, look_802_1ar, look_matter};
    results.push_back(kLooks[static_cast<std::size_t>(target)](Look(target, parsed), crypto));
  }
  return results;
}

Result<Der> twin(const crypto::Crypto& crypto, const Certificate& original, const crypto::PrivateKey& key,
                 const Signer* issuer) {
  PEDIGREE_ASSIGN(const Der spki, public_key_info(crypto, key));
  PEDIGREE_ASSIGN(const auto half, x509::parse_spki(spki));
  if (!half.key) return fail(ErrorCode::unsupported_algorithm);
  PEDIGREE_ASSIGN(const KeyIdentifier identifier, key_identifier(crypto, half.key->key));
  PEDIGREE_ASSIGN(const auto serial, random_serial(crypto));
  // All extensions as they stand, but for the key identifiers. Their form was checked when it was parsed.
  const Der rest = encode([&](der::Builder& builder) {
    const auto copy = [&](const x509::Extension& extension) {
      if (equal(extension.oid, Bytes(oid::kSubjectKeyIdentifier)) ||
          equal(extension.oid, Bytes(oid::kAuthorityKeyIdentifier))) {
        return;
      }
      const std::size_t sequence = builder.open(der::kSequence);
      builder.oid(extension.oid);
      if (extension.critical) builder.boolean(true);
      builder.element(der::kOctetString, extension.value);
      builder.close(sequence);
    };
    (void)x509::for_each_extension(original.extensions_content(), copy);
  });
  x509::CertificateFields fields;
  fields.serial = serial;
  fields.subject = original.subject();
  fields.issuer = issuer == nullptr ? original.subject() : original.issuer();
  fields.not_before = original.not_before();
  fields.not_after = original.not_after();
  fields.spki = spki;
  fields.extensions.extra = rest;
  fields.extensions.subject_key_identifier = identifier;
  std::optional<Certificate> above;
  if (issuer != nullptr) {
    PEDIGREE_ASSIGN(above, Certificate::parse(issuer->certificate));
    fields.extensions.authority_key_identifier = above->extensions().subject_key_identifier.value_or(Bytes{});
  }
  const crypto::PrivateKey& signer = issuer == nullptr ? key : issuer->key;
  Der certificate(32768);
  PEDIGREE_ASSIGN(
      const Bytes written,
      x509::write_certificate(crypto, fields, signer, crypto::default_algorithm(signer.type), certificate));
  return Der(written.begin(), written.end());
}

}  // namespace pedigree::authority
