// SPDX-License-Identifier: Apache-2.0
#include "server/http/off_loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace pedigree::http {
namespace {

/// A request and all that it borrows.
struct OwnedRequest {
  explicit OwnedRequest(const Request& given)
      : target(given.target),
        body(given.body),
        content_type(given.content_type),
        authorization(given.authorization),
        if_none_match(given.if_none_match),
        client(given.client == nullptr ? Identity() : *given.client),
        request(given) {
    request.target = target;
    request.body = body;
    request.content_type = content_type;
    request.authorization = authorization;
    request.if_none_match = if_none_match;
    if (given.client != nullptr) request.client = &client;
  }
  OwnedRequest(const OwnedRequest&) = delete;
  OwnedRequest& operator=(const OwnedRequest&) = delete;

  std::string target;
  std::string body;
  std::string content_type;
  std::string authorization;
  std::string if_none_match;
  Identity client;
  Request request;
};

/// What never signs with an intermediate's key is not kept waiting by those that do.
bool may_sign(const Request& request) {
  if (request.method == Method::post) return !request.target.starts_with("/v1/verify");
  return request.target.starts_with("/ocsp");
}

}  // namespace

struct SigningThreads::Pool {
  explicit Pool(unsigned count) : threads(count) {}
  boost::asio::thread_pool threads;
};

SigningThreads::SigningThreads(unsigned threads, std::size_t most_waiting)
    : most_(most_waiting), pool_(std::make_unique<Pool>(threads)) {}

SigningThreads::~SigningThreads() {
  pool_->threads.join();
}

bool SigningThreads::run(std::function<void()> work) {
  if (waiting_.fetch_add(1) >= most_) {
    --waiting_;
    return false;
  }
  boost::asio::post(pool_->threads, [this, work = std::move(work)] {
    work();
    --waiting_;
  });
  return true;
}

void OffLoop::handle(const Request& request, Respond respond) {
  if (!may_sign(request)) return handler_.handle(request, std::move(respond));
  auto owned = std::make_shared<const OwnedRequest>(request);
  const auto shared = std::make_shared<const Respond>(std::move(respond));
  const bool taken = threads_.run([this, owned, shared] { handler_.handle(owned->request, *shared); });
  if (!taken) {
    (*shared)(error_response(ErrorCode::timeout, "too many requests wait for a signature"));
  }
}

}  // namespace pedigree::http
