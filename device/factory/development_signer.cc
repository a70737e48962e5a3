// SPDX-License-Identifier: Apache-2.0
#include "device/factory/development_signer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/firmware_image/limits.h"
#include "core/x509/builder.h"
#include "core/x509/oids.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::factory {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kKeyMode = 0600;
constexpr mode_t kCertificateMode = 0644;
constexpr const char* kKeyNames[] = {"root.key.pem", "oem.key.pem", "signer.key.pem"};
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----\n";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const Bytes kCodeSigning[] = {x509::oid::kCodeSigning};

std::unexpected<std::string> failure(const char* what, const Error& error) {
  return std::unexpected(std::string(what) + ": " + std::string(sentence(error.code)));
}

template <typename Write>
Octets der_of(Write write) {
  Octets buffer(2048);
  Writer writer(buffer);
  der::Builder builder(writer);
  write(builder);
  buffer.resize(writer.size());
  return buffer;
}

Octets name_of(std::string_view common_name) {
  return der_of([&](der::Builder& out) {
    const x509::NamePart parts[] = {{x509::oid::kCommonName, common_name}};
    x509::write_name(parts, out);
  });
}

/// The OEM may sign whatever it likes: this is one device's development.
Octets limits_extension() {
  const Octets limits =
      der_of([](der::Builder& out) { image::write_limits({}, {}, std::nullopt, std::nullopt, out); });
  return der_of([&](der::Builder& out) {
    const std::size_t extension = out.open(der::kSequence);
    out.oid(image::kFirmwareLimitsOid);
    out.element(der::kOctetString, limits);
    out.close(extension);
  });
}

/// One of the three certificates.
struct Wanted {
  std::string_view subject;
  std::string_view issuer;
  const crypto::OpenSslKey& key;
  const crypto::OpenSslKey& issuer_key;
  x509::ExtensionSet extensions;
};

Result<Octets> certify(const crypto::Crypto& crypto, Wanted wanted) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
  PEDIGREE_ASSIGN(const auto key, crypto.public_key(wanted.key.view(), point));
  const Octets spki = der_of([&](der::Builder& out) { x509::write_spki(key, out); });
  const Octets subject = name_of(wanted.subject);
  const Octets issuer = name_of(wanted.issuer);
  PEDIGREE_ASSIGN(Sha256 serial, crypto.sha256(spki));
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3fU) | 0x40U);
  x509::CertificateFields fields;
  fields.serial = Bytes(serial).first(16);
  fields.subject = subject;
  fields.issuer = issuer;
  fields.not_before =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  fields.not_after = der::kNoWellDefinedExpiration;
  fields.spki = spki;
  fields.extensions = wanted.extensions;
  Octets buffer(4096);
  PEDIGREE_ASSIGN(const Bytes written,
                  x509::write_certificate(crypto, fields, wanted.issuer_key.view(),
                                          crypto::default_algorithm(crypto::KeyType::p256), buffer));
  return Octets(written.begin(), written.end());
}

x509::ExtensionSet ca(std::optional<std::uint32_t> path_len) {
  x509::ExtensionSet extensions;
  extensions.basic_constraints = {true, path_len};
  extensions.key_usage = x509::kKeyCertSign;
  return extensions;
}

Result<std::vector<Octets>> certify_all(std::span<const crypto::OpenSslKey> keys) {
  const crypto::OpenSslCrypto crypto;
  constexpr std::string_view kRoot = "development firmware root";
  constexpr std::string_view kOem = "development OEM";
  const Octets limits = limits_extension();
  x509::ExtensionSet oem = ca(0);
  oem.ext_key_usage = kCodeSigning;
  oem.extra = limits;
  x509::ExtensionSet leaf;
  leaf.key_usage = x509::kDigitalSignature;
  leaf.ext_key_usage = kCodeSigning;
  PEDIGREE_ASSIGN(Octets root, certify(crypto, {kRoot, kRoot, keys[0], keys[0], ca({})}));
  PEDIGREE_ASSIGN(Octets issuer, certify(crypto, {kOem, kRoot, keys[1], keys[0], oem}));
  PEDIGREE_ASSIGN(Octets signer, certify(crypto, {"development signer", kOem, keys[2], keys[1], leaf}));
  return std::vector<Octets>{std::move(signer), std::move(issuer), std::move(root)};
}

std::string to_pem(Bytes der) {
  std::string text(kBegin);
  for (std::size_t i = 0; i < der.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, der.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8U | (k < left ? der[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= left ? kAlphabet[(bits >> (18U - 6U * k)) & 63U] : '=';
    if (i % 48 == 45) text += '\n';
  }
  if (text.back() != '\n') text += '\n';
  return text += kEnd;
}

/// Reads what to_pem wrote, and nothing else.
std::vector<Octets> from_pem(std::string_view text) {
  std::vector<Octets> blocks;
  while (text.starts_with(kBegin)) {
    const std::size_t end = text.find(kEnd);
    if (end == std::string_view::npos) return {};
    Octets der;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char letter : text.substr(kBegin.size(), end - kBegin.size())) {
      const std::size_t digit = kAlphabet.find(letter);
      if (digit == std::string_view::npos) continue;  // '=' and the ends of lines
      bits = bits << 6U | static_cast<std::uint32_t>(digit);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      der.push_back(static_cast<std::uint8_t>(bits >> count));
    }
    blocks.push_back(std::move(der));
    text.remove_prefix(end + kEnd.size());
  }
  return blocks;
}

std::expected<void, std::string> write_file(const fs::path& path, std::string_view text, mode_t mode) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  const bool written = file >= 0 &&
                       ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(file) == 0;
  const int reason = errno;
  if (file >= 0) ::close(file);
  if (!written) return std::unexpected(path.string() + ": cannot write: " + std::strerror(reason));
  return {};
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::expected<DevelopmentSigner, std::string> DevelopmentSigner::make() {
  DevelopmentSigner signer;
  for (std::size_t i = 0; i < std::size(kKeyNames); ++i) {
    auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
    if (!key) return failure("cannot make a firmware key", key.error());
    signer.keys_.push_back(std::move(*key));
  }
  auto chain = certify_all(signer.keys_);
  if (!chain) return failure("cannot make the development root", chain.error());
  signer.chain_ = std::move(*chain);
  return signer;
}

bool DevelopmentSigner::is_in(const fs::path& folder) {
  return fs::exists(folder / kKeyNames[2]);
}

std::expected<DevelopmentSigner, std::string> DevelopmentSigner::load(const fs::path& folder) {
  std::string pem = text_of(folder / kKeyNames[2]);
  auto key = crypto::OpenSslKey::from_pem(pem, {});
  wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
  if (!key) return failure((folder / kKeyNames[2]).c_str(), key.error());
  DevelopmentSigner signer;
  signer.keys_.push_back(std::move(*key));
  signer.chain_ = from_pem(text_of(folder / "signer.chain.pem"));
  if (signer.chain_.empty()) {
    return std::unexpected((folder / "signer.chain.pem").string() +
                           ": not the chain of a development signer");
  }
  return signer;
}

std::expected<void, std::string> DevelopmentSigner::save(const fs::path& folder) const {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(folder.string() + ": cannot make the folder: " + std::strerror(errno));
  }
  std::string chain;
  for (const Octets& certificate : chain_) chain += to_pem(certificate);
  if (auto done = write_file(folder / "signer.chain.pem", chain, kCertificateMode); !done) return done;
  if (auto done = write_file(folder / "root.cert.pem", to_pem(chain_.back()), kCertificateMode); !done) {
    return done;
  }
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    auto pem = keys_[i].to_pem({});
    if (!pem) return failure("cannot write a firmware key", pem.error());
    auto done = write_file(folder / kKeyNames[i], *pem, kKeyMode);
    wipe({reinterpret_cast<std::uint8_t*>(pem->data()), pem->size()});
    if (!done) return done;
  }
  return {};
}

}  // namespace pedigree::factory
