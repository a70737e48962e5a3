// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/gateway.h"

namespace pedigree::protocols {
namespace {

constexpr std::string_view kEst = "/.well-known/est/";
constexpr std::string_view kOcsp = "/ocsp";
constexpr std::string_view kCrl = "/v1/crl/";

/// The path's last part, for the paths of EST; labels before it are the client's.
std::string_view est_route(std::string_view target) {
  target = target.substr(0, target.find('?'));
  for (const std::string_view known : {"/.well-known/est/*/cacerts", "/.well-known/est/*/simpleenroll",
                                       "/.well-known/est/*/simplereenroll", "/.well-known/est/*/csrattrs"}) {
    if (target.ends_with(known.substr(known.rfind('/')))) return known;
  }
  return "/.well-known/est/*";
}

void trace(const http::Request& request, std::string_view protocol, std::string_view route) {
  if (request.trace != nullptr) *request.trace = {protocol, route};
}

}  // namespace

void Gateway::handle(const http::Request& request, http::Respond respond) {
  const std::string_view target = request.target;
  if (parts_.est != nullptr && target.starts_with(kEst)) {
    trace(request, "est", est_route(target));
    return parts_.est->handle(target.substr(kEst.size()), request, std::move(respond));
  }
  if (target.starts_with(Cmp::kPath)) {
    // Whoever finds nobody here is not to hear of /v1's media types.
    if (parts_.cmp == nullptr)
      return respond(http::error_response(ErrorCode::not_found, "there is no such path"));
    trace(request, "cmp", "/.well-known/cmp/*");
    if (auto refused = refuse_cmp_form(request)) return respond(*std::move(refused));
    return parts_.cmp->handle(request, std::move(respond));
  }
  if (parts_.ocsp != nullptr && (target == kOcsp || target.starts_with("/ocsp/"))) {
    trace(request, "ocsp", kOcsp);
    return parts_.ocsp->handle(target.substr(kOcsp.size()), request, respond);
  }
  if (parts_.rest != nullptr && (!parts_.crl_only || target.starts_with(kCrl))) {
    return parts_.rest->handle(request, std::move(respond));
  }
  respond(http::error_response(ErrorCode::not_found, "there is no such path"));
}

}  // namespace pedigree::protocols
