// SPDX-License-Identifier: Apache-2.0
#include "authority/grant.h"

#include <fmt/format.h>

#include <algorithm>

#include "authority/text.h"

namespace pedigree::authority {
namespace {

constexpr grant::Operation kOperations[] = {grant::Operation::begin, grant::Operation::replace,
                                            grant::Operation::destroy, grant::Operation::repin,
                                            grant::Operation::decommission};

grant::Grant content_of(const GrantOrder& order, der::UnixTime now) {
  grant::Grant content{.operation = order.operation,
                       .device_id = order.device,
                       .nonce = order.nonce,
                       .issued_at = static_cast<std::uint64_t>(now),
                       .expires_at = static_cast<std::uint64_t>(now + kGrantLife)};
  if (order.operation <= grant::Operation::destroy) content.slot = order.slot;
  if (order.operation <= grant::Operation::replace) {
    content.purpose = order.purpose;
    content.type = order.type;
  }
  if (order.operation == grant::Operation::repin) content.root = order.root;
  return content;
}

/// Why this signer signs no grants that devices take, and what ends that.
std::unexpected<Refusal> useless(ErrorCode code, Bytes certificate, der::UnixTime now) {
  const auto signer = x509::Certificate::parse(certificate);
  const bool timely = !signer || (signer->not_before() <= now && now <= signer->not_after());
  const std::string why = timely ? std::string(sentence(code))
                                 : fmt::format("its certificate is good from {} until {}",
                                               iso_time(signer->not_before()), iso_time(signer->not_after()));
  return refuse(code, fmt::format("the signer of grants is of no use: {}; another is made by pedigree "
                                  "authority grant-signer",
                                  why));
}

}  // namespace

std::string describe(const GrantOrder& order) {
  const std::string_view what = grant::name(order.operation);
  switch (order.operation) {
    case grant::Operation::begin:
    case grant::Operation::replace:
      return fmt::format("{} slot {} ({}, {})", what, order.slot, enrol::name(order.purpose),
                         crypto::name(order.type));
    case grant::Operation::destroy:
      return fmt::format("{} slot {}", what, order.slot);
    case grant::Operation::repin:
      return fmt::format("{} {}", what, registry::hex(order.root));
    case grant::Operation::decommission:
      break;
  }
  return std::string(what);
}

std::optional<grant::Operation> parse_operation(std::string_view text) noexcept {
  const auto* const found = std::ranges::find(kOperations, text, [](auto one) { return grant::name(one); });
  return found == std::end(kOperations) ? std::nullopt : std::optional(*found);
}

Answer<void> check_grant(const Policy& policy, bool is_operator, std::string_view client,
                         const GrantOrder& order) {
  const bool restricted =
      std::ranges::any_of(policy.grants, [](const GrantRule& rule) { return rule.is_operator; });
  if (is_operator && !restricted) return {};
  const GrantRule* const rule = find_grant_rule(policy, is_operator, client);
  const std::string_view role = is_operator ? "operator" : "station";
  const std::string_view what = grant::name(order.operation);
  if (rule == nullptr || std::ranges::find(rule->operations, what) == rule->operations.end()) {
    return refuse(ErrorCode::not_authorised,
                  fmt::format("the policy does not let {} \"{}\" have {} granted", role, client, what));
  }
  if (!names_device(*rule, order.device)) {
    return refuse(
        ErrorCode::not_authorised,
        fmt::format("the policy does not let {} \"{}\" have anything granted for this device", role, client));
  }
  return {};
}

Answer<Der> certify_grant_signer(const crypto::Crypto& crypto, const CertifyFields& fields) {
  const auto key = check_subject(crypto, fields);
  if (!key) return std::unexpected(key.error());
  if (key->type != crypto::KeyType::p256) {
    return refuse(ErrorCode::wrong_key_type, "the key of a signer of grants is on P-256");
  }
  const auto issuer = check_issuer(crypto, fields);
  if (!issuer) return std::unexpected(issuer.error());
  if (!equal(issuer->subject(), issuer->issuer())) {
    return refuse(ErrorCode::untrusted_root,
                  "devices take grants of a delegate of their root alone, and "
                  "the issuer is below another CA");
  }
  const Bytes purposes[] = {grant::kKeyPurpose};
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  extensions.ext_key_usage = purposes;
  return certify(crypto, fields, *issuer, *key, {}, extensions);
}

Answer<SignedGrant> GrantSigner::sign(const GrantOrder& order, der::UnixTime now) const {
  std::array<std::uint8_t, 2 * grant::kMaxSize> buffer{};
  const auto message = grant::sign(crypto_, content_of(order, now), certificate_, root_, key_, buffer);
  if (!message) return refuse(message.error());
  const auto root = x509::Certificate::parse(root_);
  if (!root) return refuse(root.error());
  const auto hash = crypto_.sha256(root->spki().whole);
  if (!hash) return refuse(hash.error());
  grant::Seen seen;
  std::array<std::uint8_t, grant::kScratch> scratch{};
  if (const auto good = grant::verify(crypto_, *message, *hash, seen, scratch); !good) {
    return useless(good.error().code, certificate_, now);
  }
  return SignedGrant{{message->begin(), message->end()}, now, now + kGrantLife};
}

}  // namespace pedigree::authority
