// SPDX-License-Identifier: Apache-2.0
// An authority whose profile tls-client demands evidence, and what a device's service states there.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evidence/challenge.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {

/// The challenge of a statement about a key; `nonce` in hex.
inline Octets challenge_for(evidence::Statement statement, std::string_view nonce, Bytes spki) {
  const Octets octets = unhex(nonce);
  const Bytes parts[] = {octets, spki};
  const auto challenge = evidence::statement_challenge(statement, parts, host_crypto()).value();
  return {challenge.begin(), challenge.end()};
}

class DemandedEvidence : public ::testing::Test {
 protected:
  DemandedEvidence() {
    authority_.stop();
    std::string config = read_text(authority_.layout().config());
    const std::string_view none = "evidence = \"none\"";
    config.replace(config.find(none, config.find("[profile.tls-client]")), none.size(),
                   "evidence = \"required\"");
    write_file(authority_.layout().config(), std::string_view(config));
    authority_.restart();
    station_ = authority_.client("station");
  }

  ServedAuthority authority_;
  std::unique_ptr<Client> station_;
};

/// Requests in the name of one device, some by a key from outside of its secure world.
class OutsideKey : public DemandedEvidence {
 protected:
  /// The device that asks for a certificate.
  [[nodiscard]] virtual std::string device_id() const = 0;
  std::string nonce(const std::string& profile = "tls-client") {
    return nonce_for(*station_, device_id(), profile);
  }
  Answer send(const std::string& of, Bytes request, const std::string& profile = "tls-client") {
    return station_->post("/v1/enrol", enrol_body(device_id(), profile, of, request));
  }
  void expect_refused(const std::string& of, Bytes request, const char* error, const char* why) {
    const Answer answer = send(of, request);
    EXPECT_EQ(answer.error(), error) << answer.body;
    EXPECT_THAT(answer.body, ::testing::HasSubstr(why));
    EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE profile = 'tls-client'"), "0");
  }
  /// The outside key with this token.
  void expect_refused_token(const std::string& of, Bytes token, const char* why) {
    expect_refused(of, outside_.request_with_evidence(of, token), "evidence_refused", why);
  }

  Unit outside_{3};  ///< one that somebody made with OpenSSL
};

}  // namespace pedigree::testing
