// SPDX-License-Identifier: Apache-2.0
#include "station/link/authority_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <mutex>
#include <thread>

#include "station/link/http.h"
#include "station/link/text.h"

namespace pedigree::station {

namespace json = boost::json;

namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(200);
constexpr auto kLongestPause = std::chrono::milliseconds(5000);
constexpr auto kBetweenNotices = std::chrono::seconds(5);

std::string text_member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::unexpected<Failure> malformed(std::string_view what) {
  return failed_with(
      Side::authority, ErrorCode::bad_value,
      fmt::format("the authority's answer has no valid '{}'; are station and authority of the same version?",
                  what));
}

// An error answer in the authority's own words; without them, the HTTP status.
Failure refusal(const HttpAnswer& answer, const json::object& body) {
  const json::value* number = body.if_contains("code");
  const auto code =
      number != nullptr && number->is_int64() && number->get_int64() > 0 && number->get_int64() < 65536
          ? static_cast<ErrorCode>(number->get_int64())
      : answer.status >= 500 ? ErrorCode::communication_failure
                             : ErrorCode::refused_by_authority;
  std::string message = text_member(body, "detail");
  if (message.empty()) message = text_member(body, "message");
  if (message.empty()) message = fmt::format("HTTP status {} without an explanation", answer.status);
  return {Side::authority, code, std::move(message)};
}

bool worth_repeating(const Failure& failure, unsigned status) {
  return status >= 500 || status == 429 || failure.code == ErrorCode::timeout ||
         failure.code == ErrorCode::connection_failed;
}

class HttpsAuthority final : public AuthorityClient {
 public:
  HttpsAuthority(std::unique_ptr<HttpPool> pool, AuthorityOptions options)
      : pool_(std::move(pool)), options_(std::move(options)) {}

  Outcome<Nonce> nonce(const std::string& device, const std::string& profile) override {
    STATION_ASSIGN(const json::object body, ask("/v1/nonce", {{"device", device}, {"profile", profile}}));
    const auto octets = from_hex(text_member(body, "nonce"));
    Nonce nonce;
    if (!octets || octets->size() != nonce.value.size()) return malformed("nonce");
    std::ranges::copy(*octets, nonce.value.begin());
    nonce.evidence = text_member(body, "evidence") == "required";
    return nonce;
  }

  Outcome<Issued> enrol(const EnrolRequest& request) override {
    json::object question{{"device", request.device},
                          {"profile", request.profile},
                          {"nonce", hex(request.nonce)},
                          {"csr", base64(request.csr)}};
    if (!request.issuer.empty()) question["issuer"] = request.issuer;
    STATION_ASSIGN(const json::object body, ask("/v1/enrol", question));
    Issued issued;
    issued.serial = text_member(body, "serial");
    if (issued.serial.empty()) return malformed("serial");
    const json::value* chain = body.if_contains("chain");
    if (chain == nullptr || !chain->is_array() || chain->get_array().empty()) return malformed("chain");
    for (const json::value& certificate : chain->get_array()) {
      auto der = certificate.is_string() ? from_base64(certificate.get_string()) : fail(ErrorCode::bad_value);
      if (!der || der->empty()) return malformed("chain");
      issued.chain.push_back(*std::move(der));
    }
    const json::value* reused = body.if_contains("reused");
    issued.reused = reused != nullptr && reused->is_bool() && reused->get_bool();
    return issued;
  }

  Outcome<std::string> receipt(const ReceiptRequest& request) override {
    STATION_ASSIGN(const json::object body, ask("/v1/receipt", {{"device", request.device},
                                                                {"serial", request.serial},
                                                                {"nonce", hex(request.nonce)},
                                                                {"receipt", base64(request.receipt)}}));
    std::string state = text_member(body, "state");
    if (state.empty()) return malformed("state");
    return state;
  }

  Outcome<std::vector<std::uint8_t>> root() override {
    const std::lock_guard lock(mutex_);
    if (!root_.empty()) return root_;
    STATION_ASSIGN(const json::object body, ask("/v1/issuers", {}));
    auto der = from_base64(text_member(body, "root"));
    if (!der || der->empty()) return malformed("root");
    root_ = *std::move(der);
    return root_;
  }

  Outcome<std::vector<std::uint8_t>> signer_revocations() override {
    const std::lock_guard lock(mutex_);
    if (revocations_) return *revocations_;
    const auto body = ask("/v1/signer-revocations", {});
    if (!body && body.error().code != ErrorCode::not_found) return std::unexpected(body.error());
    std::vector<std::uint8_t> list;
    if (body) {
      auto octets = from_base64(text_member(*body, "list"));
      if (!octets || octets->empty()) return malformed("list");
      list = *std::move(octets);
    }
    revocations_ = list;
    return list;
  }

  Outcome<std::string> revocation_reason(const std::string& serial) override {
    STATION_ASSIGN(const json::object body, ask("/v1/certificates/" + serial, {}));
    return text_member(body, "reason");
  }

  Outcome<std::vector<std::uint8_t>> grant(const GrantQuestion& question) override {
    json::object body{{"device", question.device},
                      {"nonce", hex(question.nonce)},
                      {"operation", question.operation},
                      {"why", question.why}};
    if (question.slot != 0) body["slot"] = question.slot;
    if (!question.purpose.empty()) body["purpose"] = question.purpose;
    if (!question.algorithm.empty()) body["algorithm"] = question.algorithm;
    if (!question.root.empty()) body["root"] = question.root;
    STATION_ASSIGN(const json::object answer, ask("/v1/grants", body));
    auto message = from_base64(text_member(answer, "grant"));
    if (!message || message->empty()) return malformed("grant");
    return *std::move(message);
  }

  Outcome<std::vector<std::string>> revoke_all(const std::string& device, const std::string& reason,
                                               const std::string& why,
                                               const std::vector<std::string>& kept) override {
    STATION_ASSIGN(const json::object body, ask("/v1/devices/" + device, {}));
    const json::value* const certificates = body.if_contains("certificates");
    if (certificates == nullptr || !certificates->is_array()) return malformed("certificates");
    std::vector<std::string> revoked;
    for (const json::value& one : certificates->get_array()) {
      if (!one.is_object()) return malformed("certificates");
      if (text_member(one.get_object(), "state") == "revoked") continue;
      if (std::ranges::find(kept, text_member(one.get_object(), "key")) != kept.end()) continue;
      std::string serial = text_member(one.get_object(), "serial");
      STATION_TRY(ask("/v1/revoke", {{"serial", serial}, {"reason", reason}, {"why", why}}));
      revoked.push_back(std::move(serial));
    }
    return revoked;
  }

  std::string name() const override { return options_.url; }

 private:
  struct Attempt {
    Outcome<json::object> outcome;
    bool repeat = false;
  };

  Attempt attempt(const std::string& path, const std::string& question) {
    auto answer = pool_->ask(path, question);
    if (!answer) {
      const bool repeat = worth_repeating(answer.error(), 0);
      return {std::unexpected(std::move(answer).error()), repeat};
    }
    boost::system::error_code error;
    const json::value parsed = json::parse(answer->body, error);
    const json::object body = !error && parsed.is_object() ? parsed.get_object() : json::object();
    if (answer->status == 200 || answer->status == 201) return {body, false};
    Failure failure = refusal(*answer, body);
    const bool repeat = worth_repeating(failure, answer->status);
    return {std::unexpected(std::move(failure)), repeat};
  }

  Outcome<json::object> ask(const std::string& path, const json::object& question) {
    const std::string text = question.empty() ? std::string() : json::serialize(question);
    const auto until = std::chrono::steady_clock::now() + options_.give_up;
    for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
      Attempt last = attempt(path, text);
      if (last.outcome || !last.repeat || std::chrono::steady_clock::now() + pause > until)
        return last.outcome;
      notice(last.outcome.error());
      std::this_thread::sleep_for(pause);
    }
  }

  void notice(const Failure& failure) {
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(notice_mutex_);
      if (!options_.notice || (noticed_ && now - *noticed_ < kBetweenNotices)) return;
      noticed_ = now;
    }
    options_.notice(fmt::format("{}; trying again for {:.3g} s", failure.message,
                                std::chrono::duration<double>(options_.give_up).count()));
  }

  std::unique_ptr<HttpPool> pool_;
  const AuthorityOptions options_;
  std::mutex notice_mutex_;
  std::optional<std::chrono::steady_clock::time_point> noticed_;
  std::mutex mutex_;  // callers wait for the first answer rather than ask as many times
  std::vector<std::uint8_t> root_;
  std::optional<std::vector<std::uint8_t>> revocations_;
};

}  // namespace

Outcome<std::unique_ptr<AuthorityClient>> open_authority(Loop& loop, const AuthorityOptions& options) {
  STATION_ASSIGN(auto pool, open_http_pool(loop, options));
  return std::make_unique<HttpsAuthority>(std::move(pool), options);
}

}  // namespace pedigree::station
