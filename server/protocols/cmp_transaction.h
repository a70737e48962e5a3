// SPDX-License-Identifier: Apache-2.0
// One CMP transaction on OpenSSL's server functions: from its request to its pkiConf.
#pragma once

#include <openssl/cmp.h>

#include "server/protocols/cmp_signer.h"

namespace pedigree::protocols {

/// Calls OpenSSL's own function that frees.
template <auto Free>
struct CmpFree {
  template <typename T>
  void operator()(T* one) const noexcept {
    Free(one);
  }
};
using CmpMessage = std::unique_ptr<OSSL_CMP_MSG, CmpFree<OSSL_CMP_MSG_free>>;
/// Null: OpenSSL cannot read it, or something follows it.
[[nodiscard]] CmpMessage parse_cmp_message(Bytes der);

/// Used by one thread at a time, which holds `mutex()`.
class CmpTransaction {
 public:
  struct Begin {
    CmpSigner signer;
    CmpPath path;
    const authority::Issuer* issuer = nullptr;  ///< in whose name is answered
    std::shared_ptr<const Delegate> delegate;   ///< its key
    der::UnixTime seconds = 0;                  ///< how long its certConf is waited for
  };
  /// Borrows the enrolment. Null: OpenSSL refused something.
  [[nodiscard]] static std::shared_ptr<CmpTransaction> begin(const Enrolment& enrolment, Begin begin);
  CmpTransaction(const CmpTransaction&) = delete;
  CmpTransaction& operator=(const CmpTransaction&) = delete;
  ~CmpTransaction() = default;

  [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }
  /// SHA-256 of the signer's certificate.
  [[nodiscard]] const Sha256& signer() const noexcept { return fingerprint_; }
  /// Whether the message is protected with the key of this transaction's signer, and no other.
  [[nodiscard]] bool is_signed(const OSSL_CMP_MSG* message);
  /// The answer, DER; empty: OpenSSL could not write one.
  [[nodiscard]] authority::Der process(const OSSL_CMP_MSG* message, const CmpOutline& outline);
  /// Takes a certConf where this one was not begun with the request: another server of this registry did
  /// that, or this one before a reload. What was issued is then the registry's word for this signer and
  /// transactionID. Refusals: bad_request (none waits), bad_cert_id (another certHash), system_unavail.
  [[nodiscard]] CmpAnswer<void> confirm_issued(Bytes transaction, const CmpConfirmation& said);
  /// The registry need not know any more what waits for a certConf.
  void forget(Bytes transaction) const;
  /// Whether it waits for a certConf.
  [[nodiscard]] bool is_open() const noexcept { return open_; }

 private:
  struct Callbacks;
  using Context = std::unique_ptr<OSSL_CMP_SRV_CTX, CmpFree<OSSL_CMP_SRV_CTX_free>>;

  CmpTransaction(const Enrolment& enrolment, Begin begin);
  [[nodiscard]] bool open_context();
  [[nodiscard]] Answer<CmpWish> wish(CmpBody body, const OSSL_CRMF_MSG* request, const X509_REQ* csr);
  [[nodiscard]] Answer<Enrolled> certify(CmpBody body, const OSSL_CRMF_MSG* request, const X509_REQ* csr);
  [[nodiscard]] Answer<void> check_old_certificate(const OSSL_CRMF_MSG* request) const;
  [[nodiscard]] Answer<void> revoke(const X509_NAME* issuer, const ASN1_INTEGER* serial);
  /// False: another certHash, or the registry does not take it back.
  [[nodiscard]] bool confirm(Bytes hash, bool accepted);
  [[nodiscard]] bool is_issued(Bytes hash) const;
  /// The answer to general messages; null where memory ran out.
  [[nodiscard]] STACK_OF(OSSL_CMP_ITAV) * inform(const STACK_OF(OSSL_CMP_ITAV) * asked) const;
  /// SEQUENCE OF CMPCertificate (RFC 9480 2.14): the issuer's chain and the root.
  [[nodiscard]] authority::Der ca_certificates() const;
  /// Revokes what this transaction, and no earlier one, issued. False: the registry does not.
  [[nodiscard]] bool take_back();
  [[nodiscard]] Answer<registry::Certificate> revoke(const registry::Serial& serial,
                                                     x509::RevocationReason reason, std::string why) const;

  const Enrolment& enrolment_;
  CmpSigner signer_;
  std::string profile_, issuer_name_;  // of the label
  const authority::Issuer* issuer_;
  std::shared_ptr<const Delegate> delegate_;
  der::UnixTime seconds_;
  Sha256 fingerprint_{};
  std::mutex mutex_;
  Context context_;
  CmpOutline outline_;  // of the message that is being processed
  authority::Der csr_, name_;
  CmpCertRequest request_;  // what a wish borrows
  std::optional<Enrolled> issued_;
  bool open_ = false;
};

}  // namespace pedigree::protocols
