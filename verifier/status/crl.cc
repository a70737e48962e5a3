// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/crl.h"

#include <algorithm>
#include <mutex>

#include "core/x509/crl.h"
#include "core/x509/name.h"
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

CrlStatus::CrlStatus(const crypto::Crypto& crypto) : crypto_(crypto) {}
CrlStatus::~CrlStatus() = default;

Result<void> CrlStatus::add(std::vector<std::uint8_t> der) {
  PEDIGREE_ASSIGN(auto list, List::make(std::move(der)));
  const std::unique_lock lock(mutex_);
  lists_.push_back(std::move(list));
  ++generation_;
  return {};
}

Result<void> CrlStatus::replace(std::vector<std::vector<std::uint8_t>> lists) {
  std::vector<std::shared_ptr<const List>> made;
  for (std::vector<std::uint8_t>& der : lists) {
    PEDIGREE_ASSIGN(auto list, List::make(std::move(der)));
    made.push_back(std::move(list));
  }
  const std::unique_lock lock(mutex_);
  lists_.swap(made);
  ++generation_;
  return {};
}

std::size_t CrlStatus::size() const {
  const std::shared_lock lock(mutex_);
  return lists_.size();
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
    for (const auto& list : lists_) {
      auto& latest = list->crl().is_delta() ? delta : complete;
      if (latest && list->crl().this_update() <= latest->crl().this_update()) continue;
      if (list->crl().covers(certificate) && list->is_of(crypto_, issuer)) latest = list;
    }
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
