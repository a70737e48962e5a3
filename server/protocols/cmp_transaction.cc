// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_transaction.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <future>
#include <utility>

namespace pedigree::protocols {

using authority::Der;
using authority::refuse;

namespace {

using Cert = std::unique_ptr<X509, CmpFree<X509_free>>;
void free_certificates(STACK_OF(X509) * stack) {
  sk_X509_pop_free(stack, X509_free);
}
using Certs = std::unique_ptr<STACK_OF(X509), CmpFree<free_certificates>>;
void free_informations(STACK_OF(OSSL_CMP_ITAV) * stack) {
  sk_OSSL_CMP_ITAV_pop_free(stack, OSSL_CMP_ITAV_free);
}
using Informations = std::unique_ptr<STACK_OF(OSSL_CMP_ITAV), CmpFree<free_informations>>;

Cert parse_certificate(Bytes der) {
  const std::uint8_t* at = der.data();
  return Cert(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

/// Null: one cannot be read, or memory ran out.
Certs parse_certificates(std::span<const Der> list) {
  Certs certificates(sk_X509_new_null());
  for (const Der& der : list) {
    Cert one = parse_certificate(der);
    if (!one || !certificates || sk_X509_push(certificates.get(), one.get()) <= 0) return nullptr;
    (void)one.release();
  }
  return certificates;
}

/// The octets of what an i2d function writes; empty where it fails.
template <typename T, typename Encode>
Der encoded(const T* one, Encode encode) {
  std::uint8_t* octets = nullptr;
  const int size = encode(one, &octets);
  if (size <= 0) return {};
  Der der(octets, octets + size);
  OPENSSL_free(octets);
  return der;
}

OSSL_CMP_PKISI* accepted() {
  return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, nullptr);
}

OSSL_CMP_PKISI* refused(const authority::Refusal& refusal) {
  const CmpRefusal why = cmp_refusal(refusal);
  return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << static_cast<int>(why.failure),
                                 why.text.c_str());
}

/// Whether certConf's statusInfo says accepted; none says so too (RFC 4210 5.3.18).
bool accepts(const OSSL_CMP_PKISI* status) {
  if (status == nullptr) return true;
  const Der whole = encoded(status, i2d_OSSL_CMP_PKISI);
  Reader outer(whole);
  const auto list = der::read(outer, der::kSequence);
  if (!list) return false;
  Reader in = list->reader();
  const auto value = der::read_u32(in);
  return value && *value <= OSSL_CMP_PKISTATUS_grantedWithMods;
}

/// What a call of the store answers, on this thread.
template <typename T, typename Start>
Answer<T> wait_for(Start start) {
  const auto promise = std::make_shared<std::promise<Answer<T>>>();
  auto future = promise->get_future();
  start([promise](Answer<T> answer) { promise->set_value(std::move(answer)); });
  return future.get();
}

bool is_certificate(const X509* certificate, const X509_NAME* issuer, const ASN1_INTEGER* serial) {
  return certificate != nullptr && issuer != nullptr && serial != nullptr &&
         X509_NAME_cmp(issuer, X509_get_issuer_name(certificate)) == 0 &&
         ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0;
}

}  // namespace

CmpMessage parse_cmp_message(Bytes der) {
  const std::uint8_t* at = der.data();
  CmpMessage message(d2i_OSSL_CMP_MSG(nullptr, &at, static_cast<long>(der.size())));
  if (at != der.data() + der.size()) return nullptr;
  return message;
}

/// What OpenSSL calls. No exception may pass through it.
struct CmpTransaction::Callbacks {
  static CmpTransaction& of(OSSL_CMP_SRV_CTX* context) {
    return *static_cast<CmpTransaction*>(OSSL_CMP_SRV_CTX_get0_custom_ctx(context));
  }

  static OSSL_CMP_PKISI* certify(OSSL_CMP_SRV_CTX* context, const OSSL_CMP_MSG* message, int,
                                 const OSSL_CRMF_MSG* request, const X509_REQ* csr, X509** out,
                                 STACK_OF(X509) * *chain_out, STACK_OF(X509) **) {
    try {
      CmpTransaction& self = of(context);
      const auto body = static_cast<CmpBody>(OSSL_CMP_MSG_get_bodytype(message));
      auto enrolled = self.certify(body, request, csr);
      if (!enrolled) return refused(enrolled.error());
      Cert leaf = parse_certificate(enrolled->chain.front());
      Certs chain = parse_certificates(std::span(enrolled->chain).subspan(1));
      if (!leaf || !chain) return nullptr;
      self.issued_ = *std::move(enrolled);
      *out = leaf.release();
      *chain_out = chain.release();
      return accepted();
    } catch (const std::exception&) {
      return nullptr;
    }
  }

  static OSSL_CMP_PKISI* revoke(OSSL_CMP_SRV_CTX* context, const OSSL_CMP_MSG*, const X509_NAME* issuer,
                                const ASN1_INTEGER* serial) {
    try {
      const auto done = of(context).revoke(issuer, serial);
      return done ? accepted() : refused(done.error());
    } catch (const std::exception&) {
      return nullptr;
    }
  }

  static int inform(OSSL_CMP_SRV_CTX* context, const OSSL_CMP_MSG*, const STACK_OF(OSSL_CMP_ITAV) * asked,
                    STACK_OF(OSSL_CMP_ITAV) * *answer) {
    try {
      *answer = of(context).inform(asked);
      return *answer != nullptr ? 1 : 0;
    } catch (const std::exception&) {
      return 0;
    }
  }

  static int confirm(OSSL_CMP_SRV_CTX* context, const OSSL_CMP_MSG*, int, const ASN1_OCTET_STRING* hash,
                     const OSSL_CMP_PKISI* status) {
    try {
      const Bytes octets(ASN1_STRING_get0_data(hash), static_cast<std::size_t>(ASN1_STRING_length(hash)));
      return of(context).confirm(octets, accepts(status)) ? 1 : 0;
    } catch (const std::exception&) {
      return 0;
    }
  }

  /// The client says why it goes no further: what was issued stays, as where it says nothing.
  static void hear_error(OSSL_CMP_SRV_CTX*, const OSSL_CMP_MSG*, const OSSL_CMP_PKISI*, const ASN1_INTEGER*,
                         const OSSL_CMP_PKIFREETEXT*) {}

  /// Its texts repeat what a client wrote.
  static int log(const char*, const char*, int, OSSL_CMP_severity, const char*) { return 1; }
};

CmpTransaction::CmpTransaction(const Enrolment& enrolment, Begin begin)
    : enrolment_(enrolment),
      signer_(std::move(begin.signer)),
      profile_(begin.path.profile),
      issuer_name_(begin.path.issuer),
      issuer_(begin.issuer),
      delegate_(std::move(begin.delegate)),
      seconds_(begin.seconds) {}

std::shared_ptr<CmpTransaction> CmpTransaction::begin(const Enrolment& enrolment, Begin begin) {
  std::shared_ptr<CmpTransaction> one(new CmpTransaction(enrolment, std::move(begin)));
  const auto fingerprint = enrolment.engine().crypto().sha256(one->signer_.certificate);
  if (!fingerprint || !one->open_context()) return nullptr;
  one->fingerprint_ = *fingerprint;
  return one;
}

bool CmpTransaction::open_context() {
  context_.reset(OSSL_CMP_SRV_CTX_new(nullptr, nullptr));
  if (!context_) return false;
  OSSL_CMP_CTX* context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(context_.get());
  const Cert theirs = parse_certificate(signer_.certificate);
  const Cert ours = parse_certificate(delegate_->certificate);
  const Certs chain = parse_certificates(issuer_->chain());
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a key's handle is its EVP_PKEY*
  auto* key = reinterpret_cast<EVP_PKEY*>(delegate_->key.handle);
  // The pinned certificate is the only one with whose key OpenSSL then verifies a message, and its subject
  // the only sender. It is the registry's own octets, or was issued by the system CA: no path is built here.
  return theirs && ours && chain && OSSL_CMP_CTX_set_log_cb(context, Callbacks::log) == 1 &&
         OSSL_CMP_CTX_set1_srvCert(context, theirs.get()) == 1 &&
         OSSL_CMP_CTX_set1_cert(context, ours.get()) == 1 && OSSL_CMP_CTX_set1_pkey(context, key) == 1 &&
         OSSL_CMP_CTX_set1_extraCertsOut(context, chain.get()) == 1 &&
         OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(context_.get(), 1) == 1 &&
         OSSL_CMP_SRV_CTX_init(context_.get(), this, Callbacks::certify, Callbacks::revoke, Callbacks::inform,
                               Callbacks::hear_error, Callbacks::confirm, nullptr) == 1;
}

bool CmpTransaction::is_signed(const OSSL_CMP_MSG* message) {
  const bool verified = OSSL_CMP_validate_msg(OSSL_CMP_SRV_CTX_get0_cmp_ctx(context_.get()), message) == 1;
  ERR_clear_error();
  return verified;
}

Der CmpTransaction::process(const OSSL_CMP_MSG* message, const CmpOutline& outline) {
  OSSL_CMP_CTX* context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(context_.get());
  outline_ = outline;
  const CmpMessage answer(OSSL_CMP_SRV_process_request(context_.get(), message));
  Der der = answer ? encoded(answer.get(), i2d_OSSL_CMP_MSG) : Der();
  const auto type = answer ? static_cast<CmpBody>(OSSL_CMP_MSG_get_bodytype(answer.get())) : CmpBody::error;
  const bool gives = type == CmpBody::ip || type == CmpBody::cp || type == CmpBody::kup;
  if (type == CmpBody::pki_conf && outline.body == CmpBody::cert_conf &&
      is_empty_confirmation(outline.content) && !take_back()) {
    der.clear();
  }
  open_ = gives && issued_ && OSSL_CMP_CTX_get_option(context, OSSL_CMP_OPT_IMPLICIT_CONFIRM) == 0;
  if (open_) {
    // What a client showed beside its certificate is not kept while it is waited for. OpenSSL wants some.
    const Certs ours = parse_certificates(issuer_->chain());
    open_ = ours && OSSL_CMP_CTX_set1_untrusted(context, ours.get()) == 1;
  }
  outline_ = {};
  ERR_clear_error();
  return der;
}

Answer<CmpWish> CmpTransaction::wish(CmpBody body, const OSSL_CRMF_MSG* request, const X509_REQ* csr) {
  CmpWish wish{body, {}, {}, {}, profile_, issuer_name_};
  if (csr != nullptr) {
    csr_ = encoded(csr, i2d_X509_REQ);
    name_ = encoded(X509_REQ_get_subject_name(csr), i2d_X509_NAME);
    wish.csr = csr_;
    wish.subject = name_;
    return wish;
  }
  csr_ = encoded(request, i2d_OSSL_CRMF_MSG);
  auto read = read_cmp_cert_request(csr_);
  if (!read) return std::unexpected(read.error());
  request_ = *std::move(read);
  wish.subject = request_.subject;
  wish.spki = request_.spki;
  return wish;
}

Answer<Enrolled> CmpTransaction::certify(CmpBody body, const OSSL_CRMF_MSG* request, const X509_REQ* csr) {
  // OpenSSL has verified the proof of possession before it asks (RFC 4211 4.1), and takes no raVerified.
  const auto wished = wish(body, request, csr);
  if (!wished) return std::unexpected(wished.error());
  if (body == CmpBody::kur) {
    if (const auto checked = check_old_certificate(request); !checked)
      return std::unexpected(checked.error());
  }
  auto wanted = authorise_cmp(enrolment_, signer_, *wished);
  if (!wanted) return std::unexpected(wanted.error());
  if (!outline_.implicit_confirm) {
    const Bytes id = outline_.transaction;
    wanted->unconfirmed =
        registry::Unconfirmed{fingerprint_, {id.begin(), id.end()}, enrolment_.now() + seconds_};
  }
  return wait_for<Enrolled>([&](auto done) { enrolment_.enrol(*wanted, std::move(done)); });
}

Answer<void> CmpTransaction::check_old_certificate(const OSSL_CRMF_MSG* request) const {
  const OSSL_CRMF_CERTID* old = OSSL_CRMF_MSG_get0_regCtrl_oldCertID(request);
  if (old == nullptr) return {};
  const Cert own = parse_certificate(signer_.certificate);
  if (is_certificate(own.get(), OSSL_CRMF_CERTID_get0_issuer(old), OSSL_CRMF_CERTID_get0_serialNumber(old))) {
    return {};
  }
  return refuse(ErrorCode::not_found, "the certificate that is to be updated is not that of the signer");
}

Answer<void> CmpTransaction::revoke(const X509_NAME* issuer, const ASN1_INTEGER* serial) {
  const auto reason = read_cmp_reason(outline_.content);
  if (!reason) return std::unexpected(reason.error());
  const auto unknown = [] {
    return refuse(ErrorCode::not_found, "the certificate that is to be revoked is none of this registry");
  };
  if (issuer == nullptr || serial == nullptr) return unknown();
  const auto number = registry_serial(
      Bytes(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))));
  if (!number) return unknown();
  const auto found = enrolment_.store().certificate(*number);
  if (!found && found.error().code == ErrorCode::not_found) return unknown();
  if (!found) return refuse(found.error());
  const Cert certificate = parse_certificate(found->der);
  if (!is_certificate(certificate.get(), issuer, serial)) return unknown();
  const auto may = authorise_cmp_revocation(enrolment_, signer_, *found);
  if (!may) return may;
  const auto done = revoke(found->serial, *reason, "CMP rr");
  if (!done) return std::unexpected(done.error());
  return {};
}

Answer<registry::Certificate> CmpTransaction::revoke(const registry::Serial& serial,
                                                     x509::RevocationReason reason, std::string why) const {
  registry::Revocation revocation{serial, reason, std::move(why), signer_.actor, enrolment_.now()};
  return wait_for<registry::Certificate>(
      [&](auto done) { enrolment_.revoke(std::move(revocation), std::move(done)); });
}

bool CmpTransaction::is_issued(Bytes hash) const {
  if (!issued_) return false;
  const Cert certificate = parse_certificate(issued_->chain.front());
  if (!certificate) return false;
  // By the digest of the certificate's own signature (RFC 9810 5.3.18).
  EVP_MD* digest = nullptr;
  int fallback = 0;
  const std::unique_ptr<ASN1_OCTET_STRING, CmpFree<ASN1_OCTET_STRING_free>> expected(
      X509_digest_sig(certificate.get(), &digest, &fallback));
  EVP_MD_free(digest);
  return expected && equal(hash, Bytes(ASN1_STRING_get0_data(expected.get()),
                                       static_cast<std::size_t>(ASN1_STRING_length(expected.get()))));
}

bool CmpTransaction::confirm(Bytes hash, bool accepted) {
  return is_issued(hash) && (accepted || take_back());
}

bool CmpTransaction::take_back() {
  const auto issued = std::exchange(issued_, {});
  // Who asked again got the certificate that it had: no later answer of the client takes that away.
  if (!issued || issued->reused) return true;
  // Superseded: the device is not to blame, and may ask with another key.
  return revoke(issued->certificate.serial, x509::RevocationReason::superseded, "rejected by certConf (CMP)")
      .has_value();
}

CmpAnswer<void> CmpTransaction::confirm_issued(Bytes transaction, const CmpConfirmation& said) {
  registry::Store& store = enrolment_.store();
  const auto no = [](CmpFailure failure, std::string_view text) {
    return std::unexpected(CmpRefusal{failure, std::string(text)});
  };
  const auto unavailable = [&] {
    return no(CmpFailure::system_unavail, sentence(ErrorCode::database_failure));
  };
  const auto awaits = store.unconfirmed(fingerprint_, transaction, enrolment_.now());
  if (!awaits && awaits.error().code == ErrorCode::not_found) {
    return no(CmpFailure::bad_request, "there is no such CMP transaction");
  }
  if (!awaits) return unavailable();
  auto certificate = store.certificate(awaits->serial);
  if (!certificate) return unavailable();
  issued_ = Enrolled{*certificate, {certificate->der}, awaits->reused};
  const bool known = said.hash.empty() || is_issued(said.hash);
  // It is asked again where the registry could not be told.
  if (known && !said.accepted && !take_back()) return unavailable();
  forget(transaction);
  if (known) return {};
  return no(CmpFailure::bad_cert_id, "the certHash is not that of the certificate that was issued");
}

void CmpTransaction::forget(Bytes transaction) const {
  // Where that fails it is forgotten in minutes.
  (void)wait_for<void>([&](auto done) {
    enrolment_.store().forget_unconfirmed(fingerprint_, {transaction.begin(), transaction.end()},
                                          [done](const auto&) { done({}); });
  });
}

Der CmpTransaction::ca_certificates() const {
  const Bytes root = enrolment_.engine().root();
  std::size_t room = root.size() + 16;
  for (const Der& one : issuer_->chain()) room += one.size();
  Der list(room);
  Writer writer(list);
  der::Builder out(writer);
  const std::size_t sequence = out.open(der::kSequence);
  for (const Der& one : issuer_->chain()) out.raw(one);
  out.raw(root);
  out.close(sequence);
  list.resize(writer.size());
  return list;
}

STACK_OF(OSSL_CMP_ITAV) * CmpTransaction::inform(const STACK_OF(OSSL_CMP_ITAV) * asked) const {
  bool wants_cas = false;
  for (int i = 0; i < sk_OSSL_CMP_ITAV_num(asked); ++i) {
    const OSSL_CMP_ITAV* one = sk_OSSL_CMP_ITAV_value(asked, i);
    wants_cas = wants_cas || OBJ_obj2nid(OSSL_CMP_ITAV_get0_type(one)) == NID_id_it_caCerts;
  }
  Informations answer(sk_OSSL_CMP_ITAV_new_null());
  if (!answer || !wants_cas) return answer.release();  // what is not known is passed over (RFC 4210 5.3.19)
  const Der list = ca_certificates();
  const std::uint8_t* at = list.data();
  std::unique_ptr<ASN1_TYPE, CmpFree<ASN1_TYPE_free>> value(
      d2i_ASN1_TYPE(nullptr, &at, static_cast<long>(list.size())));
  if (!value) return nullptr;
  std::unique_ptr<OSSL_CMP_ITAV, CmpFree<OSSL_CMP_ITAV_free>> one(
      OSSL_CMP_ITAV_create(OBJ_nid2obj(NID_id_it_caCerts), value.get()));
  if (!one) return nullptr;
  (void)value.release();
  if (sk_OSSL_CMP_ITAV_push(answer.get(), one.get()) <= 0) return nullptr;
  (void)one.release();
  return answer.release();
}

}  // namespace pedigree::protocols
