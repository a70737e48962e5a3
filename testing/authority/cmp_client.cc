// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/cmp_client.h"

#include "core/der/der.h"
#include "crypto/openssl/keys.h"
#include "testing/authority/unit.h"

namespace pedigree::testing {
namespace {

std::string client(const std::string& path) {
  return "openssl cmp -server ${URL#https://} -no_proxy 127.0.0.1 -path .well-known/cmp" + path +
         " -tls_used -tls_trusted $CA/tls/ca.cert.pem -trusted $CA/root.cert.pem -msg_timeout 120 ";
}

der::Element next(Reader& in) {
  const auto element = der::read_any(in);
  if (!element) throw std::runtime_error("not DER");
  return *element;
}

/// ECDSA with SHA-256 by this key (PEM), in X.509's form.
Octets sign(const std::string& pem, Bytes part) {
  const auto key = crypto::OpenSslKey::from_pem(pem, {});
  std::array<std::uint8_t, crypto::kMaxSignatureSize> raw{};
  const auto signature =
      host_crypto().sign(key.value().view(), crypto::default_algorithm(crypto::KeyType::p256), part, raw);
  Octets form(128);
  Writer writer(form);
  der::Builder out(writer);
  der::ecdsa_from_raw(signature.value(), out);
  form.resize(writer.size());
  return form;
}

/// The field [number] of a PKIHeader, which must be there.
der::Element header_field(Bytes message, unsigned number) {
  Reader outer(message);
  Reader in = next(outer).reader();
  Reader header = next(in).reader();
  for (;;) {
    const der::Element field = next(header);
    // directoryName has the same tag as the transactionID, and stands before it.
    const bool is_name = field.content.front() == der::kSequence && number == 4;
    if (field.tag == der::context_constructed(number) && !is_name) return field;
  }
}

/// pvno, sender and recipient of a PKIHeader.
void copy_names(Bytes message, der::Builder& out) {
  Reader outer(message);
  Reader in = next(outer).reader();
  Reader header = next(in).reader();
  for (int field = 0; field < 3; ++field) out.raw(next(header).whole);
}

}  // namespace

void CmpTest::write_confirmation(const std::string& name, const std::string& request,
                                 const Confirmation& said) {
  const Octets asked = message(request + ".msg");
  const Octets answer = message(request + ".rsp");
  Octets buffer(4096);
  Writer writer(buffer);
  der::Builder out(writer);
  const std::size_t whole = out.open(der::kSequence);
  const std::size_t header = out.open(der::kSequence);
  copy_names(asked, out);
  out.raw(header_field(asked, 1).whole);
  out.raw(header_field(asked, 4).whole);
  out.raw(header_field(asked, 5).whole);
  const std::size_t nonce = out.open(der::context_constructed(6));
  out.raw(header_field(said.other_nonce ? asked : answer, 5).content);
  out.close(nonce);
  out.close(header);
  const std::size_t body = out.open(der::context_constructed(24));
  const std::size_t list = out.open(der::kSequence);
  if (said.hash) {
    const std::size_t status = out.open(der::kSequence);
    out.element(der::kOctetString, *said.hash);
    const std::uint8_t none = 0xff;  // the certReqId of a p10cr is -1 (RFC 9483 4.1.4)
    out.element(der::kInteger, Bytes(&none, 1));
    out.close(status);
  }
  out.close(list);
  out.close(body);
  out.close(whole);
  const Octets signature = sign(read_text(authority_.path() / ("tls/" + said.signer + ".key.pem")),
                                Bytes(buffer).first(writer.size()));
  write_file(folder_ / (name + ".part"), Bytes(buffer).first(writer.size()));
  protect(name, signature, pem_ders(read_text(authority_.path() / "tls/station.cert.pem")).at(0));
}

void CmpTest::date(const std::string& name, std::optional<der::UnixTime> time) {
  const Octets whole = message(name + ".msg");
  Reader outer(whole);
  Reader in = next(outer).reader();
  Reader header = next(in).reader();
  Octets part(whole.size() + 64);
  Writer writer(part);
  der::Builder out(writer);
  const std::size_t sequence = out.open(der::kSequence);
  const std::size_t fields = out.open(der::kSequence);
  for (int field = 0; field < 3; ++field) out.raw(next(header).whole);
  if (time) {
    std::array<std::uint8_t, 32> text{};
    Writer printed(text);
    der::print_time(*time, printed);
    std::string digits(as_text(Bytes(text).first(printed.size())));
    std::erase_if(digits, [](char c) { return c == '-' || c == ':' || c == 'T'; });
    const std::size_t field = out.open(der::context_constructed(0));
    out.element(der::kGeneralizedTime, as_bytes(digits));
    out.close(field);
  }
  while (!header.empty()) {
    const der::Element field = next(header);
    if (field.tag != der::context_constructed(0)) out.raw(field.whole);
  }
  out.close(fields);
  out.raw(next(in).whole);
  out.close(sequence);
  part.resize(writer.size());
  write_file(folder_ / (name + ".part"), Bytes(part));
  protect(name, sign(read_text(authority_.path() / "tls/station.key.pem"), part),
          pem_ders(read_text(authority_.path() / "tls/station.cert.pem")).at(0));
}

void CmpTest::protect(const std::string& name, Bytes signature, Bytes certificate) {
  const Octets part = message(name + ".part");
  Octets buffer(part.size() + signature.size() + certificate.size() + 64);
  Writer writer(buffer);
  der::Builder out(writer);
  Reader outer(part);
  const std::size_t whole = out.open(der::kSequence);
  out.raw(next(outer).content);
  const std::size_t field = out.open(der::context_constructed(0));
  out.bit_string(signature);
  out.close(field);
  const std::size_t extra = out.open(der::context_constructed(1));
  const std::size_t list = out.open(der::kSequence);
  out.raw(certificate);
  out.close(list);
  out.close(extra);
  out.close(whole);
  write_file(folder_ / (name + ".msg"), Bytes(buffer).first(writer.size()));
}

std::string CmpTest::by(const std::string& who) {
  const bool client = who == "station" || who == "operator" || who == "relying-party";
  const std::string base = client ? "$CA/tls/" + who : who;
  const std::string end = client ? ".pem" : "";
  return "-cert " + base + (client ? ".cert" : ".crt") + end + " -key " + base + ".key" + end + " ";
}

std::string CmpTest::cmp(const std::string& who, const std::string& arguments, const std::string& path) {
  const std::string signer = who.empty() ? "" : by(who);
  return ok(client(path) + signer + "-cmd " + arguments + " 2>&1; echo exit $?");
}

std::string CmpTest::cmp_at(const std::string& url, const std::string& who, const std::string& options) {
  return ok("URL=" + url + "; " + client("") + by(who) + options + " 2>&1; echo exit $?");
}

void CmpTest::write_request(const std::string& name, const std::string& who, const std::string& arguments) {
  // With answers from a file nothing is sent; that there is none comes after the request was written.
  ok("touch none; " + client("") + by(who) + "-rspin none -reqout " + name + ".msg -cmd " + arguments +
     " > " + name + ".log 2>&1; test -s " + name + ".msg || { cat " + name + ".log; false; }");
}

std::string CmpTest::post(const std::string& name, const std::string& path) {
  return ok("c -o " + name + ".rsp -w '%{http_code}' -H 'Content-Type: application/pkixcmp' --data-binary @" +
            name + ".msg $URL/.well-known/cmp" + path);
}

void CmpTest::enrol(const std::string& name, const std::string& uuid, const std::string& profile) {
  ok("req " + name + " /CN=" + uuid);
  const std::string said = cmp("station", "p10cr -csr " + name + ".csr -certout " + name + ".crt",
                               profile.empty() ? "" : "/p/" + profile);
  ASSERT_THAT(said, ::testing::HasSubstr("exit 0"));
}

void CmpTest::show_first(const std::string& name, const std::string& certificate) {
  const Octets shown = pem_ders(read_text(folder_ / certificate)).at(0);
  const Octets whole = message(name + ".msg");
  Octets changed(whole.size() + shown.size() + 64);
  Writer writer(changed);
  der::Builder out(writer);
  Reader outer(whole);
  Reader in = next(outer).reader();
  const std::size_t sequence = out.open(der::kSequence);
  for (int part = 0; part < 3; ++part) out.raw(next(in).whole);  // header, body, protection
  const std::size_t field = out.open(der::context_constructed(1));
  const std::size_t certificates = out.open(der::kSequence);
  out.raw(shown);
  if (!in.empty()) {
    Reader list = next(in).reader();
    out.raw(next(list).content);
  }
  out.close(certificates);
  out.close(field);
  out.close(sequence);
  changed.resize(writer.size());
  write_file(folder_ / (name + ".msg"), Bytes(changed));
}

unsigned CmpTest::body(const std::string& name) const {
  const Octets whole = message(name + ".rsp");
  Reader outer(whole);
  Reader in = next(outer).reader();
  (void)next(in);
  return next(in).tag & 0x1fU;
}

std::string CmpTest::failure(const std::string& name) const {
  const Octets whole = message(name + ".rsp");
  Reader outer(whole);
  Reader in = next(outer).reader();
  (void)next(in);  // PKIHeader
  const der::Element body = next(in);
  if (body.tag != der::context_constructed(23)) return "none";
  Reader error = body.reader();
  Reader content = next(error).reader();
  Reader status = next(content).reader();
  (void)next(status);
  Reader texts = next(status).reader();
  const std::string text(as_text(next(texts).content));
  const Bytes bits = next(status).content;
  for (std::size_t bit = 0; bit / 8 + 1 < bits.size(); ++bit) {
    if ((bits[1 + bit / 8] & (0x80U >> bit % 8)) != 0) return std::to_string(bit) + " " + text;
  }
  return "none";
}

}  // namespace pedigree::testing
