// SPDX-License-Identifier: Apache-2.0
// What every handler of Api gets.
#pragma once

#include "server/http/api.h"
#include "server/http/json.h"

namespace pedigree::http {

struct Api::Call {
  const Request& request;
  std::string_view argument;  ///< the path's variable part
  std::string_view query;
  Respond respond;

  [[nodiscard]] registry::Actor actor() const { return {request.client->name, request.client->from}; }
};

}  // namespace pedigree::http
