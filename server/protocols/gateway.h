// SPDX-License-Identifier: Apache-2.0
// Which path belongs to which protocol.
#pragma once

#include "server/protocols/cmp.h"
#include "server/protocols/est.h"
#include "server/protocols/ocsp.h"

namespace pedigree::protocols {

/// Everything that a listener answers: the protocols that are on, and behind them another handler.
class Gateway final : public http::Handler {
 public:
  /// Borrows all; a null pointer is a protocol that is off.
  struct Parts {
    const Est* est = nullptr;
    OcspResponder* ocsp = nullptr;
    http::Handler* cmp = nullptr;   ///< off the event loop
    http::Handler* rest = nullptr;  ///< what no protocol takes; null: there is no such path
    bool crl_only = false;          ///< of `rest` only the CRLs
  };
  explicit Gateway(Parts parts) : parts_(parts) {}

  void handle(const http::Request& request, http::Respond respond) override;

 private:
  Parts parts_;
};

}  // namespace pedigree::protocols
