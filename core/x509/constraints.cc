// SPDX-License-Identifier: Apache-2.0
// Comparing names with the subtrees of name constraints (RFC 5280 4.2.1.10).
#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::x509 {
namespace {

std::uint8_t lower(char c) noexcept {
  const auto octet = static_cast<std::uint8_t>(c);
  return octet >= 'A' && octet <= 'Z' ? octet | 0x20U : octet;
}

bool same_host(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool ends_with_host(std::string_view name, std::string_view suffix) noexcept {
  return name.size() >= suffix.size() && same_host(name.substr(name.size() - suffix.size()), suffix);
}

// A trailing dot makes a DNS name absolute and does not change which host it names.
std::string_view without_final_dot(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

// "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side"; a
// leading dot asks for one label at least.
bool dns_within(std::string_view name, std::string_view base, bool excluded) noexcept {
  name = without_final_dot(name);
  base = without_final_dot(base);
  if (base.empty()) return true;
  if (ends_with_host(name, base)) {
    return base.starts_with('.') || name.size() == base.size() || name[name.size() - base.size() - 1] == '.';
  }
  // A wildcard stands for names below it, some of which may be in the excluded subtree.
  return excluded && name.starts_with("*.") && ends_with_host(base, name.substr(1));
}

// The rule that rfc822Name and URI share: ".domain" is every host below, "host" is that host.
bool host_within(std::string_view host, std::string_view base) noexcept {
  host = without_final_dot(host);
  base = without_final_dot(base);
  return base.starts_with('.') ? ends_with_host(host, base) : same_host(host, base);
}

Result<bool> email_within(std::string_view name, std::string_view base) noexcept {
  const std::size_t at = name.rfind('@');
  if (at == std::string_view::npos) return fail(ErrorCode::bad_value);
  const std::string_view host = name.substr(at + 1);
  const std::size_t base_at = base.rfind('@');
  if (base_at == std::string_view::npos) return base.empty() || host_within(host, base);
  // A mailbox: the local part counts case (RFC 5280 7.5).
  return name.substr(0, at) == base.substr(0, base_at) && same_host(host, base.substr(base_at + 1));
}

// The host of "scheme://user@host:port/...". Empty where there is none, or an address instead of a name.
std::string_view uri_host(std::string_view uri) noexcept {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos || uri.find_first_of("/?#") < scheme) return {};
  std::string_view host = uri.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  const std::size_t user = host.rfind('@');
  if (user != std::string_view::npos) host.remove_prefix(user + 1);
  // An address, or an encoding that would hide the name from the comparison.
  if (host.starts_with('[') || host.find('%') != std::string_view::npos) return {};
  host = host.substr(0, host.find(':'));
  const bool address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return address ? std::string_view() : host;
}

Result<bool> uri_within(std::string_view uri, std::string_view base) noexcept {
  const std::string_view host = uri_host(uri);
  // RFC 5280: without a host name, a certificate under a URI constraint must be rejected.
  if (host.empty()) return fail(ErrorCode::bad_value);
  return base.empty() || host_within(host, base);
}

bool address_within(Bytes address, Bytes base) noexcept {
  if (base.size() != 2 * address.size()) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (((address[i] ^ base[i]) & base[address.size() + i]) != 0) return false;
  }
  return true;
}

// One certificate against one NameConstraints. Views were checked when the certificates were parsed.
class Checker {
 public:
  Checker(Bytes constraints, std::uint32_t& budget) noexcept : budget_(budget) {
    Reader in(constraints);
    for (unsigned n = 0; n < 2; ++n) {
      if (!der::next_is(in, der::context_constructed(n))) continue;
      const auto subtrees = der::read_any(in);
      if (subtrees) subtrees_[n] = subtrees->content;
    }
  }

  Result<void> check(const GeneralName& name) noexcept {
    PEDIGREE_ASSIGN(const Match excluded, compare(name, subtrees_[1], true));
    if (excluded == Match::inside) return fail(ErrorCode::name_excluded);
    PEDIGREE_ASSIGN(const Match permitted, compare(name, subtrees_[0], false));
    if (permitted == Match::outside) return fail(ErrorCode::name_not_permitted);
    return {};
  }

 private:
  enum class Match : std::uint8_t { unconstrained, inside, outside };

  Result<Match> compare(const GeneralName& name, Bytes subtrees, bool excluded) noexcept {
    Match match = Match::unconstrained;
    for (Reader in(subtrees); !in.empty();) {
      if (budget_ == 0) return fail(ErrorCode::too_many);
      --budget_;
      PEDIGREE_ASSIGN(const der::Element subtree, der::read(in, der::kSequence));
      Reader fields = subtree.reader();
      PEDIGREE_ASSIGN(const der::Element base, der::read_any(fields));
      if (base.tag != name.form) continue;
      const auto within = general_name_within(name, {base.tag, base.content}, excluded);
      if (!within && within.error().code != ErrorCode::bad_value) return std::unexpected(within.error());
      // What cannot be compared is excluded and not permitted.
      if (within ? *within : excluded) return Match::inside;
      match = Match::outside;
    }
    return match;
  }

  std::array<Bytes, 2> subtrees_;  // permitted, excluded
  std::uint32_t& budget_;
};

bool is_empty_name(Bytes name) noexcept {
  return name.size() <= 2;
}

}  // namespace

Result<bool> general_name_within(const GeneralName& name, const GeneralName& subtree,
                                 bool excluded) noexcept {
  const std::string_view text = as_text(name.value);
  const std::string_view base = as_text(subtree.value);
  switch (name.form) {
    case kDirectoryName:
      return name_within(name.value, subtree.value);
    case kDnsName:
      return dns_within(text, base, excluded);
    case kRfc822Name:
      return email_within(text, base);
    case kUri:
      return uri_within(text, base);
    case kIpAddress:
      return address_within(name.value, subtree.value);
    default:
      return fail(ErrorCode::unsupported_name_form);
  }
}

Result<void> check_names_allowed(const Certificate& certificate, Bytes constraints,
                                 std::uint32_t& budget) noexcept {
  Checker checker(constraints, budget);
  if (!is_empty_name(certificate.subject())) {
    PEDIGREE_TRY(checker.check({kDirectoryName, certificate.subject()}));
  }
  bool has_email = false;
  for (Reader in(certificate.extensions().subject_alt_name.value_or(Bytes())); !in.empty();) {
    PEDIGREE_ASSIGN(const der::Element name, der::read_any(in));
    has_email = has_email || name.tag == kRfc822Name;
    PEDIGREE_TRY(checker.check({name.tag, name.content}));
  }
  if (has_email) return {};
  // RFC 5280 4.2.1.10: without an rfc822Name, the constraint applies to the subject's emailAddress.
  Result<void> result;
  PEDIGREE_TRY(for_each_attribute(certificate.subject(), [&](const NameAttribute& attribute, bool) {
    if (!result || !equal(attribute.type, oid::kEmailAddress)) return;
    // Of two- and four-octet characters nothing is compared: the empty value is refused by any constraint.
    const bool wide =
        attribute.string_tag == der::kBmpString || attribute.string_tag == der::kUniversalString;
    result = checker.check({kRfc822Name, wide ? Bytes() : attribute.value});
  }));
  return result;
}

}  // namespace pedigree::x509
