// SPDX-License-Identifier: Apache-2.0
// Bodies of /v1 through the whole interface, with a real engine and database behind it: the first octet
// chooses the call. Whatever the body is, the answer is one of JSON, no failure of the server, and says what
// is wrong in the four members that it always has.
#include <cstdlib>
#include <ctime>
#include <future>

#include "testing/authority/authority.h"

namespace {

using namespace pedigree;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Target {
  http::Role role;
  const char* path;
};
constexpr Target kTargets[] = {
    {http::Role::station, "/v1/nonce"},
    {http::Role::station, "/v1/enrol"},
    {http::Role::station, "/v1/receipt"},
    {http::Role::operator_, "/v1/revoke"},
    {http::Role::operator_, "/v1/devices"},
    {http::Role::operator_,
     "/v1/devices/01aa1cd0fc8d4ff3a2f8d1d4b2fb2ed8c2b9fd1b7c26b4d9aeb3b0db4e6cf6b7d3/state"},
    {http::Role::operator_, "/v1/signer-revocations"},
};

/// Made once: an authority with its keys, in a folder of its own.
struct Served {
  testing::AuthorityFolder folder;
  std::unique_ptr<app::LocalAuthority> local;
  std::unique_ptr<http::Api> api;

  Served() {
    const app::SecretText passphrase(testing::kPassphrase);
    auto opened = app::LocalAuthority::open(folder.path(), &passphrase);
    require(opened.has_value());
    local = *std::move(opened);
    api = std::make_unique<http::Api>(local->engine(), local->store(), nullptr,
                                      [] { return std::time(nullptr); });
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Served served;
  if (size == 0) return 0;
  const Target& target = kTargets[data[0] % std::size(kTargets)];
  const http::Identity who{target.role, "fuzzer", "local"};
  std::promise<http::Response> promise;
  served.api->handle({http::Method::post, target.path, as_text(Bytes(data + 1, size - 1)), false, &who},
                     [&promise](http::Response response) { promise.set_value(std::move(response)); });
  const http::Response response = promise.get_future().get();
  require(response.status >= 200 && response.status < 500 && response.type == "application/json");
  const boost::json::object answer = boost::json::parse(response.body).as_object();
  if (response.status >= 400) {
    require(answer.at("error").is_string() && answer.at("code").is_number() &&
            answer.at("message").is_string() && answer.at("detail").is_string());
  }
  return 0;
}
