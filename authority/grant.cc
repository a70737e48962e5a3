// SPDX-License-Identifier: Apache-2.0
#include "authority/grant.h"

#include <fmt/format.h>

#include <algorithm>

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
    return refuse(good.error().code,
                  fmt::format("the signer of grants is of no use: {}", sentence(good.error().code)));
  }
  return SignedGrant{{message->begin(), message->end()}, now, now + kGrantLife};
}

}  // namespace pedigree::authority
