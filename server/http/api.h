// SPDX-License-Identifier: Apache-2.0
// The interface /v1 in plain terms: a request in, a response out; no HTTP library, no SQL.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <mutex>

#include "authority/engine.h"
#include "registry/store.h"

namespace pedigree::http {

/// From the organizationalUnitName of the client certificate; `none` without one.
enum class Role : std::uint8_t { none, station, operator_, relying_party };

struct Identity {
  Role role = Role::none;
  std::string name;  ///< commonName of the client certificate
  std::string from;  ///< peer address
};

enum class Method : std::uint8_t { get, post, other };

struct Request {
  Method method = Method::other;
  std::string_view target;  ///< path and query
  std::string_view body;
  bool cbor = false;  ///< the body is CBOR, and so is the answer where the path takes that; else JSON
  const Identity* client = nullptr;
};

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body;
};
/// {"error","code","message","detail"} with the status that belongs to the code.
[[nodiscard]] Response error_response(ErrorCode code, std::string_view detail);

/// Called once, on any thread; must not block.
using Respond = std::function<void(Response)>;

class Appraiser;
class AuditSigner;
struct VerifyItem;

class Api {
 public:
  /// Borrows all. `clock` gives Unix time. `appraiser` null: /v1/verify answers not_found.
  Api(const authority::Engine& engine, registry::Store& store, Appraiser* appraiser,
      std::function<der::UnixTime()> clock);

  /// Borrows; without a signer, /v1/audit/checkpoint answers not_found.
  void sign_log_with(AuditSigner* signer) noexcept { audit_signer_ = signer; }

  /// Answers one request. Everything that `request` borrows may go when this returns.
  void handle(const Request& request, Respond respond);

 private:
  struct Call;
  using Handler = void (Api::*)(Call& call);
  struct Route;
  static const Route kRoutes[];

  void health(Call& call);
  void issuers(Call& call);
  void revoke_issuer(Call& call);
  void signer_revocations(Call& call);
  void revoke_signer(Call& call);
  void nonce(Call& call);
  void enrol(Call& call);
  void receipt(Call& call);
  void revoke(Call& call);
  void devices(Call& call);
  void device(Call& call);
  void device_state(Call& call);
  void import(Call& call);
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
  /// One specific sentence about a conflict.
  [[nodiscard]] std::string describe(const registry::Conflict& conflict) const;
  [[nodiscard]] std::string describe_revoked(const registry::Certificate& certificate) const;
  void conflict(const Respond& respond, const registry::Conflict& conflict) const;

  struct CachedCrl {
    std::uint64_t revoked = 0;
    der::UnixTime made = 0;
    std::string der;
  };

  const authority::Engine& engine_;
  registry::Store& store_;
  Appraiser* appraiser_;
  AuditSigner* audit_signer_ = nullptr;
  std::function<der::UnixTime()> clock_;
  std::mutex crl_mutex_;
  std::map<std::string, CachedCrl, std::less<>> crls_;
};

}  // namespace pedigree::http
