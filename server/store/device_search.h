// SPDX-License-Identifier: Apache-2.0
// Lists of devices, batches and stations, at the same cost whatever the size of the registry.
#pragma once

#include "registry/store.h"
#include "server/store/search.h"

namespace pedigree::store {

class DeviceSearch {
 public:
  /// Borrows the connection.
  explicit DeviceSearch(const Connection& connection);

  [[nodiscard]] Result<registry::DeviceList> devices(const registry::DevicePage& page);
  [[nodiscard]] Result<std::vector<registry::Batch>> batches(std::string_view after, std::size_t limit);
  [[nodiscard]] Result<registry::Batch> batch(std::string_view name);
  [[nodiscard]] Result<std::vector<registry::BatchCount>> batch_counts(std::string_view name);
  [[nodiscard]] Result<std::vector<registry::Station>> stations(std::int64_t day);

 private:
  [[nodiscard]] Result<std::optional<std::int64_t>> batch_number(std::string_view name);

  Way by_id_, by_state_, by_batch_, by_station_;
  Statement batch_number_, batches_, batch_, batch_counts_, stations_;
};

}  // namespace pedigree::store
