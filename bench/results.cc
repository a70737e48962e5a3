// SPDX-License-Identifier: Apache-2.0
#include "bench/results.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace pedigree::bench {
namespace {

namespace json = boost::json;

json::value to_json(const Entry& entry) {
  json::object peers;
  for (const Peer& peer : entry.peers) peers[peer.name] = peer.value;
  return json::object{{"name", entry.name},   {"value", entry.value},   {"unit", entry.unit},
                      {"limit", entry.limit}, {"ratio", entry.ratio()}, {"peers", peers}};
}

json::array load(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) return {};
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array()) throw std::runtime_error(file.string() + " is not a list of results");
  return value.as_array();
}

// Other programs read the file at any time, so it is replaced as a whole.
void store(const std::filesystem::path& file, const json::array& results) {
  std::filesystem::create_directories(file.parent_path());
  const std::filesystem::path fresh = file.string() + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << "[\n";
  for (std::size_t i = 0; i < results.size(); ++i) {
    out << "  " << json::serialize(results[i]) << (i + 1 < results.size() ? ",\n" : "\n");
  }
  out << "]\n";
  out.close();
  if (!out) throw std::runtime_error("cannot write " + fresh.string());
  std::filesystem::rename(fresh, file);
}

std::string number(double value) {
  return fmt::format("{:.{}f}", value, std::abs(value) < 100 ? 2 : 0);
}

}  // namespace

std::string results_file() {
  if (const char* named = std::getenv("PEDIGREE_BENCH_RESULTS"); named != nullptr && *named != '\0') {
    return named;
  }
  return PEDIGREE_BENCH_FOLDER "/results.json";
}

std::string to_text(const Entry& entry) {
  const bool higher = entry.better == Better::higher;
  std::string text = fmt::format("{:<26} {:>10} {:<4} limit {:>10}  ratio {:>5.3f}  {} {:<5} {}\n",
                                 entry.name, number(entry.value), entry.unit, number(entry.limit),
                                 entry.ratio(), higher ? "at least" : "at most ",
                                 fmt::format("{:.2f}", entry.target), entry.met() ? "ok" : "MISSED");
  for (const Peer& peer : entry.peers) {
    text += fmt::format("  {:<24} {:>10} {}\n", peer.name, number(peer.value), entry.unit);
  }
  return text;
}

void record(const Entry& entry) {
  const std::filesystem::path file = results_file();
  json::array results = load(file);
  bool replaced = false;
  for (json::value& value : results) {
    const json::object* object = value.if_object();
    const json::value* name = object != nullptr ? object->if_contains("name") : nullptr;
    if (name == nullptr || *name != json::value(entry.name)) continue;
    value = to_json(entry);
    replaced = true;
  }
  if (!replaced) results.push_back(to_json(entry));
  store(file, results);
  fmt::print("{}", to_text(entry));
  std::fflush(stdout);
}

}  // namespace pedigree::bench
