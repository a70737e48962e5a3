// SPDX-License-Identifier: Apache-2.0
#include "server/store/registry_status.h"

#include "server/store/read_pool.h"

namespace pedigree::store {
namespace {

using verifier::CertificateStatus;
using verifier::DeviceStatus;
using Clock = std::chrono::steady_clock;

/// One connection with the point lookups prepared.
struct Lookups {
  explicit Lookups(Connection opened)
      : connection(std::move(opened)),
        device(connection.prepare("SELECT state, changed FROM device WHERE id = ?1")),
        certificate(
            connection.prepare("SELECT state, revoked_at, reason FROM certificate WHERE serial = ?1")),
        issuer(connection.prepare("SELECT revoked_at, reason FROM issuer_revocation WHERE name = ?1")),
        generation(connection.prepare("SELECT number FROM generation")) {
    // Room for the inner pages of the indexes over 10^7 devices, so that a lookup reads leaves alone. Where
    // this fails, SQLite keeps its own 2 MB.
    if (connection.dialect() == Dialect::sqlite) (void)connection.execute("PRAGMA cache_size = -32768");
  }

  Connection connection;
  Statement device, certificate, issuer, generation;
};

/// A key that the registry's certificates are signed with.
struct IssuerKey {
  std::string name;
  std::vector<std::uint8_t> spki;
};

DeviceStatus::State standing(registry::DeviceState state) noexcept {
  using enum registry::DeviceState;
  switch (state) {
    case expected:
    case pending:
    case issued:
    case active:
      return DeviceStatus::State::known;
    case suspended:
      return DeviceStatus::State::suspended;
    case revoked:
      return DeviceStatus::State::revoked;
    case retired:
      return DeviceStatus::State::retired;
  }
  return DeviceStatus::State::stale;
}

verifier::Revocation revocation_at(const Statement& row, int column) {
  return {row.integer(column), static_cast<std::uint8_t>(row.integer(column + 1))};
}

constexpr CertificateStatus kStale{.state = CertificateStatus::State::stale, .revocation = {}};
constexpr CertificateStatus kGood{.state = CertificateStatus::State::good, .revocation = {}};

CertificateStatus issuer_status(Lookups& lookups, std::string_view name) {
  Statement& query = lookups.issuer.bind(name);
  const Statement::Step step = query.step();
  if (step == Statement::Step::failed) return kStale;
  if (step == Statement::Step::done) return kGood;
  const CertificateStatus status{CertificateStatus::State::revoked, revocation_at(query, 0)};
  query.reset();
  return status;
}

CertificateStatus leaf_status(Lookups& lookups, Bytes serial) {
  Statement& query = lookups.certificate.bind(serial);
  const Statement::Step step = query.step();
  if (step == Statement::Step::failed) return kStale;
  if (step == Statement::Step::done) return {};
  CertificateStatus status = kGood;
  if (static_cast<registry::CertificateState>(query.integer(0)) == registry::CertificateState::revoked) {
    status = {CertificateStatus::State::revoked, revocation_at(query, 1)};
  }
  query.reset();
  return status;
}

}  // namespace

struct RegistryStatus::State {
  State(const StoreOptions& options, std::vector<IssuerKey> keys, std::unique_ptr<Lookups> polling)
      : issuers(std::move(keys)),
        pool(options.location()),
        commits(options.commits),
        poller(std::move(polling)) {}

  std::vector<IssuerKey> issuers;
  ReadPool<Lookups> pool;
  std::shared_ptr<CommitCount> commits;

  std::mutex poll_mutex;
  std::unique_ptr<Lookups> poller;
  std::uint64_t failures = 0;
  std::atomic<std::uint64_t> commits_seen{0};
  std::atomic<Clock::rep> polled{0};
  std::atomic<std::uint64_t> generation{0};

  [[nodiscard]] const IssuerKey* find(const x509::Certificate& certificate) const {
    const auto found = std::ranges::find_if(
        issuers, [&](const IssuerKey& key) { return equal(key.spki, certificate.spki().whole); });
    return found == issuers.end() ? nullptr : &*found;
  }
  void poll();
};

void RegistryStatus::State::poll() {
  const std::lock_guard lock(poll_mutex);
  // Read before the database, so that a commit that comes meanwhile is seen at the next call.
  const std::uint64_t count = commits->load();
  const auto now = Clock::now().time_since_epoch().count();
  Statement& query = poller->generation.bind();
  if (query.step() == Statement::Step::row) {
    const auto number = static_cast<std::uint64_t>(query.integer(0));
    query.reset();
    generation = number + (failures << 48U);
  } else {
    // Nothing that was concluded before can be confirmed.
    generation = generation + (1ULL << 48U);
    ++failures;
  }
  commits_seen = count;
  polled = now;
}

RegistryStatus::RegistryStatus(std::unique_ptr<State> state) : state_(std::move(state)) {}
RegistryStatus::~RegistryStatus() = default;

Result<std::unique_ptr<RegistryStatus>> RegistryStatus::open(const StoreOptions& options,
                                                             std::span<const StatusIssuer> issuers) {
  std::vector<IssuerKey> keys;
  for (const StatusIssuer& issuer : issuers) {
    PEDIGREE_ASSIGN(const x509::Certificate certificate, x509::Certificate::parse(issuer.certificate));
    const Bytes spki = certificate.spki().whole;
    keys.push_back({issuer.name, {spki.begin(), spki.end()}});
  }
  PEDIGREE_ASSIGN(Connection connection, Connection::open(options.location(), false));
  auto poller = std::make_unique<Lookups>(std::move(connection));
  const bool prepared = poller->device.prepared() && poller->certificate.prepared() &&
                        poller->issuer.prepared() && poller->generation.prepared();
  if (!prepared) return fail(ErrorCode::database_failure);
  auto state = std::make_unique<State>(options, std::move(keys), std::move(poller));
  state->poll();
  return std::unique_ptr<RegistryStatus>(new RegistryStatus(std::move(state)));
}

std::uint64_t RegistryStatus::generation() const noexcept {
  const auto age = Clock::now().time_since_epoch() - Clock::duration(state_->polled.load());
  if (age >= kStaleness || state_->commits->load() != state_->commits_seen.load()) state_->poll();
  return state_->generation.load();
}

CertificateStatus RegistryStatus::certificate(const x509::Certificate& certificate,
                                              const x509::Certificate& issuer, der::UnixTime /*now*/) const {
  const IssuerKey* own = state_->find(certificate);
  if (own == nullptr && state_->find(issuer) == nullptr) return {};
  auto lookups = state_->pool.take();
  if (!lookups) return kStale;
  const CertificateStatus status =
      own != nullptr ? issuer_status(**lookups, own->name) : leaf_status(**lookups, certificate.serial());
  if (status.state != CertificateStatus::State::stale) state_->pool.give(*std::move(lookups));
  return status;
}

DeviceStatus RegistryStatus::device(Bytes device_id, der::UnixTime /*now*/) const {
  auto lookups = state_->pool.take();
  DeviceStatus status{.state = DeviceStatus::State::stale};
  if (!lookups) return status;
  Statement& query = (*lookups)->device.bind(device_id);
  const Statement::Step step = query.step();
  if (step == Statement::Step::done) status.state = DeviceStatus::State::unknown;
  if (step == Statement::Step::row) {
    const auto state = static_cast<registry::DeviceState>(query.integer(0));
    status = {standing(state), registry::name(state), query.integer(1)};
    query.reset();
  }
  if (status.state != DeviceStatus::State::stale) state_->pool.give(*std::move(lookups));
  return status;
}

}  // namespace pedigree::store
