// SPDX-License-Identifier: Apache-2.0
#include "server/http/conflict.h"

#include <fmt/format.h>

#include "authority/text.h"

namespace pedigree::http {

std::string describe_revoked(const authority::Engine& engine, const registry::Certificate& certificate) {
  const authority::Issuer* issuer = engine.find_issuer(certificate.issuer);
  const std::size_t length =
      issuer == nullptr ? 1 : issuer->chain().size() + 2;  // with the leaf and the root
  return fmt::format("certificate 1 of {} (serial {}) is revoked since {} ({})", length,
                     registry::hex(certificate.serial),
                     authority::iso_time(certificate.revoked_at.value_or(0)), x509::name(certificate.reason));
}

std::string describe(const authority::Engine& engine, const registry::Conflict& conflict) {
  const auto& other = conflict.certificate;
  switch (conflict.code) {
    case ErrorCode::device_revoked:
    case ErrorCode::revoked:
      return other ? describe_revoked(engine, *other) : std::string(sentence(conflict.code));
    case ErrorCode::duplicate_key:
      return fmt::format("the key is certified as serial {} for profile {} of device {}",
                         registry::hex(other->serial), other->profile, registry::hex(other->device));
    case ErrorCode::second_key:
      return fmt::format(
          "the device holds serial {} of profile {} for another key; revoke that as superseded first",
          registry::hex(other->serial), other->profile);
    case ErrorCode::unknown_issuer:
      return "the intermediate has just been put into another state; ask again in a moment";
    case ErrorCode::unknown_profile:
      return "the allow-list does not give this profile to this device";
    default:
      return conflict.detail.empty() ? std::string(sentence(conflict.code)) : conflict.detail;
  }
}

}  // namespace pedigree::http
