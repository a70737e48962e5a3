// SPDX-License-Identifier: Apache-2.0
#include "testing/station/plant.h"

#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <stdexcept>

#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/app.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;

constexpr const char* kPassphrase = "of this test only";

ProcessOptions with_passphrase() {
  return {.environment = {{"PEDIGREE_PASSPHRASE", kPassphrase}}};
}

[[noreturn]] void broken(const std::string& what, const Process& process) {
  throw std::runtime_error(what + ": " + process.output() + process.errors());
}

template <typename T>
T must(station::Outcome<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return *std::move(outcome);
}

std::vector<station::Slot> slots_of(bool serial, const std::string& address) {
  station::Loop loop;
  auto link = must(serial ? station::open_serial(loop, address, {}) : station::open_udp(loop, address, {}));
  must(station::negotiate(*link));
  return must(station::Device(*link).slots());
}

std::string text(const json::value& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

/// SHA-256 of the certificate's SubjectPublicKeyInfo.
std::string key_of(Bytes certificate) {
  const crypto::OpenSslCrypto crypto;
  const auto parsed = x509::Certificate::parse(certificate);
  if (!parsed) throw std::runtime_error("the registry holds a certificate that does not parse");
  return hex(crypto.sha256(parsed->spki().whole).value());
}

}  // namespace

std::string program() {
  if (const char* named = std::getenv("PEDIGREE_PROGRAM"); named != nullptr) return named;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "pedigree";
}

Plant::Plant() {
  Process init({program(), "authority", "init", "--dir", path("ca"), "--root-name", "Test Root", "--issuer",
                "vendor=Test Device CA", "--issuer", "acme=Acme Devices CA@vendor"},
               with_passphrase());
  if (init.wait() != 0) broken("authority init", init);
}

Plant::~Plant() = default;

void Plant::start_authority() {
  const std::string ready = path("ca.url." + std::to_string(++starts_));
  const std::string listen = url_.empty() ? "127.0.0.1:0" : url_.substr(std::string("https://").size());
  authority_ =
      std::make_unique<Process>(std::vector<std::string>{program(), "authority", "serve", "--dir", path("ca"),
                                                         "--listen", listen, "--ready-file", ready},
                                with_passphrase());
  if (!authority_->wait_until([&] { return std::filesystem::exists(ready); })) {
    broken("authority serve", *authority_);
  }
  url_ = read_text(ready);
  while (url_.ends_with('\n')) url_.pop_back();
}

void Plant::kill_authority() {
  authority_.reset();
}

void Plant::keep_devices_in_memory() {
  if (std::filesystem::is_directory("/dev/shm")) memory_ = std::make_unique<TempDir>("/dev/shm");
}

void Plant::start_devices(unsigned count, const std::vector<std::string>& options) {
  const std::string again =
      addresses_.size() == 1 && count == 1 && !serial_ ? addresses_.front() : "127.0.0.1:0";
  devices_.clear();
  addresses_.clear();
  ids_.clear();
  states_.clear();
  serial_ = std::ranges::find_first_of(options, std::array{"--pty", "--qemu"}) != options.end();
  std::vector<std::string> with_line = options;
  if (!serial_) with_line.insert(with_line.end(), {"--udp", again});
  start_more_devices(count, with_line);
}

void Plant::start_more_devices(unsigned count, const std::vector<std::string>& options) {
  const std::string ready = path("devices.json." + std::to_string(++starts_));
  const std::filesystem::path state = memory_ ? memory_->path() : folder_.path();
  const std::string name = devices_.empty() ? "devices" : "devices-" + std::to_string(devices_.size());
  std::vector<std::string> command{
      program(), "device", "--state", state / name, "--count", std::to_string(count), "--ready-file", ready};
  command.insert(command.end(), options.begin(), options.end());
  devices_.push_back(std::make_unique<Process>(command));
  Process& process = *devices_.back();
  if (!process.wait_until([&] { return std::filesystem::exists(ready); })) broken("device", process);
  const json::value list = json::parse(read_text(ready)).at("devices");
  for (const json::value& device : list.as_array()) {
    addresses_.push_back(text(device, serial_ ? "serial" : "udp"));
    ids_.push_back(text(device, "id"));
    states_.push_back(text(device, "state"));
  }
}

void Plant::kill_devices() {
  devices_.clear();
}

void Plant::cut_power(unsigned device) const {
  for (const auto& process : devices_) {
    for (const pid_t child : process->children()) {
      std::error_code gone;
      const auto folder = std::filesystem::read_symlink("/proc/" + std::to_string(child) + "/cwd", gone);
      if (!gone && folder == state(device)) ::kill(child, SIGKILL);
    }
  }
}

double Plant::devices_cpu() const {
  double sum = 0;
  for (const auto& process : devices_) sum += process->cpu_milliseconds();
  return sum;
}

std::vector<std::string> Plant::provision_at(const std::vector<std::string>& targets,
                                             const std::vector<std::string>& options) const {
  std::vector<std::string> command{program(), "provision"};
  const std::vector<std::pair<std::string, std::string>> usual{
      {"--authority", url_}, {"--tls", path("ca/tls")}, {"--journal", path("journal")}};
  for (const auto& [option, value] : usual) {
    if (std::ranges::find(options, option) == options.end()) command.insert(command.end(), {option, value});
  }
  for (const std::string& target : targets) {
    command.insert(command.end(), {serial_ ? "--serial" : "--udp", target});
  }
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

std::vector<std::string> Plant::provision(unsigned device, const std::vector<std::string>& options) const {
  return provision_at({address(device)}, options);
}

Standing Plant::standing(unsigned device) const {
  Standing standing = registered(id(device));
  standing.slots = slots_of(serial_, address(device));
  return standing;
}

Standing Plant::registered(const std::string& id) const {
  Standing standing;
  standing.id = id;
  const auto authority = app::LocalAuthority::open(path("ca"));
  if (!authority) throw std::runtime_error(authority.error().detail);
  const auto answer = (*authority)->call(http::Method::get, "/v1/devices/" + id, "", "test");
  if (answer.status == 404) return standing;
  const json::value device = json::parse(answer.body);
  if (answer.status != 200) throw std::runtime_error(answer.body);
  standing.state = text(device, "state");
  for (const json::value& one : device.at("certificates").as_array()) {
    standing.certificates.push_back({.serial = text(one, "serial"),
                                     .profile = text(one, "profile"),
                                     .state = text(one, "state"),
                                     .key = key_of(unbase64(text(one, "certificate")))});
  }
  return standing;
}

std::string fault_in(const Standing& standing, enrol::Purpose purpose, const std::string& profile) {
  std::string key;
  for (const station::Slot& slot : standing.slots) {
    if (slot.purpose != purpose) continue;
    if (!key.empty()) return "the device has two keys";
    if (slot.state != enrol::SlotState::active) return "the key is " + std::string(enrol::name(slot.state));
    key = slot.key;
  }
  if (key.empty()) return "the device has no key";
  std::string serial;
  for (const Certified& one : standing.certificates) {
    if (one.profile != profile) continue;
    if (!serial.empty()) return "the authority issued two certificates";
    if (one.key != key) return "the certificate is for another key";
    if (one.state != "active") return "the certificate is " + one.state;
    serial = one.serial;
  }
  if (serial.empty()) return "the authority issued no certificate";
  return standing.state == "active" ? "" : "the device is " + standing.state + " in the registry";
}

}  // namespace pedigree::testing
