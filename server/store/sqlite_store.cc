// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite_store.h"

#include "server/store/audit_log.h"
#include "server/store/crl_partitions.h"
#include "server/store/read_pool.h"
#include "server/store/reads.h"
#include "server/store/schema.h"
#include "server/store/writer.h"
#include "server/store/writes.h"

namespace pedigree::store {
namespace {

using registry::Done;
using registry::Outcome;

class DatabaseStore final : public registry::Store {
 public:
  DatabaseStore(Connection connection, const StoreOptions& options, const crypto::Crypto& crypto)
      : connection_(std::move(connection)),
        log_(connection_, crypto),
        writes_(connection_, log_),
        crl_partitions_(connection_),
        pool_(options.location()),
        writer_(connection_,
                {[this] { return log_.begin(); }, [this] { return log_.end(); }, [this] { log_.forget(); }},
                options.commits, options.metrics) {}

  void ask(registry::Asking asking, Done<void> done) override {
    const auto shared = std::make_shared<registry::Asking>(std::move(asking));
    submit<void>([this, shared] { return writes_.ask(*shared); }, std::move(done),
                 [this, shared](int wave) { writes_.foresee(*shared, wave); });
  }
  void issue(registry::Issuance issuance, Done<registry::Issued> done) override {
    const auto shared = std::make_shared<registry::Issuance>(std::move(issuance));
    submit<registry::Issued>([this, shared] { return writes_.issue(*shared); }, std::move(done),
                             [this, shared](int wave) { writes_.foresee(*shared, wave); });
  }
  void forget_unconfirmed(Sha256 signer, std::vector<std::uint8_t> transaction, Done<void> done) override {
    submit<void>(
        [this, signer, transaction = std::move(transaction)] {
          return writes_.forget_unconfirmed(signer, transaction);
        },
        std::move(done));
  }
  void take_crl_partitions(registry::CrlPartitionClaim claim, Done<std::uint32_t> done) override {
    submit<std::uint32_t>([this, claim = std::move(claim)] { return crl_partitions_.take(claim); },
                          std::move(done));
  }
  void add_token(registry::EnrolToken token, Done<void> done) override {
    submit<void>([this, token = std::move(token)] { return writes_.add_token(token); }, std::move(done));
  }
  void activate(registry::Serial serial, registry::Actor actor, der::UnixTime when,
                Done<registry::DeviceState> done) override {
    submit<registry::DeviceState>(
        [this, serial, actor = std::move(actor), when] { return writes_.activate(serial, actor, when); },
        std::move(done), [this, serial](int wave) { writes_.foresee(serial, wave); });
  }
  void revoke(registry::Revocation revocation, Done<registry::Certificate> done) override {
    submit<registry::Certificate>(
        [this, revocation = std::move(revocation)] { return writes_.revoke(revocation); }, std::move(done));
  }
  void revoke_issuer(registry::IssuerRevocation revocation, Done<registry::IssuerRevocation> done) override {
    submit<registry::IssuerRevocation>(
        [this, revocation = std::move(revocation)] { return writes_.revoke_issuer(revocation); },
        std::move(done));
  }
  void order_issuers(std::vector<registry::IssuerOrder> orders, Done<void> done) override {
    submit<void>([this, orders = std::move(orders)] { return writes_.order_issuers(orders); },
                 std::move(done));
  }
  void record(registry::AuthorityEvent event, Done<void> done) override {
    submit<void>([this, event = std::move(event)] { return writes_.record(event); }, std::move(done));
  }
  void revoke_signer(registry::SignerRevocation revocation, Done<registry::SignerRevocation> done) override {
    submit<registry::SignerRevocation>(
        [this, revocation = std::move(revocation)] { return writes_.revoke_signer(revocation); },
        std::move(done));
  }
  void add_signer_list(registry::SignerList list, Done<registry::SignerList> done) override {
    submit<registry::SignerList>([this, list = std::move(list)] { return writes_.add_signer_list(list); },
                                 std::move(done));
  }
  void add_signed_head(registry::SignedHead head, Done<registry::SignedHead> done) override {
    submit<registry::SignedHead>([this, head = std::move(head)] { return writes_.add_signed_head(head); },
                                 std::move(done));
  }
  void change_state(registry::StateChange change, Done<registry::DeviceState> done) override {
    submit<registry::DeviceState>([this, change = std::move(change)] { return writes_.change_state(change); },
                                  std::move(done));
  }
  void note_grant(registry::GrantNote note, Done<registry::DeviceState> done) override {
    submit<registry::DeviceState>([this, note = std::move(note)] { return writes_.note_grant(note); },
                                  std::move(done));
  }
  void set_station(registry::StationChange change, Done<registry::Station> done) override {
    submit<registry::Station>([this, change = std::move(change)] { return writes_.set_station(change); },
                              std::move(done));
  }
  void note_refusal(registry::StationRefusal refusal, Done<void> done) override {
    submit<void>([this, refusal = std::move(refusal)] { return writes_.note_refusal(refusal); },
                 std::move(done));
  }
  void import(registry::Import import, Done<registry::Imported> done) override {
    auto shared = std::make_shared<registry::Import>(std::move(import));
    submit<registry::Imported>([this, shared] { return writes_.import(*shared); }, std::move(done),
                               [this, shared](int wave) { writes_.foresee(*shared, wave); });
  }

  Result<registry::Device> device(const registry::DeviceId& id) override {
    return read([&](Reads& reads) { return reads.device(id); });
  }
  Result<registry::DeviceList> devices(const registry::DevicePage& page) override {
    return read([&](Reads& reads) { return reads.search().devices(page); });
  }
  Result<std::vector<registry::Batch>> batches(std::string_view after, std::size_t limit) override {
    return read([&](Reads& reads) { return reads.search().batches(after, limit); });
  }
  Result<registry::Batch> batch(std::string_view name) override {
    return read([&](Reads& reads) { return reads.search().batch(name); });
  }
  Result<std::vector<registry::BatchCount>> batch_counts(std::string_view name) override {
    return read([&](Reads& reads) { return reads.search().batch_counts(name); });
  }
  Result<std::vector<registry::Station>> stations(std::int64_t day) override {
    return read([&](Reads& reads) { return reads.search().stations(day); });
  }
  Result<registry::EventList> search_events(const registry::EventQuery& query) override {
    return read([&](Reads& reads) { return reads.log().search(query); });
  }
  Result<registry::Certificate> certificate(const registry::Serial& serial) override {
    return read([&](Reads& reads) { return reads.certificate(serial); });
  }
  Result<std::vector<registry::Certificate>> certificates(const registry::DeviceId& id) override {
    return read([&](Reads& reads) { return reads.certificates(id); });
  }
  Result<std::vector<registry::Event>> events(const registry::DeviceId& id) override {
    return read([&](Reads& reads) { return reads.events(id); });
  }
  Result<registry::AwaitsConfirmation> unconfirmed(const Sha256& signer, Bytes transaction,
                                                   der::UnixTime now) override {
    return read([&](Reads& reads) { return reads.unconfirmed(signer, transaction, now); });
  }
  Result<std::vector<registry::Revoked>> revoked(const registry::CrlScope& scope) override {
    return read([&](Reads& reads) { return reads.crls().revoked(scope); });
  }
  Result<std::string> crl_partition_base(std::string_view issuer, std::uint32_t partition) override {
    return read([&](Reads& reads) { return reads.crls().base(issuer, partition); });
  }
  Result<std::vector<registry::Standing>> standings(std::int64_t after, std::size_t limit) override {
    return read([&](Reads& reads) { return reads.standings(after, limit); });
  }
  Result<registry::Standing> standing(const registry::Serial& serial) override {
    return read([&](Reads& reads) { return reads.standing(serial); });
  }
  Result<std::uint64_t> revoked_count(const registry::CrlScope& scope) override {
    return read([&](Reads& reads) { return reads.crls().count(scope); });
  }
  Result<std::vector<registry::IssuerRevocation>> revoked_issuers() override {
    return read([](Reads& reads) { return reads.revoked_issuers(); });
  }
  Result<std::vector<registry::IssuerOrder>> issuer_orders() override {
    return read([](Reads& reads) { return reads.issuer_orders(); });
  }
  Result<std::vector<registry::SignerRevocation>> revoked_signers() override {
    return read([](Reads& reads) { return reads.revoked_signers(); });
  }
  Result<registry::SignerList> signer_list() override {
    return read([](Reads& reads) { return reads.signer_list(); });
  }
  Result<registry::merkle::Head> log_head() override {
    return read([this](Reads& reads) { return reads.log_head(log_.crypto()); });
  }
  Result<Sha256> log_root(std::uint64_t size) override {
    return read([&](Reads& reads) { return reads.tree(log_.crypto()).root(size); });
  }
  Result<std::vector<Sha256>> inclusion_proof(std::uint64_t index, std::uint64_t size) override {
    return read([&](Reads& reads) { return reads.tree(log_.crypto()).inclusion_proof(index, size); });
  }
  Result<std::vector<Sha256>> consistency_proof(std::uint64_t from, std::uint64_t to) override {
    return read([&](Reads& reads) { return reads.tree(log_.crypto()).consistency_proof(from, to); });
  }
  Result<registry::Event> event(std::uint64_t number) override {
    return read([&](Reads& reads) { return reads.event(number); });
  }
  Result<registry::Event> issuance(const registry::Serial& serial) override {
    return read([&](Reads& reads) { return reads.issuance(serial); });
  }
  Result<registry::SignedHead> signed_head() override {
    return read([](Reads& reads) { return reads.signed_head(); });
  }
  Result<void> health() override {
    return read([](Reads& reads) { return reads.health(); });
  }

 private:
  template <typename Query>
  auto read(Query query) -> decltype(query(std::declval<Reads&>())) {
    PEDIGREE_ASSIGN(auto reads, pool_.take());
    auto answer = query(*reads);
    if (answer || answer.error().code != ErrorCode::database_failure) pool_.give(std::move(reads));
    return answer;
  }

  template <typename T, typename Work>
  void submit(Work work, Done<T> done, std::function<void(int)> foresee = {}) {
    auto outcome = std::make_shared<std::optional<Outcome<T>>>();
    Job job;
    job.foresee = std::move(foresee);
    job.run = [work = std::move(work), outcome]() -> Result<void> {
      *outcome = work();
      const bool broken = !(*outcome)->has_value() && (*outcome)->error().code == ErrorCode::database_failure;
      if (broken) return fail(ErrorCode::database_failure);
      return {};
    };
    job.finish = [done = std::move(done), outcome](bool durable) {
      if (durable) {
        done(std::move(**outcome));
      } else {
        done(std::unexpected(registry::Conflict{ErrorCode::database_failure, {}}));
      }
    };
    writer_.submit(std::move(job));
  }

  Connection connection_;
  AuditLog log_;
  Writes writes_;
  CrlPartitionWrites crl_partitions_;
  ReadPool<Reads> pool_;
  GroupWriter writer_;  // last: its thread uses the others until it has stopped
};

}  // namespace

Result<std::unique_ptr<registry::Store>> open_store(const StoreOptions& options, const crypto::Crypto& crypto,
                                                    std::string* why) {
  PEDIGREE_ASSIGN(Connection connection, Connection::open(options.location(), true, why));
  if (const auto prepared = prepare_schema(connection, crypto); !prepared) {
    const bool is_newer = prepared.error().code == ErrorCode::unsupported_version;
    if (is_newer && why != nullptr)
      *why = "the registry was made by a newer version of this program, which may read it";
    return std::unexpected(prepared.error());
  }
  connection.mark_commits();
  if (connection.dialect() == Dialect::sqlite) {
    connection.checkpoint_beside(options.location());
    // 16 MiB of pages: ids and keys are hashes, so that each change meets pages anywhere in the indexes.
    PEDIGREE_TRY(connection.execute("PRAGMA cache_size = -16384"));
  }
  if (options.max_size_octets > 0 && connection.dialect() == Dialect::sqlite) {
    const std::string limit = "PRAGMA max_page_count = " +
                              std::to_string(std::max<std::int64_t>(1, options.max_size_octets / 4096));
    PEDIGREE_TRY(connection.execute(limit.c_str()));
  }
  return std::make_unique<DatabaseStore>(std::move(connection), options, crypto);
}

}  // namespace pedigree::store
