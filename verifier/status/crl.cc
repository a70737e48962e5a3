// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/crl.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/x509/crl.h"
#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "verifier/status/signers.h"

namespace pedigree::verifier {
namespace {

using x509::Certificate;
using x509::Crl;
using x509::RevocationReason;
using x509::RevokedEntry;

bool serial_less(Bytes a, Bytes b) noexcept {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::ranges::lexicographical_compare(a, b);
}

// The serial number of the entry at `offset`; parse has read every entry, so it is there.
Bytes serial_at(Bytes entries, std::uint32_t offset) noexcept {
  Reader in(entries.subspan(offset));
  const auto entry = der::read(in, der::kSequence);
  if (!entry) return {};
  Reader fields = entry->reader();
  return der::read_unsigned(fields).value_or(Bytes{});
}

// Offsets of the entries in the order of their serial numbers.
std::vector<std::uint32_t> make_index(Bytes entries) {
  struct Place {
    Bytes serial;
    std::uint32_t offset;
  };
  std::vector<Place> places;
  for (Reader in(entries); !in.empty();) {
    const std::uint32_t offset = in.offset();
    const auto element = der::read(in, der::kSequence);
    if (!element) break;
    places.push_back({serial_at(entries, offset), offset});
  }
  std::ranges::sort(places, [](const Place& a, const Place& b) {
    if (equal(a.serial, b.serial)) return a.offset < b.offset;
    return serial_less(a.serial, b.serial);
  });
  std::vector<std::uint32_t> index;
  index.reserve(places.size());
  for (const Place& place : places) index.push_back(place.offset);
  return index;
}

/// Calls `visit` with a key for each name in the content of GeneralNames, as far as they can be read.
template <typename Visit>
void each_name_key(Bytes names, Visit visit) {
  for (Reader in(names); !in.empty();) {
    const auto name = x509::read_general_name(in, x509::NameUse::name);
    if (!name) return;
    std::string key(1, static_cast<char>(name->form));
    visit(key += as_text(name->value));
  }
}

/// The same for each name of the certificate's distribution points.
template <typename Visit>
void each_point_key(const Certificate& certificate, Visit visit) {
  constexpr der::Tag kName = der::context_constructed(0);  // distributionPoint, and fullName in it
  Bytes points;
  (void)x509::for_each_extension(certificate.extensions_content(), [&](const x509::Extension& extension) {
    if (equal(extension.oid, x509::oid::kCrlDistributionPoints)) points = extension.value;
  });
  Reader value(points);
  const auto list = der::read(value, der::kSequence);
  for (Reader each = list ? list->reader() : value; !each.empty();) {
    const auto point = der::read(each, der::kSequence);
    if (!point) return;
    Reader fields = point->reader();
    const auto name = der::read(fields, kName);
    if (!name) continue;
    Reader inside = name->reader();
    if (const auto full = der::read(inside, kName)) each_name_key(full->content, visit);
  }
}

CertificateStatus revoked(const RevokedEntry& entry) {
  return {CertificateStatus::State::revoked, Revocation{entry.when, static_cast<std::uint8_t>(entry.reason)},
          der::kNoWellDefinedExpiration};
}

}  // namespace

/// One list with its index, and what is known of its signature.
class CrlStatus::List {
 public:
  static Result<std::shared_ptr<const List>> make(std::vector<std::uint8_t> der) {
    auto list = std::make_shared<List>(std::move(der));
    PEDIGREE_ASSIGN(list->crl_, Crl::parse_any(list->der_));
    list->index_ = make_index(list->crl_->entries());
    return std::shared_ptr<const List>(std::move(list));
  }
  explicit List(std::vector<std::uint8_t> der) : der_(std::move(der)) {}

  [[nodiscard]] const Crl& crl() const noexcept { return *crl_; }

  /// Whether it is the issuer's own list (RFC 5280 6.3.3 f, g).
  [[nodiscard]] bool is_of(const crypto::Crypto& crypto, const Certificate& issuer) const {
    const auto usage = issuer.extensions().key_usage;
    if (usage && (*usage & x509::kCrlSign) == 0) return false;
    if (!x509::names_match(crl_->issuer(), issuer.subject())) return false;
    return signers_.about(issuer.spki().whole, [&] {
      return x509::verify_signature(crypto, issuer.spki(), crl_->signature_algorithm(), crl_->tbs(),
                                    crl_->signature())
          .has_value();
    });
  }

  /// What it says of a certificate that it does not name.
  [[nodiscard]] CertificateStatus clears(der::UnixTime now) const noexcept {
    CertificateStatus status{CertificateStatus::State::stale, {}, der::kNoWellDefinedExpiration};
    if (now < crl_->this_update()) {
      status.fresh_until = crl_->this_update() - 1;
    } else if (crl_->next_update() && now <= *crl_->next_update()) {
      status.state = CertificateStatus::State::good;
      status.fresh_until = *crl_->next_update();
    }
    return status;
  }

  [[nodiscard]] std::optional<RevokedEntry> find(Bytes serial) const noexcept {
    const auto serial_of = [this](std::uint32_t offset) { return serial_at(crl_->entries(), offset); };
    const auto at = std::ranges::lower_bound(index_, serial, serial_less, serial_of);
    if (at == index_.end() || !equal(serial_of(*at), serial)) return std::nullopt;
    Reader in(crl_->entries().subspan(*at));
    const auto entry = Crl::read_entry(in);
    return entry ? std::optional(*entry) : std::nullopt;
  }

 private:
  std::vector<std::uint8_t> der_;
  std::optional<Crl> crl_;
  std::vector<std::uint32_t> index_;
  Signers<bool> signers_;
};

/// All lists. Of those that are limited to a distribution point an issuer may have thousands: they are found
/// by its names. The others are one or two for an issuer, and looked through: names of issuers match in more
/// ways than octet for octet.
class CrlStatus::Lists {
 public:
  void add(const std::shared_ptr<const List>& list) {
    const Bytes names = list->crl().scope().names;
    if (names.empty()) whole_.push_back(list);
    each_name_key(names, [&](const std::string& key) { parts_[key].push_back(list); });
    ++size_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Calls `visit` with each list that may speak of this certificate, and perhaps others.
  template <typename Visit>
  void each(const Certificate& certificate, Visit visit) const {
    std::ranges::for_each(whole_, visit);
    if (parts_.empty()) return;
    each_point_key(certificate, [&](const std::string& key) {
      const auto found = parts_.find(key);
      if (found != parts_.end()) std::ranges::for_each(found->second, visit);
    });
  }

 private:
  std::vector<std::shared_ptr<const List>> whole_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<const List>>> parts_;
  std::size_t size_ = 0;
};

CrlStatus::CrlStatus(const crypto::Crypto& crypto) : crypto_(crypto), lists_(std::make_unique<Lists>()) {}
CrlStatus::~CrlStatus() = default;

Result<void> CrlStatus::add(std::vector<std::uint8_t> der) {
  PEDIGREE_ASSIGN(const auto list, List::make(std::move(der)));
  const std::unique_lock lock(mutex_);
  lists_->add(list);
  ++generation_;
  return {};
}

Result<void> CrlStatus::replace(std::vector<std::vector<std::uint8_t>> lists) {
  auto made = std::make_unique<Lists>();
  for (std::vector<std::uint8_t>& der : lists) {
    PEDIGREE_ASSIGN(const auto list, List::make(std::move(der)));
    made->add(list);
  }
  const std::unique_lock lock(mutex_);
  lists_.swap(made);
  ++generation_;
  return {};
}

std::size_t CrlStatus::size() const {
  const std::shared_lock lock(mutex_);
  return lists_->size();
}

std::uint64_t CrlStatus::generation() const noexcept {
  return generation_;
}

CertificateStatus CrlStatus::certificate(const Certificate& certificate, const Certificate& issuer,
                                         der::UnixTime now) const {
  std::shared_ptr<const List> complete;
  std::shared_ptr<const List> delta;
  {
    const std::shared_lock lock(mutex_);
    lists_->each(certificate, [&](const std::shared_ptr<const List>& list) {
      auto& latest = list->crl().is_delta() ? delta : complete;
      if (latest && list->crl().this_update() <= latest->crl().this_update()) return;
      if (list->crl().covers(certificate) && list->is_of(crypto_, issuer)) latest = list;
    });
  }
  // A complete list that is as new says all that the delta says.
  if (delta && complete && delta->crl().this_update() <= complete->crl().this_update()) delta = nullptr;
  const auto change = delta ? delta->find(certificate.serial()) : std::nullopt;
  const bool removed = change && change->reason == RevocationReason::remove_from_crl;
  if (change && !removed) return revoked(*change);
  if (!complete) return {};
  if (removed && delta->crl().completes(complete->crl())) return complete->clears(now);
  if (const auto entry = complete->find(certificate.serial())) return revoked(*entry);
  return complete->clears(now);
}

DeviceStatus CrlStatus::device(Bytes /*device_id*/, der::UnixTime /*now*/) const {
  return {};
}

}  // namespace pedigree::verifier
