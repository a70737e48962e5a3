// SPDX-License-Identifier: Apache-2.0
#include "server/http/describe.h"

namespace pedigree::http {

boost::json::object describe(const registry::Device& device) {
  boost::json::object out{{"device", registry::hex(device.id)},
                          {"state", name(device.state)},
                          {"profiles", device.profiles},
                          {"created", device.created},
                          {"changed", device.changed}};
  const std::pair<std::string_view, const std::string&> texts[] = {{"batch", device.batch},
                                                                   {"product", device.product},
                                                                   {"label", device.label},
                                                                   {"station", device.station}};
  for (const auto& [key, text] : texts) {
    if (!text.empty()) out[key] = text;
  }
  return out;
}

boost::json::object describe(const registry::Station& station) {
  boost::json::object out{
      {"name", station.name},           {"enabled", station.enabled},       {"certificate_sha256", nullptr},
      {"issued_today", station.issued}, {"refused_today", station.refused}, {"since", station.changed}};
  if (station.certificate) out["certificate_sha256"] = registry::hex(*station.certificate);
  return out;
}

boost::json::object describe(const registry::Batch& batch) {
  return {{"batch", batch.name}, {"imported", batch.imported}, {"since", batch.made_at}, {"who", batch.who}};
}

boost::json::object describe(const registry::BatchCount& count) {
  return {{"state", registry::name(count.state)},
          {"station", count.station},
          {"devices", count.devices},
          {"first", count.first},
          {"last", count.last}};
}

}  // namespace pedigree::http
