// SPDX-License-Identifier: Apache-2.0
#include "server/http/crl_lists.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/x509/certificate.h"
#include "registry/crl_partition.h"
#include "server/http/json.h"

namespace pedigree::http {
namespace {

constexpr std::size_t kMaxWaiting = 256;
constexpr std::string_view kDelta = "delta";
// By how much the clocks of two nodes may differ: a delta CRL lists rather more than too little.
constexpr der::UnixTime kClockMargin = 3600;
constexpr der::UnixTime kMostHold = 600;
constexpr std::string_view kCached = "public, max-age=300";

using authority::Answer;

template <typename List>
der::UnixTime renewal(const List& list) {
  return list.made + std::min(CrlLists::kRenewal, (list.next_update - list.made) / 4);
}

Answer<void> check(const authority::Engine& engine, const CrlName& name) {
  if (engine.find_issuer(name.issuer) == nullptr) {
    return authority::refuse(ErrorCode::not_found, "there is no such intermediate");
  }
  if (name.delta && engine.config().crl_delta_hours == 0) {
    return authority::refuse(ErrorCode::not_found, "this authority makes no delta CRLs (crl_delta_hours)");
  }
  return {};
}

}  // namespace

std::optional<CrlName> parse_crl_name(std::string_view path) {
  const std::size_t slash = path.find('/');
  CrlName name{std::string(path.substr(0, slash))};
  if (name.issuer.empty()) return std::nullopt;
  if (slash == std::string_view::npos) return name;
  const std::string_view rest = path.substr(slash + 1);
  if (rest == kDelta) {
    name.delta = true;
    return name;
  }
  const auto number = registry::parse_crl_partition(rest);
  if (!number) return std::nullopt;
  name.partition = *number;
  return name;
}

CrlLists::CrlLists(const authority::Engine& engine, registry::Store& store,
                   std::function<der::UnixTime()> clock)
    : engine_(engine),
      store_(store),
      clock_(std::move(clock)),
      threads_(std::make_unique<SigningThreads>(1, kMaxWaiting)) {}

CrlLists::~CrlLists() = default;

std::vector<CrlTimes> CrlLists::times() {
  const std::lock_guard lock(mutex_);
  std::vector<CrlTimes> times;
  for (const auto& [name, entry] : entries_) {
    if (name.partition || name.delta || !entry.list.der) continue;
    times.push_back({name.issuer, entry.list.made, entry.list.next_update});
  }
  return times;
}

bool CrlLists::is_usable(const List& list, der::UnixTime now) const {
  if (!list.der || now >= list.renew) return false;
  return now < list.hold || (generation_ && list.generation == generation_());
}

void CrlLists::get(const CrlName& wanted, std::string_view if_none_match, Respond respond) {
  if (const auto known = check(engine_, wanted); !known) {
    return respond(error_response(known.error().code, known.error().detail));
  }
  std::optional<List> usable;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[wanted];
    if (is_usable(entry.list, clock_())) {
      usable = entry.list;
    } else {
      entry.waiting.push_back({std::string(if_none_match), std::move(respond)});
      if (entry.making) return;
      entry.making = true;
    }
  }
  if (usable) return respond(answer(*usable, if_none_match));
  if (threads_ != nullptr && threads_->run([this, wanted] { make(wanted); })) return;
  finish(wanted, authority::refuse(ErrorCode::timeout, "too many CRLs wait for being signed"));
}

void CrlLists::make(const CrlName& name) {
  List old;
  {
    const std::lock_guard lock(mutex_);
    old = entries_[name].list;
  }
  auto renewed = renew(name, old);
  if (renewed && shelf_ != nullptr && renewed->der != old.der) shelf_->put(name, *renewed->der);
  if (!renewed && !old.der && shelf_ != nullptr && renewed.error().code != ErrorCode::not_found) {
    if (List kept = take_down(name); kept.der) renewed = std::move(kept);
  }
  finish(name, std::move(renewed));
}

CrlLists::List CrlLists::take_down(const CrlName& name) {
  const auto der = shelf_->get(name);
  const authority::Issuer* issuer = engine_.find_issuer(name.issuer);
  if (!der || issuer == nullptr) return {};
  const auto crl = x509::Crl::parse_any(as_bytes(*der));
  const auto certificate = x509::Certificate::parse(issuer->chain().front());
  if (!crl || !certificate || !equal(crl->issuer(), certificate->subject())) return {};
  if (!x509::verify_signature(engine_.crypto(), certificate->spki(), crl->signature_algorithm(), crl->tbs(),
                              crl->signature())) {
    return {};
  }
  // What another list of the issuer says is not what was asked for.
  const std::string_view scope = as_text(crl->scope().names);
  const std::string part =
      name.partition ? "/" + registry::crl_partition_text(*name.partition) : std::string();
  const bool is_whole = !name.partition;
  if (crl->is_delta() != name.delta || scope.empty() != is_whole || !scope.ends_with(part)) return {};
  const Bytes number = crl->crl_number();
  if (!crl->next_update() || clock_() >= *crl->next_update() || clock_() < crl->this_update() ||
      number.size() < sizeof(std::uint64_t)) {
    return {};
  }
  List list;
  list.der = std::make_shared<const std::string>(*der);
  for (const std::uint8_t octet : number.last(sizeof(std::uint64_t))) list.number = list.number << 8U | octet;
  list.made = crl->this_update();
  list.next_update = *crl->next_update();
  list.renew = renewal(list);
  return list;
}

void CrlLists::finish(const CrlName& name, Answer<List> renewed) {
  std::vector<Waiter> waiting;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[name];
    const List& old = entry.list;
    const bool keeps_old =
        !renewed && renewed.error().code != ErrorCode::not_found && old.der && clock_() < old.next_update;
    if (keeps_old) renewed = old;
    waiting = std::move(entry.waiting);
    entry.waiting.clear();
    entry.making = false;
    if (name.partition && entry.list.der) kept_ -= entry.list.der->size();
    entry.list = renewed ? *renewed : List();
    if (name.partition && entry.list.der) kept_ += entry.list.der->size();
    if (!renewed) entries_.erase(name);
    if (kept_ > kMaxKept) forget_parts();
  }
  for (Waiter& waiter : waiting) {
    waiter.respond(renewed ? answer(*renewed, waiter.if_none_match)
                           : error_response(renewed.error().code, renewed.error().detail));
  }
}

void CrlLists::forget_parts() {
  std::erase_if(entries_, [](const auto& one) { return one.first.partition && !one.second.making; });
  kept_ = 0;
  for (const auto& [name, entry] : entries_) {
    if (name.partition && entry.list.der) kept_ += entry.list.der->size();
  }
}

Answer<CrlLists::List> CrlLists::renew(const CrlName& name, const List& old) {
  // Before anything is read: what is revoked from now on makes another list.
  const std::uint64_t generation = generation_ ? generation_() : 0;
  const authority::Config& config = engine_.config();
  const der::UnixTime now = clock_();
  const auto days = static_cast<der::UnixTime>(config.crl_days) * 86400;
  const authority::Issuer* issuer = engine_.find_issuer(name.issuer);
  registry::CrlScope scope{name.issuer, name.partition, 0};
  authority::CrlSpec spec;
  spec.this_update = now;
  spec.next_update = now + days;
  std::string url;
  if (name.partition) {
    const auto base = store_.crl_partition_base(name.issuer, *name.partition);
    if (!base && base.error().code == ErrorCode::not_found) {
      return authority::refuse(ErrorCode::not_found, "no certificate names this part of the CRL");
    }
    if (!base) return authority::refuse(base.error());
    url = authority::crl_partition_url(*base, *name.partition);
    spec.distribution_point = url;
    spec.critical = config.crl_critical;
  } else if (name.delta) {
    // Whatever complete list is still valid was made since then.
    spec.base = now - days;
    spec.next_update = now + static_cast<der::UnixTime>(config.crl_delta_hours) * 3600;
    scope.since = *spec.base - kClockMargin;
  } else if (config.crl_delta_hours != 0) {
    url = fmt::format("{}/{}", issuer->crl_url(), kDelta);
    spec.freshest = url;
  }
  const auto number = store_.revoked_count({name.issuer, name.partition, 0});
  if (!number) return authority::refuse(number.error());
  if (old.der && now < old.renew && old.number == *number) {
    List same = old;
    same.generation = generation;
    return same;
  }
  spec.total = *number;
  auto made = sign(name, scope, spec);
  if (made) made->generation = generation;
  return made;
}

Answer<CrlLists::List> CrlLists::sign(const CrlName& name, const registry::CrlScope& scope,
                                      authority::CrlSpec spec) {
  const auto begun = std::chrono::steady_clock::now();
  const auto revoked = store_.revoked(scope);
  if (!revoked) return authority::refuse(revoked.error());
  std::vector<x509::RevokedEntry> entries;
  entries.reserve(revoked->size());
  for (const registry::Revoked& one : *revoked) {
    entries.push_back({one.serial.octets(), one.when, one.reason});
  }
  // What was revoked since they were counted is in a complete list.
  if (!name.delta) spec.total = entries.size();
  auto der = engine_.make_crl(name.issuer, entries, spec);
  if (!der) return std::unexpected(der.error());
  List made;
  made.der = std::make_shared<const std::string>(as_text(*der));
  made.number = spec.total;
  made.made = spec.this_update;
  made.next_update = spec.next_update;
  made.renew = renewal(made);
  const auto took = std::chrono::steady_clock::now() - begun;
  made.hold = clock_() +
              std::min(kMostHold, der::UnixTime{10 * std::chrono::floor<std::chrono::seconds>(took).count()});
  return made;
}

Response CrlLists::answer(const List& list, std::string_view if_none_match) {
  // Nodes sign each for themselves: their lists say the same in other octets, so the tag is a weak one.
  const std::string tag = fmt::format("\"{:x}-{:x}\"", list.made, list.number);
  Response response;
  response.type = "application/pkix-crl";
  response.fields =
      fmt::format("ETag: W/{}\r\nLast-Modified: {:%a, %d %b %Y %H:%M:%S} GMT\r\nCache-Control: {}\r\n", tag,
                  fmt::gmtime(static_cast<std::time_t>(list.made)), kCached);
  if (if_none_match.find(tag) != std::string_view::npos) {
    response.status = 304;
  } else {
    response.shared = list.der;
  }
  return response;
}

}  // namespace pedigree::http
