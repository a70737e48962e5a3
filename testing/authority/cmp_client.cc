// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/cmp_client.h"

#include "core/der/der.h"

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

}  // namespace

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
