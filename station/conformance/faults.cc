// SPDX-License-Identifier: Apache-2.0
#include "station/conformance/faults.h"

#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::station::conformance {
namespace {

using enum ErrorCode;
namespace oid = x509::oid;

/// 2.5.29.99, which no standard assigns; ecdsa-with-SHA1; 1.2.3.4.
constexpr std::uint8_t kUnknownExtension[] = {0x55, 0x1d, 0x63};
constexpr std::uint8_t kEcdsaWithSha1[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01};
constexpr std::uint8_t kUnknownAlgorithm[] = {0x2a, 0x03, 0x04};

Octets octets(std::initializer_list<std::uint8_t> list) {
  return list;
}

Octets algorithm(Bytes identifier) {
  return element(der::kSequence, element(der::kOid, identifier));
}

Octets directory_name(std::string_view common_name) {
  Octets buffer(common_name.size() + 32);
  Writer out(buffer);
  der::Builder builder(out);
  const x509::NamePart part{oid::kCommonName, common_name};
  x509::write_name({&part, 1}, builder);
  buffer.resize(out.size());
  return buffer;
}

/// NameConstraints' content with one subtree: permitted (0) or excluded (1).
Octets constraint(unsigned which, Bytes general_name) {
  return element(der::context_constructed(which), element(der::kSequence, general_name));
}

/// An SPKI for P-256 whose point is on no curve.
Octets no_point() {
  Octets point{0x00, 0x04};
  point.insert(point.end(), 64, 0x05);
  const Octets kind = element(
      der::kSequence, joined({element(der::kOid, oid::kEcPublicKey), element(der::kOid, oid::kSecp256r1)}));
  return element(der::kSequence, joined({kind, element(der::kBitString, point)}));
}

/// The first octet of the outermost length is put into indefinite form.
void make_indefinite(Octets& certificate) {
  certificate[1] = 0x80;
}

void add_wire_faults(std::vector<Fault>& faults) {
  const auto add = [&](const char* name, const char* what, std::vector<ErrorCode> errors,
                       std::function<void(Octets&)> wire) {
    faults.push_back({name, what, std::move(errors), {}, {}, std::move(wire)});
  };
  add("no-certificate", "a chain without certificates", {empty_chain}, [](Octets& w) { w = {0x80}; });
  add("no-array", "a byte string in place of the chain", {bad_tag}, [](Octets& w) { w = {0x42, 1, 2}; });
  add("text", "a text in place of a certificate", {bad_tag}, [](Octets& w) { w = {0x81, 0x61, 'x'}; });
  add("empty-certificate", "an empty certificate", {bad_value}, [](Octets& w) { w = {0x81, 0x40}; });
  add("cut", "a chain whose last octet is missing", {truncated}, [](Octets& w) { w.pop_back(); });
  add("more", "an octet after the chain", {trailing_data}, [](Octets& w) { w.push_back(0); });
  add("indefinite-array", "an array of indefinite length", {indefinite_length}, [](Octets& w) {
    w.front() = 0x9f;
    w.push_back(0xff);
  });
  add("long-head", "a count that is not in its shortest form", {non_minimal}, [](Octets& w) {
    const auto count = static_cast<std::uint8_t>(w.front() & 0x1fU);
    w.front() = 0x98;
    w.insert(w.begin() + 1, count);
  });
  add("nine", "a chain of nine certificates", {too_many, path_too_long}, [](Octets& w) {
    w = {0x89};
    for (unsigned i = 0; i < 9; ++i) w.insert(w.end(), {0x42, 0x30, 0x00});
  });
}

void add_form_faults(std::vector<Fault>& faults) {
  const auto spoil = [&](const char* name, const char* what, std::vector<ErrorCode> errors,
                         std::function<void(Certificates&)> certificates) {
    faults.push_back({name, what, std::move(errors), {}, std::move(certificates), {}});
  };
  spoil("der-cut", "a certificate whose last octet is missing", {truncated},
        [](Certificates& c) { c[0].pop_back(); });
  spoil("der-more", "an octet after a certificate", {trailing_data},
        [](Certificates& c) { c[0].push_back(0); });
  spoil("der-indefinite", "a certificate of indefinite length", {indefinite_length},
        [](Certificates& c) { make_indefinite(c[0]); });
  spoil("der-tag", "a SET in place of the certificate", {bad_tag},
        [](Certificates& c) { c[0][0] = der::kSet; });
  const auto leaf = [&](const char* name, const char* what, std::vector<ErrorCode> errors,
                        std::function<void(Recipe&)> change) {
    faults.push_back(
        {name, what, std::move(errors), [change](ChainPlan& plan) { change(plan.leaf); }, {}, {}});
  };
  leaf("der-long", "a length that is not in its shortest form", {non_minimal},
       [](Recipe& r) { r.raw_serial = octets({0x02, 0x81, 0x01, 0x05}); });
  leaf("version-4", "a certificate of version 4", {unsupported_version},
       [](Recipe& r) { r.raw_version = octets({0xa0, 0x03, 0x02, 0x01, 0x03}); });
  leaf("serial-zero", "the serial number 0", {bad_serial},
       [](Recipe& r) { r.raw_serial = octets({0x02, 0x01, 0x00}); });
  leaf("serial-long", "a serial number of 21 octets", {bad_serial},
       [](Recipe& r) { r.raw_serial = element(der::kInteger, Octets(21, 0x11)); });
  leaf("time", "a month 13", {bad_time}, [](Recipe& r) {
    const auto time = [](std::string_view text) { return element(der::kUtcTime, as_bytes(text)); };
    r.raw_validity = element(der::kSequence, joined({time("241301000000Z"), time("491201000000Z")}));
  });
  leaf("name", "an RDN without attributes", {bad_name},
       [](Recipe& r) { r.raw_subject = octets({0x30, 0x02, 0x31, 0x00}); });
  leaf("name-order", "an RDN whose attributes are not in order", {wrong_order, bad_name}, [](Recipe& r) {
    r.raw_subject = octets({0x30, 0x16, 0x31, 0x14, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x05, 0x13,
                            0x01, 0x31, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 0x61});
  });
  leaf("extension-twice", "an extension twice", {duplicate_extension}, [](Recipe& r) {
    const Octets one =
        extension(oid::kSubjectAltName, false, element(der::kSequence, octets({0x82, 0x01, 'a'})));
    r.extra = joined({one, one});
  });
  leaf("extension", "an extension with malformed content", {bad_extension},
       [](Recipe& r) { r.extra = extension(oid::kSubjectAltName, false, element(der::kSequence, {})); });
  leaf("critical", "a critical extension that nobody knows", {unknown_critical_extension},
       [](Recipe& r) { r.extra = extension(kUnknownExtension, true, octets({0x05, 0x00})); });
  leaf("policy", "critical certificate policies", {policy_unsupported, unknown_critical_extension},
       [](Recipe& r) {
         r.extra = extension(oid::kCertificatePolicies, true,
                             octets({0x30, 0x06, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03}));
       });
  leaf("inner-algorithm", "two signature algorithms in one certificate", {algorithm_mismatch},
       [](Recipe& r) { r.raw_inner_algorithm = algorithm(oid::kEcdsaWithSha384); });
}

void add_signature_faults(std::vector<Fault>& faults) {
  const auto add = [&](const char* name, const char* what, std::vector<ErrorCode> errors,
                       std::function<void(ChainPlan&)> plan) {
    faults.push_back({name, what, std::move(errors), std::move(plan), {}, {}});
  };
  add("leaf-signature", "a leaf whose signature is not the CA's", {invalid_signature},
      [](ChainPlan& p) { p.leaf.break_signature = true; });
  add("ca-signature", "a CA whose signature is not the root's", {invalid_signature, chain_root_mismatch},
      [](ChainPlan& p) { p.authorities[0].break_signature = true; });
  add("unknown-algorithm", "a signature algorithm that nobody knows", {unsupported_algorithm},
      [](ChainPlan& p) { p.leaf.raw_algorithm = algorithm(kUnknownAlgorithm); });
  add("sha-1", "a signature with SHA-1", {weak_algorithm, unsupported_algorithm},
      [](ChainPlan& p) { p.leaf.raw_algorithm = algorithm(kEcdsaWithSha1); });
  add("wrong-key-type", "an RSA signature by a key that is none", {wrong_key_type, unsupported_algorithm},
      [](ChainPlan& p) {
        p.leaf.raw_algorithm =
            element(der::kSequence, joined({element(der::kOid, oid::kSha256WithRsa), octets({0x05, 0x00})}));
      });
  add("no-point", "a CA's key that is no point on its curve", {invalid_key}, [](ChainPlan& p) {
    p.authorities[0].raw_spki = no_point();
    p.authorities[0].key_identifiers = false;
    p.leaf.key_identifiers = false;
  });
}

void add_path_faults(std::vector<Fault>& faults) {
  const auto add = [&](const char* name, const char* what, std::vector<ErrorCode> errors,
                       std::function<void(ChainPlan&)> plan) {
    faults.push_back({name, what, std::move(errors), std::move(plan), {}, {}});
  };
  add("issuer-name", "a leaf that names another issuer", {issuer_mismatch},
      [](ChainPlan& p) { p.leaf.raw_issuer = directory_name("Somebody else"); });
  add("key-identifier", "a leaf that names another key of its issuer", {key_identifier_mismatch},
      [](ChainPlan& p) { p.leaf.raw_issuer_key_id = Octets(20, 0x77); });
  add("no-ca", "an issuer that is no CA", {not_a_ca},
      [](ChainPlan& p) { p.authorities[0].basic_constraints = false; });
  add("negative-length", "a negative path length", {negative_number, bad_extension}, [](ChainPlan& p) {
    p.authorities[0].basic_constraints = false;
    p.authorities[0].extra =
        extension(oid::kBasicConstraints, true, octets({0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0xff}));
  });
  add("ca-usage", "an issuer that may not sign certificates", {key_usage_forbids},
      [](ChainPlan& p) { p.authorities[0].key_usage = x509::kCrlSign; });
  add("leaf-usage", "a leaf that may not sign", {key_usage_forbids},
      [](ChainPlan& p) { p.leaf.key_usage = x509::kKeyAgreement; });
  add("leaf-ca", "a leaf that says it is a CA", {target_is_ca}, [](ChainPlan& p) {
    p.leaf.ca = true;
    p.leaf.key_usage = x509::kDigitalSignature | x509::kKeyCertSign;
  });
  add("path-length", "more CAs than the upper one's path length allows", {path_too_long},
      [](ChainPlan& p) { p.authorities.push_back(authority_recipe("Conformance CA above", 0)); });
  add("permitted", "a name outside the names that its issuer may certify",
      {name_not_permitted, unknown_critical_extension}, [](ChainPlan& p) {
        p.authorities[0].name_constraints =
            constraint(0, element(der::context_constructed(4), directory_name("Somebody else")));
      });
  add("excluded", "a name among those that its issuer must not certify",
      {name_excluded, unknown_critical_extension}, [](ChainPlan& p) {
        p.authorities[0].name_constraints =
            constraint(1, element(der::context_constructed(4), p.leaf.raw_subject));
      });
  add("name-form", "a constraint on a form of name that cannot be compared",
      {unsupported_name_form, unknown_critical_extension}, [](ChainPlan& p) {
        p.authorities[0].name_constraints = constraint(0, element(der::context(8), octets({0x2a, 0x03})));
        p.leaf.subject_alt_name = element(der::context(8), octets({0x2a, 0x04}));
      });
}

void add_order_faults(std::vector<Fault>& faults) {
  const auto add = [&](const char* name, const char* what, std::vector<ErrorCode> errors,
                       std::function<void(Certificates&)> certificates) {
    faults.push_back({name, what, std::move(errors), {}, std::move(certificates), {}});
  };
  add("ca-missing", "a chain without the leaf's issuer",
      {issuer_mismatch, chain_root_mismatch, key_identifier_mismatch, root_required},
      [](Certificates& c) { c.erase(c.begin() + 1); });
  add("reversed", "a chain whose first certificate is not the leaf", {chain_key_mismatch},
      [](Certificates& c) { std::swap(c[0], c[1]); });
  add("twice", "a chain with a certificate twice",
      {issuer_mismatch, key_identifier_mismatch, path_too_long, chain_root_mismatch},
      [](Certificates& c) { c.insert(c.begin() + 1, c[1]); });
}

}  // namespace

std::vector<Fault> chain_faults() {
  std::vector<Fault> faults;
  add_wire_faults(faults);
  add_form_faults(faults);
  add_signature_faults(faults);
  add_path_faults(faults);
  add_order_faults(faults);
  return faults;
}

}  // namespace pedigree::station::conformance
