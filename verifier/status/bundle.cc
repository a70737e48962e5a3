// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/bundle.h"

#include <algorithm>
#include <mutex>

#include "verifier/status/bundle_records.h"
#include "verifier/status/bundle_signature.h"
#include "verifier/status/revoked_set.h"

namespace pedigree::verifier {
namespace {

using Octets = std::vector<std::uint8_t>;
using x509::Certificate;

std::unexpected<BundleError> refuse(const Error& error, std::string_view doing) {
  return std::unexpected(BundleError{
      error.code, "the bundle cannot be " + std::string(doing) + ": " + std::string(sentence(error.code))});
}

// `serial` with zeros in front; empty where it is longer than any that is listed.
std::optional<Octets> padded(Bytes serial, std::size_t size) {
  while (!serial.empty() && serial[0] == 0) serial = serial.subspan(1);
  if (serial.size() > size) return std::nullopt;
  Octets key(size - serial.size());
  key.insert(key.end(), serial.begin(), serial.end());
  return key;
}

struct DeviceWord {
  DeviceStatus::State state;
  std::string_view name;
};
// The registry's numbers and words (docs/formats.md), from 1.
constexpr std::array<DeviceWord, 7> kDeviceWords{{{DeviceStatus::State::known, "expected"},
                                                  {DeviceStatus::State::known, "pending"},
                                                  {DeviceStatus::State::known, "issued"},
                                                  {DeviceStatus::State::known, "active"},
                                                  {DeviceStatus::State::suspended, "suspended"},
                                                  {DeviceStatus::State::revoked, "revoked"},
                                                  {DeviceStatus::State::retired, "retired"}}};

std::vector<Octets> copies(std::span<const Bytes> views) {
  std::vector<Octets> made;
  for (const Bytes view : views) made.emplace_back(view.begin(), view.end());
  return made;
}

}  // namespace

/// One loaded file. Immutable.
class BundleStatus::Bundle {
 public:
  Bundle(const crypto::Crypto& crypto, BundleFile file) : crypto_(crypto), file_(std::move(file)) {}
  Bundle(const Bundle&) = delete;
  Bundle& operator=(const Bundle&) = delete;
  ~Bundle() = default;

  std::expected<void, BundleError> load(const BundleTrust& trust, der::UnixTime now) {
    const auto read = read_message();
    if (!read) {
      if (read.error().code != ErrorCode::bad_header) return refuse(read.error(), "read");
      return std::unexpected(BundleError{ErrorCode::bad_header, "this is no trust bundle of this version"});
    }
    auto opened = open_manifest(crypto_, message_, trust, now);
    if (!opened) return std::unexpected(opened.error());
    signed_ = *std::move(opened);
    if (const auto loaded = load_records(); !loaded) return refuse(loaded.error(), "loaded");
    if (const auto references = load_references(now); !references) return references;
    return check_signer_status(now);
  }

  [[nodiscard]] const BundleManifest& manifest() const noexcept { return signed_.manifest; }
  [[nodiscard]] const SignedManifest& opened() const noexcept { return signed_; }
  [[nodiscard]] const ReferenceValues& references() const noexcept { return references_; }

  [[nodiscard]] BundleFacts facts() const {
    const BundleManifest& from = signed_.manifest;
    BundleFacts facts{from.issued_at,        from.expires_at,    from.number, 0, 0,
                      from.devices_complete, message_.capacity()};
    for (const IssuerList& list : lists_) {
      facts.revoked += list.records->section().count;
      facts.memory +=
          list.set->filter().memory() + list.records->section().blocks() * list.records->section().key_size;
    }
    if (devices_) {
      facts.devices = devices_->section().count;
      facts.memory += devices_->section().blocks() * devices_->section().key_size;
    }
    return facts;
  }

  [[nodiscard]] CertificateStatus certificate(const Certificate& certificate, const Certificate& issuer,
                                              der::UnixTime now) const {
    using State = CertificateStatus::State;
    const auto hash = crypto_.sha256(issuer.spki().whole);
    if (!hash) return {State::stale, {}, now};
    const auto list = std::ranges::find_if(
        lists_, [&](const IssuerList& one) { return equal(one.records->section().issuer, *hash); });
    if (list == lists_.end()) return {};
    const auto found = list->set->find(certificate.serial());
    if (!found) return {State::stale, {}, now};
    if (*found) return {State::revoked, *found, der::kNoWellDefinedExpiration};
    if (is_stale(now)) return {State::stale, {}, der::kNoWellDefinedExpiration};
    return {State::good, {}, signed_.manifest.expires_at};
  }

  [[nodiscard]] DeviceStatus device(Bytes device_id, der::UnixTime now) const {
    using State = DeviceStatus::State;
    if (!devices_) return {};
    if (device_id.size() != devices_->section().key_size)
      return {State::unknown, {}, 0, der::kNoWellDefinedExpiration};
    const auto found = devices_->find(device_id);
    if (!found) return {State::stale, {}, 0, now};
    if (*found && (*found)->code >= 1 && (*found)->code <= kDeviceWords.size()) {
      const DeviceWord& word = kDeviceWords[(*found)->code - 1];
      if (word.state != State::known)
        return {word.state, word.name, (*found)->since, der::kNoWellDefinedExpiration};
      if (!is_stale(now)) return {word.state, word.name, (*found)->since, signed_.manifest.expires_at};
      return {State::stale, word.name, (*found)->since, der::kNoWellDefinedExpiration};
    }
    if (!signed_.manifest.devices_complete) return {};
    if (is_stale(now)) return {State::stale, {}, 0, der::kNoWellDefinedExpiration};
    return {State::unknown, {}, 0, signed_.manifest.expires_at};
  }

 private:
  struct IssuerList {
    std::unique_ptr<BundleRecords> records;
    std::unique_ptr<RevokedSet> set;
  };

  [[nodiscard]] bool is_stale(der::UnixTime now) const noexcept { return now > signed_.manifest.expires_at; }

  // Magic, length, message.
  Result<void> read_message() {
    PEDIGREE_ASSIGN(const std::uint64_t whole, file_.size());
    std::array<std::uint8_t, kBundleMagic.size() + 4> head{};
    if (whole < head.size()) return fail(ErrorCode::bad_header);
    PEDIGREE_TRY(file_.read(0, head));
    Reader in(head);
    PEDIGREE_ASSIGN(const Bytes magic, in.take(kBundleMagic.size()));
    if (!equal(magic, kBundleMagic)) return fail(ErrorCode::bad_header);
    PEDIGREE_ASSIGN(const std::uint64_t size, in.big_endian(4));
    if (size > kMaxBundleManifest) return fail(ErrorCode::too_long);
    if (size > whole - head.size()) return fail(ErrorCode::truncated);
    message_.resize(static_cast<std::size_t>(size));
    records_begin_ = head.size() + size;
    return file_.read(head.size(), message_);
  }

  Result<void> load_revoked(const BundleSection& section, std::uint64_t begin) {
    IssuerList list;
    list.records = std::make_unique<BundleRecords>(crypto_, file_, section, begin);
    const BundleRecords* truth = list.records.get();
    const auto confirm = [truth](Bytes serial) -> Result<std::optional<Revocation>> {
      const auto key = padded(serial, truth->section().key_size);
      if (!key) return std::optional<Revocation>();
      PEDIGREE_ASSIGN(const auto record, truth->find(*key));
      if (!record) return std::optional<Revocation>();
      return std::optional(Revocation{record->since, record->code});
    };
    list.set = std::make_unique<RevokedSet>(static_cast<std::size_t>(section.count), confirm);
    PEDIGREE_TRY(list.records->load([&list](Bytes key) { list.set->add(key); }));
    lists_.push_back(std::move(list));
    return {};
  }

  Result<void> load_records() {
    std::uint64_t begin = records_begin_;
    PEDIGREE_ASSIGN(const std::uint64_t whole, file_.size());
    for (const BundleSection& section : signed_.manifest.sections) {
      // Before memory is taken for records that are not there.
      if (section.size() > whole - begin) return fail(ErrorCode::truncated);
      if (section.kind == BundleSection::Kind::revoked) {
        PEDIGREE_TRY(load_revoked(section, begin));
      } else {
        if (devices_) return fail(ErrorCode::duplicate);
        devices_ = std::make_unique<BundleRecords>(crypto_, file_, section, begin);
        PEDIGREE_TRY(devices_->load([](Bytes) {}));
      }
      begin += section.size();
    }
    if (begin != whole) return fail(ErrorCode::trailing_data);
    return {};
  }

  std::expected<void, BundleError> load_references(der::UnixTime now) {
    for (const BundleReference& one : signed_.manifest.references) {
      const auto read = one.kind == BundleReference::Kind::json
                            ? read_reference_json(as_text(one.document), references_)
                            : read_corim(one.document, references_, now);
      if (!read)
        return std::unexpected(
            BundleError{read.error().code, "reference values in the bundle: " + read.error().what});
    }
    return {};
  }

  std::expected<void, BundleError> check_signer_status(der::UnixTime now) const {
    const auto signer = Certificate::parse(signed_.signer);
    const auto issuer = Certificate::parse(signed_.issuer);
    if (signer && issuer && certificate(*signer, *issuer, now).state != CertificateStatus::State::revoked)
      return {};
    return std::unexpected(
        BundleError{ErrorCode::revoked, "the bundle's signer is revoked, as the bundle itself says"});
  }

  const crypto::Crypto& crypto_;
  BundleFile file_;
  Octets message_;
  std::uint64_t records_begin_ = 0;
  SignedManifest signed_;
  std::vector<IssuerList> lists_;
  std::unique_ptr<BundleRecords> devices_;
  ReferenceValues references_;
};

BundleStatus::~BundleStatus() = default;

std::expected<std::unique_ptr<BundleStatus>, BundleError> BundleStatus::open(
    const crypto::Crypto& crypto, const std::filesystem::path& path, BundleTrust trust, der::UnixTime now) {
  std::unique_ptr<BundleStatus> status(new BundleStatus(crypto, std::move(trust)));
  if (const auto loaded = status->reload(path, now); !loaded) return std::unexpected(loaded.error());
  return status;
}

std::expected<void, BundleError> BundleStatus::reload(const std::filesystem::path& path, der::UnixTime now) {
  auto file = BundleFile::open(path);
  if (!file) return refuse(file.error(), "opened");
  auto bundle = std::make_shared<Bundle>(crypto_, *std::move(file));
  BundleTrust trust = trust_;
  if (const auto old = current())
    trust.minimum_number = std::max(trust.minimum_number, old->manifest().number);
  if (const auto loaded = bundle->load(trust, now); !loaded) return loaded;
  const std::unique_lock lock(mutex_);
  bundle_ = std::move(bundle);
  ++generation_;
  return {};
}

std::shared_ptr<const BundleStatus::Bundle> BundleStatus::current() const {
  const std::shared_lock lock(mutex_);
  return bundle_;
}

BundleFacts BundleStatus::facts() const {
  return current()->facts();
}

std::vector<Octets> BundleStatus::roots() const {
  const auto bundle = current();
  const Bytes root[] = {bundle->opened().root};
  return copies(root);
}

std::vector<Octets> BundleStatus::intermediates() const {
  return copies(current()->manifest().intermediates);
}

ReferenceValues BundleStatus::reference_values() const {
  return current()->references();
}

CertificateStatus BundleStatus::certificate(const Certificate& certificate, const Certificate& issuer,
                                            der::UnixTime now) const {
  return current()->certificate(certificate, issuer, now);
}

DeviceStatus BundleStatus::device(Bytes device_id, der::UnixTime now) const {
  return current()->device(device_id, now);
}

}  // namespace pedigree::verifier
