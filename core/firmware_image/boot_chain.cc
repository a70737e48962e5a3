// SPDX-License-Identifier: Apache-2.0
// Certificates of the boot stage's profile.
#include "core/bytes/utf8.h"
#include "core/firmware_image/boot_der.h"
#include "core/firmware_image/boot_image.h"

namespace pedigree::image {

BootDer BootDer::open(std::uint8_t tag) noexcept {
  const auto left = static_cast<std::size_t>(end_ - at_);
  BootDer content = *this;
  std::size_t head = 2;
  std::size_t size = left < 2 ? 0 : at_[1];
  if (size == 0x81 && left > 2) {
    head = 3;
    size = at_[2] < 0x80 ? left : at_[2];
  } else if (size == 0x82 && left > 3) {
    head = 4;
    size = at_[2] == 0 ? left : std::size_t{at_[2]} << 8U | at_[3];
  } else if (size >= 0x80) {
    size = left;
  }
  if (left < head || *at_ != tag || size > left - head) {
    fail();
    content.at_ = content.end_;
    return content;
  }
  content.at_ += head;
  content.end_ = content.at_ + size;
  at_ = content.end_;
  return content;
}

namespace {

constexpr std::uint8_t kVersion3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
constexpr std::uint8_t kEcdsaWithSha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                             0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
/// SubjectPublicKeyInfo of a P-256 key up to its point's coordinates.
constexpr std::uint8_t kP256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                  0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                  0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::uint8_t kCodeSigning[] = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03};
constexpr std::uint8_t kAnyPurpose[] = {0x06, 0x04, 0x55, 0x1d, 0x25, 0x00};
constexpr std::size_t kMaxCertificates = 8;
constexpr std::size_t kMaxExtensions = 16;
constexpr std::size_t kMaxSerial = 20;
constexpr std::uint8_t kDigitalSignature = 0x80;
constexpr std::uint8_t kKeyCertSign = 0x04;

enum Tag : std::uint8_t {
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kOid = 0x06,
  kSequence = 0x30
};

struct Certificate {
  Bytes to_be_signed, signature, issuer, subject, spki;
  Bytes key_id, authority_key_id;
  Bytes purposes;  ///< content of extendedKeyUsage; empty: any
  Bytes limits;    ///< value of FirmwareLimits; empty: none
  std::uint8_t usage = 0xff;
  std::uint8_t path_len = kMaxCertificates;
  bool is_ca = false;
  bool unknown_critical = false;
};

/// Content of an OBJECT IDENTIFIER: whole subidentifiers, each in its shortest form.
Bytes check_oid(BootDer oid) noexcept {
  const Bytes content = oid.rest();
  bool first = true;
  for (const std::uint8_t octet : content) {
    oid.require(!first || octet != 0x80);
    first = octet < 0x80;
  }
  oid.require(!content.empty() && first);
  return content;
}

/// Name: RDNs of one attribute each. PrintableString: without most of its punctuation.
void check_name(BootDer name) noexcept {
  name.require(name.more());
  while (name.more()) {
    BootDer rdn = name.open(0x31);
    BootDer attribute = rdn.open(kSequence);
    rdn.finish();
    check_oid(attribute.open(kOid));
    const bool utf8 = attribute.next_is(0x0c);
    const Bytes text = attribute.open(utf8 ? 0x0c : 0x13).rest();
    attribute.finish();
    bool good = utf8_prefix(text) == text.size();
    for (const std::uint8_t octet : text) {
      const auto letter = static_cast<std::uint8_t>(octet | 0x20U);
      const bool plain = (letter >= 'a' && letter <= 'z') || (octet >= '0' && octet <= '9') || octet == ' ' ||
                         octet == '-' || octet == '.';
      good = good && (utf8 || plain);
    }
    name.require(good);
  }
}

/// Two times by their form alone: there is no clock to compare them with.
void check_validity(BootDer validity) noexcept {
  for (int i = 0; i < 2; ++i) {
    const bool utc = validity.next_is(0x17);
    validity.require(validity.open(utc ? 0x17 : 0x18).rest().size() == (utc ? 13U : 15U));
  }
  validity.finish();
}

/// BIT STRING of named bits: its first octet; the others do not matter here.
std::uint8_t read_key_usage(BootDer value) noexcept {
  const Bytes bits = value.open(kBitString).rest();
  value.finish();
  const bool sized = bits.size() == 2 || bits.size() == 3;
  value.require(sized && bits[0] < 8 && (bits.back() & ((2U << bits[0]) - 1U)) == 1U << bits[0]);
  return sized ? bits[1] : std::uint8_t{0};
}

void read_basic_constraints(BootDer sequence, Certificate& out) noexcept {
  out.is_ca = sequence.flag();
  if (sequence.next_is(kInteger)) {
    const Bytes number = sequence.open(kInteger).rest();
    sequence.require(number.size() == 1 && number[0] < 0x80);
    if (number.size() == 1) out.path_len = number[0];
  }
  sequence.finish();
}

void read_extension(std::uint8_t number, bool critical, BootDer value, Certificate& out) noexcept {
  switch (number) {
    case 14:
      out.key_id = value.open(kOctetString).rest();
      return value.finish();
    case 15:
      out.usage = read_key_usage(value);
      return;
    case 17:  // subjectAltName
    case 30:  // nameConstraints
      return value.require(false);
    case 19:
    case 35:
    case 37:
      break;
    default:
      out.unknown_critical = out.unknown_critical || critical;
      return;
  }
  BootDer sequence = value.open(kSequence);
  value.finish();
  if (number == 19) return read_basic_constraints(sequence, out);
  if (number == 35) {
    if (sequence.next_is(0x80)) out.authority_key_id = sequence.open(0x80).rest();
    return sequence.finish();
  }
  out.purposes = sequence.rest();
  sequence.require(sequence.more());
  while (sequence.more()) check_oid(sequence.open(kOid));
}

void read_extensions(BootDer list, Certificate& out) noexcept {
  std::array<Bytes, kMaxExtensions> seen;
  std::size_t count = 0;
  list.require(list.more());
  while (list.more()) {
    BootDer extension = list.open(kSequence);
    const Bytes oid = check_oid(extension.open(kOid));
    const bool critical = extension.flag();
    const BootDer value = extension.open(kOctetString);
    extension.finish();
    if (count == seen.size()) return list.require(false);
    for (std::size_t i = 0; i < count; ++i) list.require(!equal(seen[i], oid));
    seen[count++] = oid;
    if (equal(oid, kFirmwareLimitsOid)) out.limits = value.rest();
    const bool standard = oid.size() == 3 && oid[0] == 0x55 && oid[1] == 0x1d;
    read_extension(standard ? oid[2] : std::uint8_t{0}, critical, value, out);
  }
}

/// Errors: bad_tlv, unsupported_algorithm.
ErrorCode read_certificate(Bytes der, Certificate& out) noexcept {
  bool bad = false;
  BootDer whole(der, bad);
  BootDer outer = whole.open(kSequence);
  whole.finish();
  BootDer inside = outer;
  out.to_be_signed = outer.whole(kSequence);
  BootDer tbs = inside.open(kSequence);
  const Bytes algorithm = outer.whole(kSequence);
  const Bytes signature = outer.open(kBitString).rest();
  outer.finish();
  const Bytes version = tbs.whole(0xa0);
  const Bytes serial = tbs.open(kInteger).rest();
  const Bytes inner = tbs.whole(kSequence);
  out.issuer = tbs.whole(kSequence);
  check_validity(tbs.open(kSequence));
  BootDer subject = tbs;
  out.subject = tbs.whole(kSequence);
  check_name(subject.open(kSequence));
  out.spki = tbs.whole(kSequence);
  BootDer extensions = tbs.open(0xa3);
  tbs.finish();
  read_extensions(extensions.open(kSequence), out);
  extensions.finish();
  if (bad || !equal(version, kVersion3) || serial.empty() || serial.size() > kMaxSerial ||
      serial[0] >= 0x80 || (serial[0] == 0 && (serial.size() == 1 || serial[1] < 0x80)) ||
      signature.empty() || signature[0] != 0) {
    return ErrorCode::bad_tlv;
  }
  out.signature = signature.subspan(1);
  const bool known = equal(algorithm, kEcdsaWithSha256) && equal(inner, kEcdsaWithSha256) &&
                     out.spki.size() == sizeof kP256 + 64 && equal(out.spki.first(sizeof kP256), kP256);
  return known ? ErrorCode{} : ErrorCode::unsupported_algorithm;
}

bool lists_code_signing(Bytes purposes) noexcept {
  bool bad = false;
  for (BootDer in(purposes, bad); in.more();) {
    const Bytes purpose = in.whole(kOid);
    if (equal(purpose, kCodeSigning) || equal(purpose, kAnyPurpose)) return true;
  }
  return false;
}

/// Whether a list of ids, where there is one, has this id.
bool allows(BootDer& limits, std::uint8_t tag, const std::uint8_t* id) noexcept {
  if (!limits.next_is(tag)) return true;
  BootDer list = limits.open(tag);
  list.require(list.more());
  bool found = false;
  while (list.more()) {
    const Bytes one = list.open(kOctetString).rest();
    list.require(one.size() == sizeof(Uuid));
    found = found || (id != nullptr && equal(one, {id, sizeof(Uuid)}));
  }
  return found;
}

/// A version, where there is one.
Bytes read_version(BootDer& limits, std::uint8_t tag) noexcept {
  if (!limits.next_is(tag)) return {};
  const Bytes version = limits.open(tag).rest();
  limits.require(version.size() == sizeof(BootProduct::version));
  return version;
}

/// Errors: bad_tlv, product_refused, version_refused.
ErrorCode check_limits(Bytes value, const BootProduct& product) noexcept {
  bool bad = false;
  BootDer outer(value, bad);
  BootDer limits = outer.open(kSequence);
  outer.finish();
  const bool vendor = allows(limits, 0xa0, product.vendor);
  const bool class_id = allows(limits, 0xa1, product.class_id);
  const Bytes minimum = read_version(limits, 0x82);
  const Bytes maximum = read_version(limits, 0x83);
  limits.finish();
  if (bad) return ErrorCode::bad_tlv;
  if (!vendor || !class_id) return ErrorCode::product_refused;
  const bool within = (minimum.empty() || !less(product.version, minimum)) &&
                      (maximum.empty() || !less(maximum, product.version));
  return within ? ErrorCode{} : ErrorCode::version_refused;
}

struct Chain {
  std::array<Certificate, kMaxCertificates> certificates{};
  std::size_t count = 0;
};

/// A CBOR array of byte strings, as cose::read_chain. Errors: bad_tlv, those of read_certificate.
ErrorCode read_certificates(Bytes cbor, Chain& out) noexcept {
  if (cbor.empty() || cbor[0] < 0x82 || cbor[0] > 0x80 + kMaxCertificates) return ErrorCode::bad_tlv;
  const std::size_t count = cbor[0] - 0x80U;
  cbor = cbor.subspan(1);
  while (out.count < count) {
    if (cbor.size() < 3) return ErrorCode::bad_tlv;
    const bool is_long = cbor[0] == 0x59;
    const std::size_t size = is_long ? std::size_t{cbor[1]} << 8U | cbor[2] : cbor[1];
    const std::size_t head = is_long ? 3 : 2;
    if ((!is_long && cbor[0] != 0x58) || size < (is_long ? 256U : 24U) || size > cbor.size() - head) {
      return ErrorCode::bad_tlv;
    }
    const ErrorCode code = read_certificate(cbor.subspan(head, size), out.certificates[out.count++]);
    if (code != ErrorCode{}) return code;
    cbor = cbor.subspan(head + size);
  }
  return cbor.empty() ? ErrorCode{} : ErrorCode::bad_tlv;
}

/// What a certificate says of itself. `index` counts from the signer's = 0.
ErrorCode check_role(const Certificate& certificate, std::size_t index, const BootProduct& product) noexcept {
  if (certificate.unknown_critical) return ErrorCode::unknown_critical_extension;
  const bool ca = index > 0;
  if (certificate.is_ca != ca) return ca ? ErrorCode::not_a_ca : ErrorCode::target_is_ca;
  if ((certificate.usage & (ca ? kKeyCertSign : kDigitalSignature)) == 0) {
    return ErrorCode::key_usage_forbids;
  }
  const bool for_code = index <= 1 ? equal(certificate.purposes, kCodeSigning)
                                   : certificate.purposes.empty() || lists_code_signing(certificate.purposes);
  if (!for_code) return ErrorCode::eku_forbids;
  if (!ca) return {};
  if (certificate.limits.data() != nullptr) return check_limits(certificate.limits, product);
  return index == 1 ? ErrorCode::product_refused : ErrorCode{};
}

/// From the root down, whose issuer is itself.
ErrorCode check_path(const Chain& chain, const BootProduct& product) noexcept {
  std::uint8_t path_len = kMaxCertificates;
  for (std::size_t i = chain.count; i-- > 0;) {
    const Certificate& certificate = chain.certificates[i];
    const bool is_root = i + 1 == chain.count;
    const Certificate& issuer = is_root ? certificate : chain.certificates[i + 1];
    if (!equal(certificate.issuer, issuer.subject)) return ErrorCode::issuer_mismatch;
    if (!is_root && issuer.key_id.data() != nullptr && certificate.authority_key_id.data() != nullptr &&
        !equal(issuer.key_id, certificate.authority_key_id)) {
      return ErrorCode::key_identifier_mismatch;
    }
    const ErrorCode code = check_role(certificate, i, product);
    if (code != ErrorCode{}) return code;
    if (i > 0 && !is_root && path_len-- == 0) return ErrorCode::path_too_long;
    path_len = std::min(path_len, certificate.path_len);
  }
  return {};
}

/// From the root down, so that every key used has been vouched for.
ErrorCode check_signatures(const crypto::Crypto& crypto, const Chain& chain) noexcept {
  for (std::size_t i = chain.count - 1; i-- > 0;) {
    Sha256 digest;
    const Certificate& certificate = chain.certificates[i];
    ErrorCode code = hash_for_boot(crypto, certificate.to_be_signed, digest);
    if (code == ErrorCode{}) {
      code = verify_boot_signature(crypto, chain.certificates[i + 1].spki, digest, certificate.signature);
    }
    if (code != ErrorCode{}) return code;
  }
  return {};
}

ErrorCode check_keys(const crypto::Crypto& crypto, const Chain& chain, const Sha256& root,
                     const RevocationList& revoked) noexcept {
  for (std::size_t i = chain.count; i-- > 0;) {
    Sha256 key;
    const ErrorCode code = hash_for_boot(crypto, chain.certificates[i].spki, key);
    if (code != ErrorCode{}) return code;
    if (i + 1 == chain.count && key != root) return ErrorCode::untrusted_root;
    if (revoked.contains(key)) return ErrorCode::signer_revoked;
  }
  return {};
}

}  // namespace

ErrorCode trust_boot_chain(const crypto::Crypto& crypto, Bytes cbor, const Sha256& root,
                           const RevocationList& revoked, const BootProduct& product, Bytes& spki) noexcept {
  Chain chain;
  ErrorCode code = read_certificates(cbor, chain);
  if (code == ErrorCode{}) code = check_keys(crypto, chain, root, revoked);
  if (code == ErrorCode{}) code = check_path(chain, product);
  if (code == ErrorCode{}) code = check_signatures(crypto, chain);
  spki = chain.certificates[0].spki;
  return code;
}

}  // namespace pedigree::image
