// SPDX-License-Identifier: Apache-2.0
#include "cli/ready_file.h"

#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

namespace pedigree::cli {

bool write_ready_file(const std::string& file, const boost::json::value& value) {
  const std::string fresh = file + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << boost::json::serialize(value) << "\n";
  out.close();
  return out && std::rename(fresh.c_str(), file.c_str()) == 0;
}

}  // namespace pedigree::cli
