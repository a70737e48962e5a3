// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/client.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <stdexcept>

namespace pedigree::testing {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

struct Client::State {
  asio::io_context io;
  ssl::context tls{ssl::context::tls_client};
  std::optional<beast::ssl_stream<beast::tcp_stream>> stream;
  beast::flat_buffer buffer;
};

boost::json::object Answer::json() const {
  return boost::json::parse(body).as_object();
}

std::string Answer::error() const {
  if (status < 400) return {};
  return std::string(json().at("error").as_string());
}

Client::Client(std::uint16_t port, const TlsFiles& files) : state_(std::make_unique<State>()), port_(port) {
  ssl::context& tls = state_->tls;
  tls.load_verify_file(files.ca.string());
  tls.set_verify_mode(ssl::verify_peer);
  if (!files.certificate.empty()) {
    tls.use_certificate_file(files.certificate.string(), ssl::context::pem);
    tls.use_private_key_file(files.key.string(), ssl::context::pem);
  }
  auto& stream = state_->stream.emplace(state_->io, tls);
  auto& socket = beast::get_lowest_layer(stream).socket();
  socket.connect({asio::ip::address_v4::loopback(), port});
  socket.set_option(asio::ip::tcp::no_delay(true));
  stream.handshake(ssl::stream_base::client);
}

Client::~Client() = default;

Answer Client::get(const std::string& target) {
  return call("GET", target, {});
}

Answer Client::post(const std::string& target, const boost::json::value& body) {
  return call("POST", target, boost::json::serialize(body));
}

Answer Client::call(const std::string& method, const std::string& target, std::string body,
                    const std::string& type) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, "127.0.0.1");
  if (method == "POST" && !type.empty()) request.set(http::field::content_type, type);
  request.body() = std::move(body);
  request.prepare_payload();
  http::write(*state_->stream, request);
  return receive();
}

void Client::send(std::string_view octets) {
  asio::write(*state_->stream, asio::buffer(octets));
}

Answer Client::receive() {
  http::response<http::string_body> response;
  http::read(*state_->stream, state_->buffer, response);
  return {response.result_int(), std::string(response[http::field::content_type]), response.body(),
          response.keep_alive()};
}

std::string nonce_for(Client& client, const std::string& device, const std::string& profile) {
  const Answer answer = client.post("/v1/nonce", {{"device", device}, {"profile", profile}});
  if (answer.status != 200) throw std::runtime_error("no nonce: " + answer.body);
  return std::string(answer.json().at("nonce").as_string());
}

std::string nonce_for(Client& client, const Unit& unit, const std::string& profile) {
  return nonce_for(client, unit.id(), profile);
}

boost::json::object enrol_body(const std::string& device, const std::string& profile,
                               const std::string& nonce, Bytes request) {
  return {{"device", device}, {"profile", profile}, {"nonce", nonce}, {"csr", base64(request)}};
}

boost::json::object enrol_body(const Unit& unit, const std::string& nonce, const std::string& profile) {
  return enrol_body(unit.id(), profile, nonce, unit.request(nonce));
}

Answer enrol(Client& client, const Unit& unit, const std::string& profile) {
  return client.post("/v1/enrol", enrol_body(unit, nonce_for(client, unit, profile), profile));
}

std::vector<Octets> chain_of(const Answer& answer) {
  std::vector<Octets> chain;
  const boost::json::object json = answer.json();
  for (const auto& one : json.at("chain").as_array()) chain.push_back(unbase64(one.as_string()));
  return chain;
}

}  // namespace pedigree::testing
