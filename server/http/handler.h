// SPDX-License-Identifier: Apache-2.0
// A request and its answer in plain terms, and who answers it; no HTTP library.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::http {

/// From the organizationalUnitName of a client certificate of the system CA; `device` for a certificate below
/// the authority's root, where such are taken; `none` without one.
enum class Role : std::uint8_t { none, station, operator_, relying_party, bootstrap, device, auditor };
/// "none", "station", "operator"... Static storage.
[[nodiscard]] std::string_view name(Role role) noexcept;

struct Identity {
  Role role = Role::none;
  std::string name;  ///< commonName of the client certificate; of a device the serial number in hex
  std::string from;  ///< peer address
  std::vector<std::uint8_t> certificate{};  ///< a device's own, DER; else empty
  Sha256 fingerprint{};                     ///< SHA-256 of the client certificate, where there is one
};

enum class Method : std::uint8_t { get, post, other };

/// What a request is counted and logged under: words of ours, never of the client's. Static storage.
struct Trace {
  std::string_view protocol = "http";
  std::string_view route = "other";  ///< the path, with '*' for its variable part
};

struct Request {
  Method method = Method::other;
  std::string_view target;  ///< path and query
  std::string_view body;
  bool cbor = false;  ///< the body is CBOR, and so is the answer where the path takes that; else JSON
  const Identity* client = nullptr;
  std::string_view content_type = "application/json";  ///< with its parameters
  std::string_view authorization = {};                 ///< the field's value
  bool from_page = false;                              ///< a page in a browser sent it: it has an Origin
  Trace* trace = nullptr;  ///< where a handler, before it returns, says which of its paths this was; or null
  std::string_view if_none_match = {};  ///< the field's value
};

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body;
  std::string fields{};                         ///< further header fields, each with its end of line
  std::string_view reason{};                    ///< the name of what was wrong, for the log; static storage
  std::shared_ptr<const std::string> shared{};  ///< in the place of `body` what many get; or null
};
/// {"error","code","message","detail"} with the status that belongs to the code.
[[nodiscard]] Response error_response(ErrorCode code, std::string_view detail);

/// Whether this Content-Type is the media type, parameters and case aside.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view media) noexcept;

/// Called once, on any thread; must not block.
using Respond = std::function<void(Response)>;

/// What a server asks.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Answers one request. Everything that `request` borrows may go when this returns.
  virtual void handle(const Request& request, Respond respond) = 0;
};

}  // namespace pedigree::http
