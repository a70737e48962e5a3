// SPDX-License-Identifier: Apache-2.0
#include "server/app/record.h"

#include <future>

namespace pedigree::app {

Answer<void> record(LocalAuthority& authority, registry::AuthorityEvent event) {
  std::promise<registry::Outcome<void>> answer;
  authority.store().record(std::move(event), [&](auto outcome) { answer.set_value(std::move(outcome)); });
  const auto outcome = answer.get_future().get();
  if (!outcome) return authority::refuse(Error{outcome.error().code, 0});
  return {};
}

}  // namespace pedigree::app
