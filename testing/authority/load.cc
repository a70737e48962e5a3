// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/load.h"

namespace pedigree::testing {
namespace {

constexpr std::size_t kClients = 6;

}  // namespace

Load::Load(TlsFiles files) : files_(std::move(files)) {
  for (std::size_t i = 0; i < kClients; ++i) threads_.emplace_back([this, i] { run(i); });
}

void Load::serve_at(std::vector<std::uint16_t> ports) {
  const std::lock_guard lock(mutex_);
  ports_ = std::move(ports);
  changed_.notify_all();
}

void Load::wait_for(std::size_t more) {
  std::unique_lock lock(mutex_);
  const std::size_t goal = leaves_.size() + more;
  changed_.wait(lock, [&] { return leaves_.size() >= goal; });
}

void Load::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Load::give_up() {
  const std::lock_guard lock(mutex_);
  giving_up_ = true;
  changed_.notify_all();
}

void Load::run(std::size_t client) {
  std::unique_ptr<Client> connection;
  std::size_t turn = client;
  for (std::uint64_t number = client; !stopping(finishing_); number += kClients) {
    const Unit unit(number + 1);
    while (!attempt(connection, unit, turn)) {
      if (stopping(giving_up_)) return;
      ++turn;
    }
  }
}

bool Load::stopping(const bool& flag) {
  const std::lock_guard lock(mutex_);
  return flag;
}

bool Load::attempt(std::unique_ptr<Client>& connection, const Unit& unit, std::size_t turn) {
  try {
    if (!connection) connection = connect(turn);
    const Answer nonce = connection->post("/v1/nonce", {{"device", unit.id()}, {"profile", "iak"}});
    if (nonce.status != 200) return refused(nonce);
    const Answer answer =
        connection->post("/v1/enrol", enrol_body(unit, std::string(nonce.json().at("nonce").as_string())));
    if (answer.status != 200) return refused(answer);
    const std::lock_guard lock(mutex_);
    if (answer.json().at("reused").as_bool()) ++reused_;
    if (!leaves_.emplace(unit.id(), chain_of(answer).front()).second) surprises_.emplace_back("twice");
    changed_.notify_all();
    return true;
  } catch (const boost::system::system_error&) {
    connection.reset();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(10));  // for another server, or the same again
    return false;
  }
}

std::unique_ptr<Client> Load::connect(std::size_t turn) {
  std::uint16_t port = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ports_.empty(); });
    port = ports_[turn % ports_.size()];
  }
  return std::make_unique<Client>(port, files_);
}

/// A database that is away or full is worth another attempt; no other refusal is expected.
bool Load::refused(const Answer& answer) {
  if (answer.status == 503) {
    ++put_off_;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20));
    return false;
  }
  const std::lock_guard lock(mutex_);
  surprises_.push_back(answer.body);
  return true;
}

}  // namespace pedigree::testing
