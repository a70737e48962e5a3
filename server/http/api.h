// SPDX-License-Identifier: Apache-2.0
// The interface /v1 in plain terms: a request in, a response out; no HTTP library, no SQL.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>

#include "authority/engine.h"
#include "authority/grant.h"
#include "registry/store.h"
#include "server/http/crl_lists.h"
#include "server/http/handler.h"
#include "server/http/health.h"
#include "server/http/issuance_meter.h"

namespace pedigree::http {

class Appraiser;
class AuditSigner;
struct VerifyItem;

class Api final : public Handler {
 public:
  /// Borrows all. `clock` gives Unix time. `appraiser` null: /v1/verify answers not_found.
  Api(const authority::Engine& engine, registry::Store& store, Appraiser* appraiser,
      std::function<der::UnixTime()> clock);

  /// Borrows; without a signer, /v1/audit/checkpoint answers not_found.
  void sign_log_with(AuditSigner* signer) noexcept { audit_signer_ = signer; }
  /// Borrows; without a signer, /v1/grants answers not_found.
  void grant_with(const authority::GrantSigner* signer) noexcept { grant_signer_ = signer; }
  /// What differs after every revocation (RegistryStatus::generation); without it the registry is asked.
  void see_changes_by(std::function<std::uint64_t()> generation) {
    crls_.see_changes_by(std::move(generation));
  }
  /// CrlLists::keep_on.
  void keep_crls_on(CrlShelf* shelf) { crls_.keep_on(shelf); }
  /// Ends what its own threads do with the store.
  void stop() { crls_.stop(); }

  /// Counts issuance in `metrics`, which is borrowed, and gives out `text` as /metrics, and `dependencies` as
  /// health.
  void observe_with(observe::AuthorityMetrics* metrics, std::function<std::string()> text,
                    Dependencies dependencies) {
    meter_.emplace(engine_, metrics);
    metrics_text_ = std::move(text);
    dependencies_ = std::move(dependencies);
  }

  /// CrlLists::times.
  [[nodiscard]] std::vector<CrlTimes> crl_times() { return crls_.times(); }

  void handle(const Request& request, Respond respond) override;

 private:
  struct Call;
  using Handler = void (Api::*)(Call& call);
  struct Route;
  static const Route kRoutes[];

  void health(Call& call);
  void live(Call& call);
  void metrics(Call& call);
  void issuers(Call& call);
  void revoke_issuer(Call& call);
  void issuer_state(Call& call);
  void signer_revocations(Call& call);
  void revoke_signer(Call& call);
  void grant(Call& call);
  void nonce(Call& call);
  void enrol(Call& call);
  void receipt(Call& call);
  void revoke(Call& call);
  void devices(Call& call);
  void device(Call& call);
  void device_state(Call& call);
  void import(Call& call);
  void events(Call& call);
  void batches(Call& call);
  void batch(Call& call, const std::string& name);
  void stations(Call& call);
  void certificate(Call& call);
  void crl(Call& call);
  void verify_nonce(Call& call);
  void verify_key(Call& call);
  void verify(Call& call);
  void verify_batch(Call& call);
  void audit_checkpoint(Call& call);
  void audit_consistency(Call& call);
  void audit_proof(Call& call);

  void verify_any(Call& call, bool batch);
  /// The report on one item, in full or what decided it.
  [[nodiscard]] boost::json::value appraise(const Call& call, const VerifyItem& item, bool full);

  /// Whether this intermediate, or one above it, is revoked.
  [[nodiscard]] bool issuer_is_revoked(const std::string& issuer);
  void conflict(const Respond& respond, const registry::Conflict& conflict) const;

  const authority::Engine& engine_;
  registry::Store& store_;
  Appraiser* appraiser_;
  AuditSigner* audit_signer_ = nullptr;
  const authority::GrantSigner* grant_signer_ = nullptr;
  std::function<der::UnixTime()> clock_;
  std::optional<IssuanceMeter> meter_;
  std::function<std::string()> metrics_text_;
  Dependencies dependencies_;
  CrlLists crls_;
};

}  // namespace pedigree::http
