// SPDX-License-Identifier: Apache-2.0
// Comparing names with the subtrees of name constraints (RFC 5280 4.2.1.10).
#include "core/x509/general_name.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::x509 {
namespace {

// How a name stands to a subtree of its own form.
enum class Within : std::uint8_t { outside, inside, incomparable, unsupported };

Within inside_if(bool inside) noexcept {
  return inside ? Within::inside : Within::outside;
}

unsigned lower(char c) noexcept {
  const auto octet = static_cast<std::uint8_t>(c);
  return octet >= 'A' && octet <= 'Z' ? octet | 0x20U : octet;
}

// std::string_view's own functions check for positions that cannot occur here, and throw.
std::string_view from(const std::string_view& text, std::size_t start) noexcept {
  return {text.data() + start, text.size() - start};
}

// The text before the first of the three characters; all of it if there is none.
std::string_view until(const std::string_view& text, char a, char b, char c) noexcept {
  std::size_t size = 0;
  while (size < text.size() && text[size] != a && text[size] != b && text[size] != c) ++size;
  return {text.data(), size};
}

// Where the text after the last '@' starts; 0 if there is none.
std::size_t after_at(const std::string_view& text) noexcept {
  std::size_t start = text.size();
  while (start > 0 && text[start - 1] != '@') --start;
  return start;
}

bool ends_with_host(const std::string_view& name, const std::string_view& suffix) noexcept {
  if (name.size() < suffix.size()) return false;
  const std::string_view end = from(name, name.size() - suffix.size());
  for (std::size_t i = 0; i < end.size(); ++i) {
    if (lower(end[i]) != lower(suffix[i])) return false;
  }
  return true;
}

bool same_host(const std::string_view& a, const std::string_view& b) noexcept {
  return a.size() == b.size() && ends_with_host(a, b);
}

// A trailing dot makes a DNS name absolute and does not change which host it names.
std::string_view without_final_dot(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

// "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side"; a
// leading dot asks for one label at least.
bool dns_within(const std::string_view& absolute, const std::string_view& absolute_base,
                bool excluded) noexcept {
  const std::string_view name = without_final_dot(absolute);
  const std::string_view base = without_final_dot(absolute_base);
  if (base.empty()) return true;
  if (ends_with_host(name, base)) {
    return base[0] == '.' || name.size() == base.size() || name[name.size() - base.size() - 1] == '.';
  }
  // A wildcard stands for names below it, some of which may be in the excluded subtree.
  return excluded && name.size() >= 2 && name[0] == '*' && name[1] == '.' &&
         ends_with_host(base, from(name, 1));
}

// The rule that rfc822Name and URI share: any, ".domain" is every host below, "host" is that host.
bool host_within(const std::string_view& absolute, const std::string_view& absolute_base) noexcept {
  if (absolute_base.empty()) return true;
  const std::string_view host = without_final_dot(absolute);
  const std::string_view base = without_final_dot(absolute_base);
  return base.starts_with('.') ? ends_with_host(host, base) : same_host(host, base);
}

Within email_within(const std::string_view& name, const std::string_view& base) noexcept {
  const std::size_t at = after_at(name);
  if (at == 0) return Within::incomparable;
  const std::size_t base_at = after_at(base);
  if (base_at == 0) return inside_if(host_within(from(name, at), base));
  // A mailbox: the local part counts case (RFC 5280 7.5).
  const bool same_local = at == base_at && equal(as_bytes(name).first(at), as_bytes(base).first(at));
  return inside_if(same_local && same_host(from(name, at), from(base, at)));
}

// The host of "scheme://user@host:port/...". Empty where there is none, or an address instead of a name.
std::string_view uri_host(const std::string_view& uri) noexcept {
  const std::size_t scheme = until(uri, '/', '?', '#').size();
  if (scheme == 0 || uri[scheme - 1] != ':' || uri.size() < scheme + 2 || uri[scheme] != '/' ||
      uri[scheme + 1] != '/')
    return {};
  std::string_view host = until(from(uri, scheme + 2), '/', '?', '#');
  host = from(host, after_at(host));
  // An address, or an encoding that would hide the name from the comparison.
  if (host.starts_with('[') || until(host, '%', '%', '%').size() != host.size()) return {};
  host = until(host, ':', ':', ':');
  for (const char c : host) {
    if (c != '.' && (c < '0' || c > '9')) return host;
  }
  return {};
}

Within uri_within(const std::string_view& uri, const std::string_view& base) noexcept {
  const std::string_view host = uri_host(uri);
  // RFC 5280: without a host name, a certificate under a URI constraint must be rejected.
  return host.empty() ? Within::incomparable : inside_if(host_within(host, base));
}

bool address_within(const Bytes& address, const Bytes& base) noexcept {
  if (base.size() != 2 * address.size()) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (((address[i] ^ base[i]) & base[address.size() + i]) != 0) return false;
  }
  return true;
}

Within find_within(const GeneralName& name, const Bytes& subtree, bool excluded) noexcept {
  const std::string_view text = as_text(name.value);
  const std::string_view base = as_text(subtree);
  switch (name.form) {
    case kDirectoryName:
      return inside_if(name_within(name.value, subtree));
    case kDnsName:
      return inside_if(dns_within(text, base, excluded));
    case kRfc822Name:
      return email_within(text, base);
    case kUri:
      return uri_within(text, base);
    case kIpAddress:
      return inside_if(address_within(name.value, subtree));
    default:
      return Within::unsupported;
  }
}

constexpr ErrorCode kAllowed{};

// One certificate against one NameConstraints. Views were checked when the certificates were parsed.
class Checker {
 public:
  Checker(const Bytes& constraints, std::uint32_t& budget) noexcept
      : constraints_(constraints), budget_(budget) {}

  ErrorCode check(const GeneralName& name) noexcept {
    der::Cursor in(constraints_);
    ErrorCode permitted = kAllowed;
    for (unsigned n = 0; n < 2; ++n) {
      if (!in.skip_if(der::context_constructed(n))) continue;
      const der::Inside subtrees(in);
      const Match match = compare(name, in, n == 1);
      if (n == 1 && match == Match::inside) return ErrorCode::name_excluded;
      if (n == 0 && match == Match::outside) permitted = ErrorCode::name_not_permitted;
      in.skip_rest();
    }
    return in.ok() ? permitted : in.error().code;
  }

 private:
  enum class Match : std::uint8_t { unconstrained, inside, outside };

  Match compare(const GeneralName& name, der::Cursor& in, bool excluded) noexcept {
    Match match = Match::unconstrained;
    while (in.more()) {
      if (budget_-- == 0) in.fail(ErrorCode::too_many, in.at());
      const der::Inside subtree(in, der::kSequence);
      in.any();
      if (in.tag() != name.form) continue;
      const Within within = find_within(name, in.content(), excluded);
      if (within == Within::unsupported) in.refuse(ErrorCode::unsupported_name_form);
      // What cannot be compared is excluded and not permitted.
      if (within == Within::inside || (within == Within::incomparable && excluded)) return Match::inside;
      match = Match::outside;
    }
    return match;
  }

  const Bytes& constraints_;
  std::uint32_t& budget_;
};

bool is_empty_name(const Bytes& name) noexcept {
  return name.size() <= 2;
}

}  // namespace

Result<bool> general_name_within(const GeneralName& name, const GeneralName& subtree,
                                 bool excluded) noexcept {
  const Within within = find_within(name, subtree.value, excluded);
  if (within == Within::incomparable) return fail(ErrorCode::bad_value);
  if (within == Within::unsupported) return fail(ErrorCode::unsupported_name_form);
  return within == Within::inside;
}

ErrorCode check_names_allowed(const Certificate& certificate, const Bytes& constraints,
                              std::uint32_t& budget) noexcept {
  Checker checker(constraints, budget);
  ErrorCode verdict = kAllowed;
  if (!is_empty_name(certificate.subject())) verdict = checker.check({kDirectoryName, certificate.subject()});
  der::Cursor names(certificate.extensions().subject_alt_name.value_or(Bytes()));
  bool has_email = false;
  while (verdict == kAllowed && names.more()) {
    names.any();
    has_email = has_email || names.tag() == kRfc822Name;
    verdict = checker.check({names.tag(), names.content()});
  }
  if (has_email) return verdict;
  // RFC 5280 4.2.1.10: without an rfc822Name, the constraint applies to the subject's emailAddress.
  Attributes attributes(certificate.subject());
  for (NameAttribute attribute; verdict == kAllowed && attributes.next(attribute);) {
    if (!equal(attribute.type, oid::kEmailAddress)) continue;
    // Of two- and four-octet characters nothing is compared: the empty value is refused by any constraint.
    const bool wide =
        attribute.string_tag == der::kBmpString || attribute.string_tag == der::kUniversalString;
    verdict = checker.check({kRfc822Name, wide ? Bytes() : attribute.value});
  }
  return verdict;
}

}  // namespace pedigree::x509
