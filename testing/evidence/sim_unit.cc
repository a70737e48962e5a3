// SPDX-License-Identifier: Apache-2.0
#include "testing/evidence/sim_unit.h"

#include <stdexcept>

#include "core/cose/cose.h"
#include "pedigree/service.h"

namespace pedigree::testing {
namespace {

void need(psa_status_t status, const char* what) {
  if (status == 0) return;
  throw std::runtime_error(
      std::string(what) + ": " +
      (status > 0 ? std::string(sentence(static_cast<ErrorCode>(status))) : std::to_string(status)));
}

}  // namespace

SimUnit::SimUnit(const sim::DeviceOptions& options) {
  auto opened = sim::Device::open(std::make_unique<sim::Storage>(), options);
  if (!opened) throw std::runtime_error(opened.error());
  device_ = *std::move(opened);
  id_ = hex(device_->id());
}

void SimUnit::move_to(enrol::Lifecycle lifecycle) {
  auto storage = std::make_unique<sim::Storage>();
  storage->assets() = device_->storage().assets();
  device_.reset();
  sim::DeviceOptions options;
  options.lifecycle = lifecycle;
  auto opened = sim::Device::open(std::move(storage), options);
  if (!opened) throw std::runtime_error(opened.error());
  device_ = *std::move(opened);
}

SimUnit::Key SimUnit::begin(enrol::Purpose purpose, enrol::Origin origin) {
  pedigree_begin_request_t request{};
  request.purpose = static_cast<std::uint8_t>(purpose);
  request.type = static_cast<std::uint8_t>(crypto::KeyType::p256);
  request.origin = static_cast<std::uint8_t>(origin);
  pedigree_begin_response_t response{};
  Octets spki(PEDIGREE_MAX_SPKI);
  std::size_t size = 0;
  need(pedigree_begin(device_->service_handle(), &request, nullptr, 0, &response, spki.data(), &size),
       "begin");
  spki.resize(size);
  return {response.slot, spki};
}

Octets SimUnit::request(std::uint32_t slot, std::string_view nonce, bool evidence) {
  pedigree_csr_request_t request{};
  request.slot = slot;
  request.evidence = evidence ? 1 : 0;
  std::ranges::copy(unhex(nonce), request.nonce);
  Octets whole(8192);
  std::size_t size = 0;
  std::uint32_t total = 0;
  need(pedigree_csr(device_->service_handle(), &request, whole.data(), whole.size(), &size, &total), "csr");
  if (size != total) throw std::runtime_error("the request is longer than thought");
  whole.resize(size);
  return whole;
}

Result<Octets> SimUnit::attest(Bytes challenge, bool chain) {
  pedigree_attest_request_t request{};
  request.chain = chain ? 1 : 0;
  request.challenge_size = static_cast<std::uint32_t>(challenge.size());
  std::ranges::copy(challenge, request.challenge);
  Octets whole(16384);
  std::size_t size = 0;
  std::uint32_t total = 0;
  const psa_status_t status =
      pedigree_attest(device_->service_handle(), &request, whole.data(), whole.size(), &size, &total);
  if (status > 0) return fail(static_cast<ErrorCode>(status));
  need(status, "attest");
  if (size != total) throw std::runtime_error("the token is longer than thought");
  whole.resize(size);
  return whole;
}

Octets SimUnit::store(std::uint32_t slot, std::vector<Octets> chain, const Octets& root,
                      std::string_view nonce) {
  chain.push_back(root);
  const std::vector<Bytes> views(chain.begin(), chain.end());
  Octets wire(8192);
  Writer out(wire);
  cbor::Encoder encoder(out);
  cose::write_chain(views, encoder);
  const Bytes octets = out.written();
  pedigree_chain_write_request_t write{};
  write.slot = slot;
  write.total = static_cast<std::uint32_t>(octets.size());
  std::uint32_t next = 0;
  need(pedigree_chain_write(device_->service_handle(), &write, octets.data(), octets.size(), &next),
       "chain write");
  pedigree_commit_request_t commit{};
  commit.slot = slot;
  std::ranges::copy(unhex(nonce), commit.nonce);
  Octets receipt(PEDIGREE_MAX_TOKEN_RECEIPT);
  std::size_t size = 0;
  need(pedigree_commit(device_->service_handle(), &commit, receipt.data(), receipt.size(), &size), "commit");
  receipt.resize(size);
  return receipt;
}

Answer provision(const AuthorityFolder& authority, Client& station, SimUnit& unit, const std::string& profile,
                 enrol::Purpose purpose, bool evidence) {
  const SimUnit::Key key =
      unit.begin(purpose, purpose == enrol::Purpose::iak ? enrol::Origin::builtin : enrol::Origin::generate);
  const std::string nonce = nonce_for(station, unit.id(), profile);
  Answer issued = station.post(
      "/v1/enrol", enrol_body(unit.id(), profile, nonce, unit.request(key.slot, nonce, evidence)));
  if (issued.status != 200) return issued;
  const auto root = app::read_certificate(authority.layout().root_certificate());
  const Octets receipt = unit.store(key.slot, chain_of(issued), *root, nonce);
  const Answer taken = station.post("/v1/receipt", {{"device", unit.id()},
                                                    {"serial", issued.json().at("serial")},
                                                    {"nonce", nonce},
                                                    {"receipt", base64(receipt)}});
  if (taken.status != 200) throw std::runtime_error("receipt: " + taken.body);
  return issued;
}

}  // namespace pedigree::testing
