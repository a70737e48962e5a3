// SPDX-License-Identifier: Apache-2.0
// A blocking HTTPS client of /v1 on one kept-alive connection, and the calls that tests make over and over.
#pragma once

#include <boost/json.hpp>
#include <memory>

#include "testing/authority/unit.h"

namespace pedigree::testing {

/// PEM files; `certificate` and `key` empty: no client certificate.
struct TlsFiles {
  std::filesystem::path ca;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct Answer {
  unsigned status = 0;
  std::string type;
  std::string body;
  bool keep_alive = false;
  /// Throws where the body is no JSON.
  [[nodiscard]] boost::json::object json() const;
  /// Name of the error ("bad_request"); empty for a success.
  [[nodiscard]] std::string error() const;
};

/// Every failure of the connection throws boost::system::system_error.
class Client {
 public:
  Client(std::uint16_t port, const TlsFiles& files);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  Answer get(const std::string& target);
  Answer post(const std::string& target, const boost::json::value& body);
  /// Any method and body, sent as application/json unless another type is named.
  Answer call(const std::string& method, const std::string& target, std::string body,
              const std::string& type = "application/json");
  /// Octets as they are, inside TLS.
  void send(std::string_view octets);
  /// Reads an answer to what was sent.
  Answer receive();

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint16_t port_;
};

/// A nonce for a device, 64 hex digits. Throws std::runtime_error where it is refused.
[[nodiscard]] std::string nonce_for(Client& client, const std::string& device, const std::string& profile);
[[nodiscard]] std::string nonce_for(Client& client, const Unit& unit, const std::string& profile = "iak");
/// The body of POST /v1/enrol.
[[nodiscard]] boost::json::object enrol_body(const std::string& device, const std::string& profile,
                                             const std::string& nonce, Bytes request);
[[nodiscard]] boost::json::object enrol_body(const Unit& unit, const std::string& nonce,
                                             const std::string& profile = "iak");
/// A nonce, and then the certificate.
Answer enrol(Client& client, const Unit& unit, const std::string& profile = "iak");
/// The chain in an answer to enrol, leaf first.
[[nodiscard]] std::vector<Octets> chain_of(const Answer& answer);

}  // namespace pedigree::testing
