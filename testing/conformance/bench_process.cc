// SPDX-License-Identifier: Apache-2.0
#include "testing/conformance/bench_process.h"

#include <cstdlib>
#include <stdexcept>

namespace pedigree::testing {

namespace json = boost::json;

namespace {

const json::object* row_of(const json::object& report, const std::string& id) {
  const json::value* const rows = report.if_contains("checks");
  if (rows == nullptr) return nullptr;
  for (const json::value& row : rows->as_array()) {
    const json::object& fields = row.as_object();
    const auto text = [&](const char* key) { return std::string(fields.at(key).as_string()); };
    if (text("area") + "." + text("check") == id) return &fields;
  }
  return nullptr;
}

std::string field(const json::object* row, const char* key) {
  return row == nullptr ? std::string() : std::string(row->at(key).as_string());
}

}  // namespace

std::string program() {
  const char* const named = std::getenv("PEDIGREE_PROGRAM");
  if (named == nullptr) throw std::runtime_error("PEDIGREE_PROGRAM is not set");
  return named;
}

std::string Findings::result(const std::string& id) const {
  return field(row_of(report, id), "result");
}

std::string Findings::why(const std::string& id) const {
  return field(row_of(report, id), "why");
}

std::string Findings::others() const {
  std::string text;
  const json::value* const rows = report.if_contains("checks");
  if (rows == nullptr) return output;
  for (const json::value& row : rows->as_array()) {
    const json::object& fields = row.as_object();
    if (fields.at("result").as_string() == "pass") continue;
    text += field(&fields, "area") + "." + field(&fields, "check") + " " + field(&fields, "result") + ": " +
            field(&fields, "why") + "\n";
  }
  return text;
}

std::size_t Findings::count(std::string_view key) const {
  const json::value* const number = report.if_contains(key);
  return number == nullptr ? 0 : number->to_number<std::size_t>();
}

TestDevice::TestDevice(std::vector<std::string> options) {
  const std::string ready = path("ready.json");
  std::vector<std::string> command{program(), "device", "--state", path("state"), "--ready-file", ready};
  command.insert(command.end(), options.begin(), options.end());
  process_ = std::make_unique<Process>(command);
  if (!process_->wait_until([&] { return std::filesystem::exists(ready); })) {
    throw std::runtime_error("the device did not start: " + process_->output() + process_->errors());
  }
  const json::object device = json::parse(read_text(ready)).at("devices").at(0).as_object();
  udp_ = device.contains("udp") ? field(&device, "udp") : std::string();
  serial_ = device.contains("serial") ? field(&device, "serial") : std::string();
}

Findings TestDevice::test(std::vector<std::string> options, bool over_serial) const {
  options.insert(options.begin(), {over_serial ? "--serial" : "--udp", over_serial ? serial_ : udp_});
  return device_test(std::move(options));
}

Findings device_test(std::vector<std::string> options) {
  options.insert(options.begin(), {program(), "device-test", "--json"});
  Process process(options);
  Findings findings;
  findings.status = process.wait();
  findings.output = process.output() + process.errors();
  boost::system::error_code error;
  const json::value report = json::parse(process.output(), error);
  if (!error && report.is_object()) findings.report = report.as_object();
  return findings;
}

}  // namespace pedigree::testing
