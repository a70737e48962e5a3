// SPDX-License-Identifier: Apache-2.0
#include "server/app/enrol_token.h"

#include <fmt/format.h>

#include <future>

namespace pedigree::app {

using authority::refuse;

Answer<SecretText> make_enrol_token(LocalAuthority& authority, const EnrolTokenOptions& options) {
  const authority::Engine& engine = authority.engine();
  if (!options.profile.empty() && !engine.config().profiles.contains(options.profile)) {
    return refuse(ErrorCode::unknown_profile, fmt::format("there is no profile \"{}\"", options.profile));
  }
  SecretArray<16> random;
  if (const auto filled = engine.crypto().random(random.span()); !filled) return refuse(filled.error());
  SecretText token(registry::hex(random.span()));
  const auto hash = engine.crypto().sha256(as_bytes(token.text()));
  if (!hash) return refuse(hash.error());
  registry::EnrolToken entry{*hash,           options.device,
                             options.profile, {options.who, "local"},
                             options.now,     options.now + options.seconds};
  std::promise<registry::Outcome<void>> promise;
  authority.store().add_token(std::move(entry), [&promise](auto outcome) { promise.set_value(outcome); });
  const auto outcome = promise.get_future().get();
  if (!outcome) return refuse(Error{outcome.error().code, 0});
  return token;
}

}  // namespace pedigree::app
