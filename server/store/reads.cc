// SPDX-License-Identifier: Apache-2.0
#include "server/store/reads.h"

#include "server/store/rows.h"

namespace pedigree::store {
namespace {

std::string certificates_of_device() {
  const std::string columns(kCertificateColumns);
  // Two searches, because each index covers one half.
  return "SELECT " + columns + " FROM (SELECT number, " + columns +
         " FROM certificate WHERE device = ?1 AND state <> 3 UNION ALL SELECT number, " + columns +
         " FROM certificate WHERE device = ?1 AND state = 3) AS c ORDER BY number";
}

}  // namespace

Reads::Reads(Connection connection)
    : connection_(std::move(connection)),
      device_(connection_.prepare(
          "SELECT d.id, d.state, d.profiles, d.created, d.changed, b.name, d.product, d.label, d.station "
          "FROM device AS d LEFT JOIN batch AS b ON b.number = d.batch WHERE d.id = ?1")),
      certificate_(connection_.prepare("SELECT " + std::string(kCertificateColumns) +
                                       " FROM certificate WHERE serial = ?1")),
      certificates_(connection_.prepare(certificates_of_device())),
      // Its own, and that of the import of its line.
      events_(connection_.prepare("SELECT " + std::string(kEventColumns) +
                                  " FROM event WHERE device = ?1 OR number = (SELECT import FROM device "
                                  "WHERE id = ?1) ORDER BY number")),
      revoked_issuers_(connection_.prepare("SELECT " + std::string(kIssuerRevocationColumns) +
                                           " FROM issuer_revocation ORDER BY name")),
      revoked_signers_(connection_.prepare("SELECT " + std::string(kSignerRevocationColumns) +
                                           " FROM signer_revocation ORDER BY key")),
      signer_list_(connection_.prepare("SELECT number, issued_at, message FROM signer_list "
                                       "ORDER BY number DESC LIMIT 1")),
      event_(connection_.prepare("SELECT " + std::string(kEventColumns) + " FROM event WHERE number = ?1")),
      issuance_(connection_.prepare("SELECT " + std::string(kEventColumns) +
                                    " FROM event WHERE device = (SELECT device FROM certificate WHERE "
                                    "serial = ?1) AND serial = ?1 AND what = 'issued'")),
      signed_head_(connection_.prepare("SELECT size, at, note FROM checkpoint ORDER BY size DESC LIMIT 1")),
      health_(connection_.prepare("SELECT max(number) FROM event")),
      standings_(connection_.prepare("SELECT " + std::string(kStandingColumns) +
                                     " FROM certificate WHERE number > ?1 ORDER BY number LIMIT ?2")),
      standing_(connection_.prepare("SELECT " + std::string(kStandingColumns) +
                                    " FROM certificate WHERE serial = ?1")),
      issuer_orders_(connection_.prepare("SELECT " + std::string(kIssuerOrderColumns) +
                                         " FROM issuer_order ORDER BY name")),
      unconfirmed_(connection_.prepare("SELECT serial, reused FROM unconfirmed WHERE signer = ?1 AND "
                                       "transaction_id = ?2 AND expires_at > ?3")),
      search_(connection_),
      log_(connection_),
      crls_(connection_),
      nodes_(connection_) {}

Result<registry::Device> Reads::device(const registry::DeviceId& id) {
  return read_one(device_.bind(id), read_device);
}

Result<registry::Certificate> Reads::certificate(const registry::Serial& serial) {
  return read_one(certificate_.bind(serial), read_certificate);
}

Result<std::vector<registry::Certificate>> Reads::certificates(const registry::DeviceId& id) {
  return read_all(certificates_.bind(id), read_certificate);
}

Result<std::vector<registry::Event>> Reads::events(const registry::DeviceId& id) {
  return read_all(events_.bind(id), read_event);
}

Result<registry::AwaitsConfirmation> Reads::unconfirmed(const Sha256& signer, Bytes transaction,
                                                        der::UnixTime now) {
  return read_one(unconfirmed_.bind(signer, transaction, now), [](const Statement& row) {
    registry::AwaitsConfirmation awaits;
    row.blob(0, awaits.serial);
    awaits.reused = row.integer(1) != 0;
    return awaits;
  });
}

Result<std::vector<registry::Standing>> Reads::standings(std::int64_t after, std::size_t limit) {
  return read_all(standings_.bind(after, static_cast<std::int64_t>(limit)), read_standing);
}

Result<registry::Standing> Reads::standing(const registry::Serial& serial) {
  return read_one(standing_.bind(serial), read_standing);
}

Result<std::vector<registry::IssuerRevocation>> Reads::revoked_issuers() {
  return read_all(revoked_issuers_.bind(), read_issuer_revocation);
}

Result<std::vector<registry::IssuerOrder>> Reads::issuer_orders() {
  return read_all(issuer_orders_.bind(), read_issuer_order);
}

Result<std::vector<registry::SignerRevocation>> Reads::revoked_signers() {
  return read_all(revoked_signers_.bind(), read_signer_revocation);
}

Result<registry::SignerList> Reads::signer_list() {
  return read_one(signer_list_.bind(), [](const Statement& row) {
    const Bytes message = row.blob(2);
    return registry::SignerList{
        static_cast<std::uint64_t>(row.integer(0)), row.integer(1), {message.begin(), message.end()}};
  });
}

Result<registry::merkle::Head> Reads::log_head(const crypto::Crypto& crypto) {
  PEDIGREE_ASSIGN(const std::uint64_t size, nodes_.size());
  PEDIGREE_ASSIGN(const Sha256 root, tree(crypto).root(size));
  return registry::merkle::Head{size, root};
}

Result<registry::Event> Reads::event(std::uint64_t number) {
  return read_one(event_.bind(static_cast<std::int64_t>(number)), read_event);
}

Result<registry::Event> Reads::issuance(const registry::Serial& serial) {
  return read_one(issuance_.bind(serial), read_event);
}

Result<registry::SignedHead> Reads::signed_head() {
  return read_one(signed_head_.bind(), read_signed_head);
}

Result<void> Reads::health() {
  PEDIGREE_TRY(read_one(health_.bind(), read_number));
  return {};
}

}  // namespace pedigree::store
