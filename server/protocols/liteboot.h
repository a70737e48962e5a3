// SPDX-License-Identifier: Apache-2.0
// lite_bootstrap_server's API: devices in the field speak it. Its kur and krr, which it named and never
// built, are defined here in its style.
#pragma once

#include "server/protocols/enrolment.h"
#include "server/protocols/liteboot_message.h"

namespace pedigree::protocols {

class Liteboot final : public http::Handler {
 public:
  /// Borrows it.
  explicit Liteboot(const Enrolment& enrolment) : enrolment_(enrolment) {}

  void handle(const http::Request& request, http::Respond respond) override;

 private:
  /// A request for one path, and the form of its answer.
  struct Call {
    const http::Request& request;
    LitebootForm form;
    std::string_view argument;  ///< behind the last slash
    http::Respond respond;
  };
  void post(std::string_view path, Call call) const;
  void get(std::string_view path, const Call& call) const;
  /// What a request must be, and what it then asks for.
  using Rules = Answer<EnrolmentRequest> (Liteboot::*)(const http::Request& request, Bytes csr) const;
  void certify(Call call, Rules rules) const;
  void certify_form(Call call) const;
  void revoke(Call call) const;
  void device_status(const Call& call) const;
  void certificate_status(const Call& call) const;
  void certificate_copy(const Call& call) const;
  void hub(const Call& call) const;
  /// The certificate of the serial number in the path, or an answer that says why not.
  [[nodiscard]] std::expected<registry::Certificate, http::Response> find(const Call& call) const;
  [[nodiscard]] Answer<EnrolmentRequest> first_request(const http::Request& request, Bytes csr) const;
  [[nodiscard]] Answer<EnrolmentRequest> update_request(const http::Request& request, Bytes csr) const;

  const Enrolment& enrolment_;
};

}  // namespace pedigree::protocols
