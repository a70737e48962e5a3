// SPDX-License-Identifier: Apache-2.0
// What the registry holds as /v1 and the commands show it.
#pragma once

#include <boost/json.hpp>

#include "registry/store.h"

namespace pedigree::http {

[[nodiscard]] boost::json::object describe(const registry::Device& device);
[[nodiscard]] boost::json::object describe(const registry::Station& station);
[[nodiscard]] boost::json::object describe(const registry::Batch& batch);
[[nodiscard]] boost::json::object describe(const registry::BatchCount& count);

}  // namespace pedigree::http
