// SPDX-License-Identifier: Apache-2.0
// Certificate Management Protocol over HTTP (RFC 4210, RFC 9480, RFC 6712; the lightweight profile of RFC
// 9483), on OpenSSL's server functions: ir, cr, p10cr, kur, rr, genm and certConf, each signed with the key
// of a certificate of this authority.
#pragma once

#include <string>

#include "server/http/repeat.h"
#include "server/http/tls.h"
#include "server/protocols/cmp_failure.h"
#include "server/protocols/cmp_pending.h"
#include "server/protocols/enrolment.h"

namespace pedigree::protocols {

class Cmp final : public http::Handler {
 public:
  struct Wanted {
    const Enrolment& enrolment;
    Delegates& signers;     ///< give the key that protects answers, by issuer
    std::string system_ca;  ///< PEM: whose certificates stations and operators hold
    CmpPending::Limits limits{};
    observe::AuthorityMetrics* metrics = nullptr;  ///< what counts the answers; or null
  };
  /// Borrows enrolment, signers and metrics.
  explicit Cmp(Wanted wanted);
  ~Cmp() override = default;
  Cmp(const Cmp&) = delete;
  Cmp& operator=(const Cmp&) = delete;

  /// Below this everything is CMP's. Waits for the registry: to be called off the event loop.
  static constexpr std::string_view kPath = "/.well-known/cmp";
  void handle(const http::Request& request, http::Respond respond) override;

 private:
  /// The answer, DER, or why there is none but an error message.
  [[nodiscard]] std::expected<authority::Der, CmpRefusal> exchange(const CmpPath& path,
                                                                   const CmpOutline& outline,
                                                                   const http::Request& request);
  /// Takes a certConf whose transaction does not wait here.
  [[nodiscard]] std::expected<authority::Der, CmpRefusal> confirm_elsewhere(CmpTransaction& current,
                                                                            const CmpPath& path,
                                                                            const CmpOutline& outline);
  /// The transaction that this message begins, or goes on with.
  [[nodiscard]] std::expected<std::shared_ptr<CmpTransaction>, CmpRefusal> transaction(
      const CmpPath& path, const CmpOutline& outline, const http::Request& request);
  /// An error is a CMP message like any other (RFC 6712 3.3).
  [[nodiscard]] http::Response message(const authority::Der& der);
  [[nodiscard]] http::Response refuse(const CmpPath& path, const CmpOutline& outline,
                                      const CmpRefusal& refusal);
  /// Whether messageTime is close enough to this machine's clock; a client without a clock sends none.
  [[nodiscard]] bool is_in_time(const CmpOutline& outline) const;
  [[nodiscard]] bool knows(const CmpPath& path) const;
  /// In whose name is answered. Errors: those of Delegates::find.
  [[nodiscard]] Answer<std::pair<const authority::Issuer*, std::shared_ptr<const Delegate>>> answering(
      const CmpPath& path);

  const Enrolment& enrolment_;
  Delegates& signers_;
  http::X509Owner system_ca_;
  CmpPending::Limits limits_;
  observe::AuthorityMetrics* metrics_;
  CmpPending pending_;
  http::Repeat timer_;  // last: it uses the others until it has stopped
};

/// What is refused before it is queued for a thread: by path, method, type and size. Empty: Cmp::handle is to
/// see it.
[[nodiscard]] std::optional<http::Response> refuse_cmp_form(const http::Request& request);

}  // namespace pedigree::protocols
