// SPDX-License-Identifier: Apache-2.0
// Every query of the registry, on a connection that only reads.
#pragma once

#include "registry/store.h"
#include "server/store/audit_log.h"
#include "server/store/crl_partitions.h"
#include "server/store/device_search.h"
#include "server/store/event_search.h"
#include "server/store/sql.h"

namespace pedigree::store {

class Reads {
 public:
  explicit Reads(Connection connection);

  [[nodiscard]] Result<registry::Device> device(const registry::DeviceId& id);
  [[nodiscard]] DeviceSearch& search() noexcept { return search_; }
  [[nodiscard]] EventSearch& log() noexcept { return log_; }
  [[nodiscard]] CrlReads& crls() noexcept { return crls_; }
  [[nodiscard]] Result<registry::Certificate> certificate(const registry::Serial& serial);
  [[nodiscard]] Result<std::vector<registry::Certificate>> certificates(const registry::DeviceId& id);
  [[nodiscard]] Result<std::vector<registry::Event>> events(const registry::DeviceId& id);
  [[nodiscard]] Result<registry::AwaitsConfirmation> unconfirmed(const Sha256& signer, Bytes transaction,
                                                                 der::UnixTime now);
  [[nodiscard]] Result<std::vector<registry::Standing>> standings(std::int64_t after, std::size_t limit);
  [[nodiscard]] Result<registry::Standing> standing(const registry::Serial& serial);
  [[nodiscard]] Result<std::vector<registry::IssuerRevocation>> revoked_issuers();
  [[nodiscard]] Result<std::vector<registry::IssuerOrder>> issuer_orders();
  [[nodiscard]] Result<std::vector<registry::SignerRevocation>> revoked_signers();
  [[nodiscard]] Result<registry::SignerList> signer_list();
  [[nodiscard]] registry::merkle::Tree tree(const crypto::Crypto& crypto) { return {crypto, nodes_}; }
  [[nodiscard]] Result<registry::merkle::Head> log_head(const crypto::Crypto& crypto);
  [[nodiscard]] Result<registry::Event> event(std::uint64_t number);
  [[nodiscard]] Result<registry::Event> issuance(const registry::Serial& serial);
  [[nodiscard]] Result<registry::SignedHead> signed_head();
  [[nodiscard]] Result<void> health();

 private:
  Connection connection_;
  Statement device_, certificate_, certificates_, events_, revoked_issuers_, revoked_signers_, signer_list_,
      event_, issuance_, signed_head_, health_;
  Statement standings_, standing_, issuer_orders_, unconfirmed_;
  DeviceSearch search_;
  EventSearch log_;
  CrlReads crls_;
  AuditNodes nodes_;
};

}  // namespace pedigree::store
