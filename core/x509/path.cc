// SPDX-License-Identifier: Apache-2.0
#include "core/x509/path.h"

#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

// Names times subtrees along a path. Two certificates can hold thousands of each; more than this is an
// attack.
constexpr std::uint32_t kMaxNameComparisons = 1U << 20U;

// A chain in either of its forms.
class ChainView {
 public:
  explicit ChainView(std::span<const Certificate> parsed) noexcept : parsed_(parsed) {}
  explicit ChainView(std::span<const Bytes> der) noexcept : der_(der) {}
  [[nodiscard]] std::size_t size() const noexcept { return parsed_.size() + der_.size(); }
  [[nodiscard]] Result<Certificate> load(std::size_t i) const noexcept {
    if (der_.empty()) return parsed_[i];
    return Certificate::parse(der_[i]);
  }

 private:
  std::span<const Certificate> parsed_;
  std::span<const Bytes> der_;
};

bool allows_purpose(const Extensions& extensions, const std::optional<Bytes>& purpose) noexcept {
  if (!extensions.ext_key_usage || !purpose) return true;
  Error error;
  for (der::Cursor in(Reader(*extensions.ext_key_usage), error); in.more();) {
    const Bytes listed = in.oid();
    if (equal(listed, *purpose) || equal(listed, oid::kAnyExtendedKeyUsage)) return true;
  }
  return false;
}

// Whether the certificate names another key as its issuer's than `key_id`.
bool names_other_key(const Extensions& extensions, const Bytes& key_id) noexcept {
  Error error;
  der::Cursor in(Reader(extensions.authority_key_identifier.value_or(Bytes())), error);
  return in.next_is(der::context(0)) && !equal(in.any().content, key_id);
}

constexpr ErrorCode kAllowed{};

// The state of RFC 5280 6.1.2 and the steps of 6.1.3 to 6.1.5 that need no signature.
class Rules {
 public:
  explicit Rules(const PathOptions& options) noexcept : options_(options) {}

  /// The root's own rules, where a root certificate is at hand; its subject and constraints bind the rest.
  ErrorCode enter_root(const Certificate& root) noexcept {
    ErrorCode verdict = check_any(root);
    // A version 1 certificate has no place to say that it is a CA; its being the anchor says it.
    if (verdict == kAllowed && root.version() == 3) verdict = check_ca(root);
    adopt(root);
    return verdict;
  }

  /// 6.1.3 and 6.1.4: a certificate that signs another.
  ErrorCode enter_ca(const Certificate& certificate) noexcept {
    ErrorCode verdict = check_issued(certificate);
    if (verdict == kAllowed) verdict = check_ca(certificate);
    // What is self-issued is not counted, nor held against the constraints.
    if (verdict == kAllowed && !names_match(certificate.subject(), certificate.issuer())) {
      verdict = check_names(certificate);
      if (verdict == kAllowed && path_len_-- == 0) verdict = ErrorCode::path_too_long;
    }
    adopt(certificate);
    return verdict;
  }

  /// 6.1.3 and 6.1.5: the certificate at the end.
  ErrorCode enter_leaf(const Certificate& certificate) noexcept {
    ErrorCode verdict = check_issued(certificate);
    if (verdict == kAllowed) verdict = check_names(certificate);
    return verdict == kAllowed ? check_leaf(certificate) : verdict;
  }

  /// What is asked of the leaf alone.
  ErrorCode check_leaf(const Certificate& certificate) const noexcept {
    const Extensions& extensions = certificate.extensions();
    const bool ca = extensions.basic_constraints && extensions.basic_constraints->ca;
    if (ca && !options_.leaf_may_be_ca) return ErrorCode::target_is_ca;
    const std::uint16_t usage = extensions.key_usage.value_or(0xffff);
    if ((usage & options_.leaf_key_usage) != options_.leaf_key_usage) {
      return ErrorCode::key_usage_forbids;
    }
    if (!allows_purpose(extensions, options_.key_purpose)) return ErrorCode::eku_forbids;
    return kAllowed;
  }

  /// What is asked of every certificate: validity, and nothing critical that is not understood.
  ErrorCode check_any(const Certificate& certificate) const noexcept {
    if (options_.time && *options_.time < certificate.not_before()) return ErrorCode::not_yet_valid;
    if (options_.time && *options_.time > certificate.not_after()) return ErrorCode::expired;
    if (certificate.extensions().unknown_critical) return ErrorCode::unknown_critical_extension;
    if (certificate.extensions().policies_critical) return ErrorCode::policy_unsupported;
    return kAllowed;
  }

 private:
  ErrorCode check_issued(const Certificate& certificate) const noexcept {
    if (const ErrorCode verdict = check_any(certificate); verdict != kAllowed) return verdict;
    if (issuer_ && !names_match(certificate.issuer(), *issuer_)) return ErrorCode::issuer_mismatch;
    if (key_id_ && names_other_key(certificate.extensions(), *key_id_)) {
      return ErrorCode::key_identifier_mismatch;
    }
    return kAllowed;
  }

  ErrorCode check_ca(const Certificate& certificate) const noexcept {
    const Extensions& extensions = certificate.extensions();
    if (!extensions.basic_constraints || !extensions.basic_constraints->ca) return ErrorCode::not_a_ca;
    if (extensions.key_usage && (*extensions.key_usage & kKeyCertSign) == 0) {
      return ErrorCode::key_usage_forbids;
    }
    if (!allows_purpose(extensions, options_.key_purpose)) return ErrorCode::eku_forbids;
    return kAllowed;
  }

  ErrorCode check_names(const Certificate& certificate) noexcept {
    for (const Bytes& constraints : std::span(constraints_).first(constraint_count_)) {
      const ErrorCode verdict = check_names_allowed(certificate, constraints, comparisons_left_);
      if (verdict != kAllowed) return verdict;
    }
    return kAllowed;
  }

  // 6.1.4 (c), (g) and (m): the certificate becomes the issuer of the next.
  void adopt(const Certificate& certificate) noexcept {
    const Extensions& extensions = certificate.extensions();
    issuer_ = certificate.subject();
    key_id_ = extensions.subject_key_identifier;
    if (extensions.name_constraints) constraints_[constraint_count_++] = *extensions.name_constraints;
    if (extensions.basic_constraints && extensions.basic_constraints->path_len) {
      path_len_ = std::min(path_len_, *extensions.basic_constraints->path_len);
    }
  }

  const PathOptions& options_;
  std::optional<Bytes> issuer_;  ///< empty: the anchor is a key without a name
  std::optional<Bytes> key_id_;
  std::array<Bytes, kMaxChainLength + 1> constraints_;
  std::size_t constraint_count_ = 0;
  std::uint32_t comparisons_left_ = kMaxNameComparisons;
  std::uint32_t path_len_ = kMaxChainLength;
};

// How an anchor and the end of a chain belong together.
enum class Fit : std::uint8_t {
  none,
  presented,   ///< the last certificate is the root: it is the anchor, or has the pinned key
  issuer,      ///< the anchor's certificate has the last certificate's issuer name
  issuer_key,  ///< the anchor is a key, which may have signed the last certificate
};

class Validator {
 public:
  Validator(const crypto::Crypto& crypto, ChainView chain, const PathOptions& options,
            Verdict& verdict) noexcept
      : crypto_(crypto), chain_(chain), options_(options), verdict_(verdict) {
    verdict_.time_checked = options_.time.has_value();
  }

  void run() noexcept {
    const std::size_t count = chain_.size();
    if (count == 0) return refuse(ErrorCode::empty_chain, 0);
    if (count > kMaxChainLength) return refuse(ErrorCode::path_too_long, count - 1);
    const auto last = chain_.load(count - 1);
    if (!last) return refuse(last.error().code, count - 1, last.error().offset);
    refuse(ErrorCode::untrusted_root, count - 1);
    for (std::size_t i = 0; i < options_.anchors.size(); ++i) {
      const TrustAnchor& anchor = options_.anchors[i];
      // The first refusal stands that says more than that the root is unknown.
      settled_ = verdict_.code != ErrorCode::untrusted_root;
      ErrorCode error{};
      const Fit fit = find_fit(anchor, *last, error);
      if (error != ErrorCode{}) {
        settled_ = false;
        return refuse(error, count - 1);
      }
      if (fit == Fit::none || !try_anchor(anchor, fit, *last)) continue;
      settled_ = false;
      refuse(kAllowed, 0);
      verdict_.code.reset();
      verdict_.anchor = i;
      return;
    }
  }

 private:
  // Small as it is, it is better not repeated at each call.
  [[gnu::noinline]] void refuse(ErrorCode code, std::size_t index, std::uint32_t offset = 0) noexcept {
    if (settled_) return;
    verdict_.code = code;
    verdict_.index = index;
    verdict_.offset = offset;
  }
  /// False, with the verdict, unless `code` is kAllowed.
  [[gnu::noinline]] bool passes(ErrorCode code, std::size_t index) noexcept {
    if (code != kAllowed) refuse(code, index);
    return code == kAllowed;
  }

  // `error`: why the fit could not be found out, if so.
  Fit find_fit(const TrustAnchor& anchor, const Certificate& last, ErrorCode& error) const noexcept {
    if (anchor.certificate) {
      if (equal(anchor.certificate->der(), last.der())) return Fit::presented;
      return names_match(anchor.certificate->subject(), last.issuer()) ? Fit::issuer : Fit::none;
    }
    if (has_hash(last.spki().whole, anchor, error)) return Fit::presented;
    return anchor.root_spki && has_hash(*anchor.root_spki, anchor, error) ? Fit::issuer_key : Fit::none;
  }

  bool has_hash(const Bytes& spki, const TrustAnchor& anchor, ErrorCode& error) const noexcept {
    Sha256 hash;
    const auto digested = crypto_.digest(crypto::Hash::sha256, {&spki, 1}, hash);
    if (!digested) error = digested.error().code;
    return digested && hash == anchor.spki_sha256;
  }

  // Each step is true, or false with the verdict.
  bool try_anchor(const TrustAnchor& anchor, Fit fit, const Certificate& last) noexcept {
    const std::size_t count = chain_.size();
    if (fit == Fit::presented && count == 1) return check_lone_anchor(anchor, last);
    Rules rules(options_);
    if (fit == Fit::issuer_key) {
      Error error;
      der::Cursor in(Reader(anchor.root_spki.value_or(Bytes())), error);
      read_spki(in, parts_[count].spki);
      in.finish();
      if (!in.ok()) {
        refuse(error.code, count, error.offset);
        return false;
      }
    } else {
      const Certificate& root = fit == Fit::presented ? last : *anchor.certificate;
      const std::size_t index = fit == Fit::presented ? count - 1 : count;
      if (!passes(rules.enter_root(root), index)) return false;
      parts_[index] = root.signed_key();
    }
    const std::size_t path_size = fit == Fit::presented ? count - 1 : count;
    if (check_rules(rules, path_size) && check_signatures(path_size)) return true;
    if (fit != Fit::presented && is_other_root(fit, last)) refuse(ErrorCode::untrusted_root, count - 1);
    return false;
  }

  // The anchor alone. A pinned key vouches for the certificate's content only through its signature.
  bool check_lone_anchor(const TrustAnchor& anchor, const Certificate& last) noexcept {
    const Rules rules(options_);
    if (!passes(rules.check_any(last), 0) || !passes(rules.check_leaf(last), 0)) return false;
    if (anchor.certificate) return true;
    const auto verified = verify_signature(crypto_, last.spki(), last.signed_key().object);
    if (!verified) refuse(verified.error().code, 0, verified.error().offset);
    return verified.has_value();
  }

  // Whether a failure at the top means that the chain ends at a root of its own rather than at the anchor:
  // for people, that is the reason.
  [[nodiscard]] bool is_other_root(Fit fit, const Certificate& last) const noexcept {
    if (verdict_.index != chain_.size() - 1) return false;
    if (verdict_.code != ErrorCode::invalid_signature && verdict_.code != ErrorCode::wrong_key_type &&
        verdict_.code != ErrorCode::key_identifier_mismatch) {
      return false;
    }
    return fit == Fit::issuer_key || names_match(last.subject(), last.issuer());
  }

  bool check_rules(Rules& rules, std::size_t path_size) noexcept {
    for (std::size_t i = path_size; i-- > 0;) {
      const auto certificate = chain_.load(i);
      if (!certificate) {
        refuse(certificate.error().code, i, certificate.error().offset);
        return false;
      }
      parts_[i] = certificate->signed_key();
      if (!passes(i == 0 ? rules.enter_leaf(*certificate) : rules.enter_ca(*certificate), i)) return false;
    }
    return true;
  }

  // From the anchor down, so that every key used has been vouched for.
  bool check_signatures(std::size_t path_size) noexcept {
    for (std::size_t i = path_size; i-- > 0;) {
      const SubjectPublicKeyInfo& signer = parts_[i + 1].spki;
      if (!signer.key) return passes(ErrorCode::unsupported_algorithm, i + 1);
      const auto verified = verify_signature(crypto_, signer, parts_[i].object);
      if (verified) continue;
      const ErrorCode code = verified.error().code;
      return passes(code, code == ErrorCode::invalid_key ? i + 1 : i);
    }
    return true;
  }

  const crypto::Crypto& crypto_;
  ChainView chain_;
  const PathOptions& options_;
  Verdict& verdict_;
  bool settled_ = false;
  std::array<SignedKey, kMaxChainLength + 1> parts_;
};

Verdict validate(const crypto::Crypto& crypto, ChainView chain, const PathOptions& options) noexcept {
  Verdict verdict;
  Validator(crypto, chain, options, verdict).run();
  return verdict;
}

}  // namespace

Verdict validate_path(const crypto::Crypto& crypto, std::span<const Certificate> chain,
                      const PathOptions& options) noexcept {
  return validate(crypto, ChainView(chain), options);
}

Verdict validate_path(const crypto::Crypto& crypto, std::span<const Bytes> chain,
                      const PathOptions& options) noexcept {
  return validate(crypto, ChainView(chain), options);
}

}  // namespace pedigree::x509
