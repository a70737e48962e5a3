// SPDX-License-Identifier: Apache-2.0
#include "server/app/trust_bundle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using registry::DeviceState;

constexpr std::size_t kPage = 10000;
constexpr std::int64_t kSecondsInDay = 86400;

/// Closes, and so unlocks, at its end.
struct LockedFile {
  explicit LockedFile(const std::filesystem::path& path)
      : number(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~LockedFile() {
    if (number >= 0) ::close(number);
  }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;
  int number;
};

/// Larger than any before, even where the clock was put back. The file is locked meanwhile, and synchronised
/// before the number is used.
Answer<std::uint64_t> next_number(const std::filesystem::path& path) {
  const LockedFile file(path);
  const auto failed = [&path] {
    return refuse(ErrorCode::io_failure,
                  fmt::format("cannot note the number in {}: {}", path.string(), std::strerror(errno)));
  };
  if (file.number < 0 || ::flock(file.number, LOCK_EX) != 0) return failed();
  std::array<char, 32> text{};
  const ssize_t got = ::pread(file.number, text.data(), text.size(), 0);
  if (got < 0) return failed();
  std::uint64_t last = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + got, last);
  if (got > 0 && (error != std::errc() || *end != '\n')) {
    return refuse(ErrorCode::bad_configuration, fmt::format("{} holds no number", path.string()));
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto clock =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const std::uint64_t number = std::max(clock, last + 1);
  // The text never gets shorter, so that half a write cannot leave a smaller number behind.
  const std::string line = fmt::format("{:020}\n", number);
  if (::pwrite(file.number, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
    return failed();
  if (::fsync(file.number) != 0) return failed();
  return number;
}

/// What is collected, with what it borrows from.
struct Collector {
  const authority::Engine& engine;
  registry::Store& store;
  crypto::OpenSslCrypto crypto;
  verifier::BundleContents contents{};

  static std::unexpected<authority::Refusal> database(const Error& error) {
    return refuse(error.code, std::string(sentence(error.code)));
  }

  Answer<void> add_issuer(std::string_view name, Bytes certificate) {
    const auto parsed = x509::Certificate::parse(certificate);
    if (!parsed) return refuse(parsed.error());
    const auto key = crypto.sha256(parsed->spki().whole);
    if (!key) return refuse(key.error());
    const auto revoked = store.revoked({name});
    if (!revoked) return database(revoked.error());
    verifier::RevokedList list{*key, {}};
    list.records.reserve(revoked->size());
    for (const registry::Revoked& one : *revoked) {
      list.records.push_back(
          verifier::RevokedRecord::of(one.serial.octets(), one.when, static_cast<std::uint8_t>(one.reason)));
    }
    contents.revoked.push_back(std::move(list));
    return {};
  }

  Answer<void> add_issuers() {
    contents.roots = {engine.root()};
    if (const auto added = add_issuer("root", engine.root()); !added) return added;
    for (const authority::Issuer& issuer : engine.issuers()) {
      contents.intermediates.emplace_back(issuer.chain().front());
      if (const auto added = add_issuer(issuer.config().name, issuer.chain().front()); !added) return added;
    }
    return {};
  }

  Answer<void> add_devices(bool exceptions_only) {
    contents.devices_complete = !exceptions_only;
    registry::DevicePage page{.state = {}, .after = {}, .limit = kPage};
    for (;;) {
      const auto devices = store.devices(page);
      if (!devices) return database(devices.error());
      for (const registry::Device& device : devices->devices) {
        const bool is_exception = device.state == DeviceState::suspended ||
                                  device.state == DeviceState::revoked ||
                                  device.state == DeviceState::retired;
        if (exceptions_only && !is_exception) continue;
        contents.devices.push_back({device.id, device.changed, static_cast<std::uint8_t>(device.state)});
      }
      if (!devices->next) return {};
      page.after = devices->next;
    }
  }
};

Answer<const authority::Issuer*> find_signer(const authority::Engine& engine, registry::Store& store,
                                             const std::string& name) {
  const auto revoked = store.revoked_issuers();
  if (!revoked) return Collector::database(revoked.error());
  const auto is_revoked = [&](const std::string& issuer) {
    const std::vector<std::string> above = engine.parents(issuer);
    return std::ranges::any_of(*revoked, [&](const registry::IssuerRevocation& one) {
      return one.name == issuer || std::ranges::find(above, one.name) != above.end();
    });
  };
  if (!name.empty()) {
    const authority::Issuer* issuer = engine.find_issuer(name);
    if (issuer == nullptr) return refuse(ErrorCode::unknown_issuer, "there is no intermediate named " + name);
    if (is_revoked(name))
      return refuse(ErrorCode::issuer_revoked, name + " is revoked; choose another --signer");
    return issuer;
  }
  for (const authority::Issuer& issuer : engine.issuers()) {
    const bool active = engine.state(issuer) == authority::IssuerState::active;
    if (active && !is_revoked(issuer.config().name)) return &issuer;
  }
  return refuse(ErrorCode::unknown_issuer, "there is no active intermediate to sign the bundle");
}

}  // namespace

Answer<TrustBundle> make_trust_bundle(LocalAuthority& authority, const TrustBundleOptions& options) {
  const authority::Engine& engine = authority.engine();
  const auto signer = find_signer(engine, authority.store(), options.signer);
  if (!signer) return std::unexpected(signer.error());
  const std::string name = (*signer)->config().name;
  // Before the registry is read: a bundle with a larger number never says less.
  const auto number = next_number(authority.layout().bundle_number());
  if (!number) return std::unexpected(number.error());

  Collector collector{engine, authority.store(), {}, {}};
  if (const auto added = collector.add_issuers(); !added) return std::unexpected(added.error());
  if (const auto added = collector.add_devices(options.exceptions_only); !added)
    return std::unexpected(added.error());
  verifier::BundleContents& contents = collector.contents;
  contents.issued_at = options.now;
  contents.expires_at = options.now + options.valid_days * kSecondsInDay;
  contents.number = *number;
  for (const auto& [kind, document] : options.references) contents.references.push_back({kind, document});

  TrustBundle made;
  made.signer = name;
  made.number = contents.number;
  made.expires_at = contents.expires_at;
  made.issuers = contents.revoked.size();
  made.devices = contents.devices.size();
  for (const verifier::RevokedList& list : contents.revoked) made.revoked += list.records.size();
  auto file = verifier::make_bundle(collector.crypto, std::move(contents), [&](Bytes manifest) {
    return (*signer)->sign_statement(collector.crypto, manifest, verifier::kBundleContext);
  });
  if (!file) return refuse(file.error().code, std::string(sentence(file.error().code)));
  made.file = *std::move(file);
  return made;
}

}  // namespace pedigree::app
