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

constexpr ErrorCode kAllowed{};

bool allows_purpose(const Extensions& extensions, const std::optional<Bytes>& purpose) noexcept {
  if (!extensions.ext_key_usage || !purpose) return true;
  for (der::Cursor in(*extensions.ext_key_usage); in.more();) {
    in.oid();
    if (equal(in.content(), *purpose) || equal(in.content(), oid::kAnyExtendedKeyUsage)) return true;
  }
  return false;
}

// Whether the certificate names another key as its issuer's than `key_id`.
bool names_other_key(const Extensions& extensions, const Bytes& key_id) noexcept {
  if (!extensions.authority_key_identifier) return false;
  der::Cursor in(*extensions.authority_key_identifier);
  return in.skip_if(der::context(0)) && !equal(in.content(), key_id);
}

bool is_self_issued(const Certificate& certificate) noexcept {
  return names_match(certificate.subject(), certificate.issuer());
}

// What a certificate is in a path.
enum class Role : std::uint8_t { anchor, ca, leaf };

// The state of RFC 5280 6.1.2 and the steps of 6.1.3 to 6.1.5 that need no signature.
class Rules {
 public:
  explicit Rules(const PathOptions& options) noexcept : options_(options) {}

  /// The next certificate, from the anchor down. An anchor's own rules bind too: it can only restrict.
  ErrorCode enter(const Certificate& certificate, Role role) noexcept {
    ErrorCode verdict = check_any(certificate);
    if (verdict == kAllowed) verdict = check_use(certificate, role);
    if (verdict == kAllowed) verdict = check_names(certificate, role);
    adopt(certificate);
    return verdict;
  }

 private:
  // 6.1.3 (a): validity, the issuer, and nothing critical that is not understood.
  ErrorCode check_any(const Certificate& certificate) const noexcept {
    const Extensions& extensions = certificate.extensions();
    if (options_.time && *options_.time < certificate.not_before()) return ErrorCode::not_yet_valid;
    if (options_.time && *options_.time > certificate.not_after()) return ErrorCode::expired;
    if (extensions.unknown_critical) return ErrorCode::unknown_critical_extension;
    if (extensions.policies_critical) return ErrorCode::policy_unsupported;
    if (!issuer_.empty() && !names_match(certificate.issuer(), issuer_)) return ErrorCode::issuer_mismatch;
    if (key_id_ && names_other_key(extensions, *key_id_)) return ErrorCode::key_identifier_mismatch;
    return kAllowed;
  }

  // 6.1.4 (k) and (n), and what is asked of the leaf.
  ErrorCode check_use(const Certificate& certificate, Role role) const noexcept {
    const Extensions& extensions = certificate.extensions();
    const bool ca = extensions.basic_constraints && extensions.basic_constraints->ca;
    std::uint16_t usage = kKeyCertSign;
    if (role == Role::leaf) {
      if (ca && !options_.leaf_may_be_ca) return ErrorCode::target_is_ca;
      usage = options_.leaf_key_usage;
    } else if (!ca && (role == Role::ca || certificate.version() == 3)) {
      // A version 1 certificate has no place to say that it is a CA; its being the anchor says it.
      return ErrorCode::not_a_ca;
    }
    if ((usage & ~extensions.key_usage.value_or(usage)) != 0) return ErrorCode::key_usage_forbids;
    return allows_purpose(extensions, options_.key_purpose) ? kAllowed : ErrorCode::eku_forbids;
  }

  // 6.1.3 (b) and (c), 6.1.4 (l). What is self-issued is not counted, nor held against the constraints,
  // unless it is the leaf.
  ErrorCode check_names(const Certificate& certificate, Role role) noexcept {
    if (role != Role::leaf) {
      if (is_self_issued(certificate)) return kAllowed;
      if (path_len_-- == 0) return ErrorCode::path_too_long;
    }
    for (std::size_t i = 0; kNameConstraints && i < constraint_count_; ++i) {
      const ErrorCode verdict = check_names_allowed(certificate, constraints_[i], comparisons_left_);
      if (verdict != kAllowed) return verdict;
    }
    return kAllowed;
  }

  // 6.1.4 (c), (g) and (m): the certificate becomes the issuer of the next.
  void adopt(const Certificate& certificate) noexcept {
    const Extensions& extensions = certificate.extensions();
    issuer_ = certificate.subject();
    key_id_ = extensions.subject_key_identifier;
    if (kNameConstraints && extensions.name_constraints) {
      constraints_[constraint_count_++] = *extensions.name_constraints;
    }
    if (extensions.basic_constraints && extensions.basic_constraints->path_len) {
      path_len_ = std::min(path_len_, *extensions.basic_constraints->path_len);
    }
  }

  const PathOptions& options_;
  Bytes issuer_;  ///< Name, whole DER; empty: the anchor is a key without a name
  std::optional<Bytes> key_id_;
  std::array<Bytes, kNameConstraints ? kMaxChainLength + 1 : 1> constraints_;
  std::size_t constraint_count_ = 0;
  std::uint32_t comparisons_left_ = kMaxNameComparisons;
  std::uint32_t path_len_ = kMaxChainLength + 1;  // more than can be entered
};

class Validator {
 public:
  Validator(const crypto::Crypto& crypto, const std::span<const Bytes>& chain, const PathOptions& options,
            Verdict& verdict) noexcept
      : crypto_(crypto), chain_(chain), options_(options), verdict_(verdict) {}

  void run() noexcept {
    const std::size_t count = chain_.size();
    if (count == 0) return refuse(ErrorCode::empty_chain, 0);
    if (count > kMaxChainLength) return refuse(ErrorCode::path_too_long, kMaxChainLength);
    const Result<Certificate> last = load(count - 1);
    if (!last) return;
    refuse(ErrorCode::untrusted_root, count - 1);
    for (std::size_t i = 0; i < options_.anchors.size(); ++i) {
      // The first refusal stands that says more than that the root is unknown.
      settled_ = verdict_.code != ErrorCode::untrusted_root;
      if (!try_anchor(options_.anchors[i], *last)) continue;
      verdict_ = {};
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

  [[nodiscard]] Result<Certificate> load(std::size_t index) noexcept {
    Result<Certificate> certificate = Certificate::parse(chain_[index]);
    if (!certificate) refuse(certificate.error().code, index, certificate.error().offset);
    return certificate;
  }

  // Each step is true, or false with the verdict, unless the chain has nothing to do with the anchor.
  bool try_anchor(const TrustAnchor& anchor, const Certificate& last) noexcept {
    const Certificate* root = nullptr;
    std::size_t top = chain_.size();  // where the anchor stands: at the end of the chain, or after it
    if (anchor.certificate) {
      root = &*anchor.certificate;
      if (equal(root->der(), last.der())) {
        --top;
      } else if (!names_match(root->subject(), last.issuer())) {
        return false;
      }
    } else if (has_key(anchor, last.spki().whole)) {
      root = &last;
      --top;
    } else if (!anchor.root_spki || !has_key(anchor, *anchor.root_spki)) {
      return false;
    }
    Rules rules(options_);
    const Role role = top == 0 ? Role::leaf : Role::anchor;
    if (root == nullptr ? !read_key(*anchor.root_spki) : !enter(rules, *root, top, role)) return false;
    // A pinned key vouches for the content of a lone certificate only through its signature.
    if (top == 0) return anchor.certificate || verify(0, 0);
    if (check_rules(rules, top) && check_signatures(top)) return true;
    if (top == chain_.size() && is_other_root(root, last)) refuse(ErrorCode::untrusted_root, top - 1);
    return false;
  }

  bool has_key(const TrustAnchor& anchor, const Bytes& spki) noexcept {
    Sha256 hash;
    const auto digested = crypto_.digest(crypto::Hash::sha256, {&spki, 1}, hash);
    if (!digested) refuse(digested.error().code, chain_.size() - 1);
    return digested && hash == anchor.spki_sha256;
  }

  // The anchor is a key, which may have signed the last certificate.
  bool read_key(const Bytes& spki) noexcept {
    der::Cursor in(spki);
    read_spki(in, parts_[chain_.size()].spki);
    in.finish();
    if (!in.ok()) refuse(in.error().code, chain_.size(), in.error().offset);
    return in.ok();
  }

  [[gnu::noinline]] bool enter(Rules& rules, const Certificate& certificate, std::size_t index,
                               Role role) noexcept {
    parts_[index] = certificate.signed_key();
    const ErrorCode verdict = rules.enter(certificate, role);
    if (verdict != kAllowed) refuse(verdict, index);
    return verdict == kAllowed;
  }

  bool check_rules(Rules& rules, std::size_t top) noexcept {
    for (std::size_t i = top; i-- > 0;) {
      const Result<Certificate> certificate = load(i);
      if (!certificate || !enter(rules, *certificate, i, i == 0 ? Role::leaf : Role::ca)) return false;
    }
    return true;
  }

  // From the anchor down, so that every key used has been vouched for.
  bool check_signatures(std::size_t top) noexcept {
    for (std::size_t i = top; i-- > 0;) {
      if (!verify(i + 1, i)) return false;
    }
    return true;
  }

  bool verify(std::size_t signer, std::size_t index) noexcept {
    Error error{ErrorCode::unsupported_algorithm};
    const SubjectPublicKeyInfo& key = parts_[signer].spki;
    if (key.key && verify_signature(crypto_, key, parts_[index].object, error)) return true;
    const bool at_signer = !key.key || error.code == ErrorCode::invalid_key;
    refuse(error.code, at_signer ? signer : index);
    return false;
  }

  // Whether a failure at the top means that the chain ends at a root of its own rather than at the anchor:
  // for people, that is the reason.
  [[nodiscard]] bool is_other_root(const Certificate* root, const Certificate& last) const noexcept {
    if (verdict_.index != chain_.size() - 1) return false;
    if (verdict_.code != ErrorCode::invalid_signature && verdict_.code != ErrorCode::wrong_key_type &&
        verdict_.code != ErrorCode::key_identifier_mismatch) {
      return false;
    }
    return root == nullptr || is_self_issued(last);
  }

  const crypto::Crypto& crypto_;
  const std::span<const Bytes>& chain_;
  const PathOptions& options_;
  Verdict& verdict_;
  bool settled_ = false;
  std::array<SignedKey, kMaxChainLength + 1> parts_;
};

}  // namespace

Verdict validate_path(const crypto::Crypto& crypto, std::span<const Bytes> chain,
                      const PathOptions& options) noexcept {
  Verdict verdict;
  Validator(crypto, chain, options, verdict).run();
  verdict.time_checked = options.time.has_value();
  return verdict;
}

Verdict validate_path(const crypto::Crypto& crypto, std::span<const Certificate> chain,
                      const PathOptions& options) noexcept {
  // One more than is accepted, to be refused.
  std::array<Bytes, kMaxChainLength + 1> der;
  const std::size_t count = std::min(chain.size(), der.size());
  for (std::size_t i = 0; i < count; ++i) der[i] = chain[i].der();
  return validate_path(crypto, std::span(der).first(count), options);
}

}  // namespace pedigree::x509
