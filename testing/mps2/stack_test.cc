// SPDX-License-Identifier: Apache-2.0
// How deep each operation's stack goes in the secure world, service and crypto library together, measured by
// painting (device/ports/mps2/trial/measure.cc), against the table of docs/size.md. PEDIGREE_UPDATE_SIZE=1
// writes that table.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "device/ports/sim/test_authority.h"
#include "pedigree/service.h"
#include "testing/mps2/board.h"

namespace pedigree::testing {
namespace {

constexpr unsigned kTolerance = 64;
constexpr unsigned kReserved = 12 * 1024;  // secure.ld
constexpr const char* kTable = "docs/size.md";
constexpr const char* kBegin = "<!-- mps2_stack_test -->\n";
constexpr const char* kEnd = "<!-- end -->";

using Marks = std::map<std::string, unsigned>;

const std::map<unsigned, std::string> kOperations{
    {PEDIGREE_CALL_INFO, "info"},
    {PEDIGREE_CALL_LIST_SLOTS, "list slots"},
    {PEDIGREE_CALL_BEGIN, "begin"},
    {PEDIGREE_CALL_CSR, "csr"},
    {PEDIGREE_CALL_CHAIN_WRITE, "chain write"},
    {PEDIGREE_CALL_CHAIN_READ, "chain read"},
    {PEDIGREE_CALL_COMMIT, "commit"},
    {PEDIGREE_CALL_ABORT, "abort"},
};

void use_every_operation(station::Device& device) {
  const sim::TestAuthority authority;
  const auto key = device.begin({.slot = 1, .purpose = enrol::Purpose::tls});
  ASSERT_TRUE(key.has_value()) << key.error().message;
  ASSERT_TRUE(device.csr(1, Octets(32, 1)).has_value());
  const Octets chain = authority.chain_for(key->spki, {.with_root = true});
  const auto sha256 = authority.crypto().sha256(chain);
  ASSERT_TRUE(device.write_chain(1, chain, *sha256).has_value());
  const auto receipt = device.commit(1, Octets(32, 1));
  ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
  ASSERT_TRUE(device.read_chain(1).has_value());
  ASSERT_TRUE(device.begin({.slot = 2, .purpose = enrol::Purpose::data}).has_value());
  ASSERT_TRUE(device.abort(2).has_value());
  ASSERT_TRUE(device.slots().has_value());
  ASSERT_TRUE(device.info().has_value());
}

/// The deepest of each operation, of the calls that succeeded.
Marks marks_in(const std::string& log) {
  Marks marks;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    unsigned type = 0;
    unsigned stack = 0;
    unsigned status = 1;
    const std::size_t at = line.find(" stack ");
    if (at == std::string::npos || std::sscanf(line.c_str(), "measured call %x", &type) != 1) continue;
    if (std::sscanf(line.c_str() + at, " stack %x status %x", &stack, &status) != 2 || status != 0) continue;
    const auto name = kOperations.find(type);
    if (name == kOperations.end()) continue;
    unsigned& mark = marks[name->second];
    mark = std::max(mark, stack);
  }
  return marks;
}

std::string table_of(const Marks& marks) {
  std::ostringstream table;
  table << "| operation | stack |\n| --- | ---: |\n";
  for (const auto& [type, name] : kOperations) table << "| " << name << " | " << marks.at(name) << " |\n";
  return table.str();
}

/// Text before the table, the table, and text after it.
std::array<std::string, 3> split(const std::string& text) {
  const std::size_t begin = text.find(kBegin) + std::string(kBegin).size();
  const std::size_t end = text.find(kEnd, begin);
  return {text.substr(0, begin), text.substr(begin, end - begin), text.substr(end)};
}

TEST(Stack, EachOperationStaysWithinItsMark) {
  const Board board;
  board.with_device({.secure = "measure/"}, use_every_operation);
  const Marks marks = marks_in(board.secure_log());
  ASSERT_EQ(marks.size(), kOperations.size()) << board.secure_log();
  const auto [before, table, after] = split(read_text(kTable));
  if (std::getenv("PEDIGREE_UPDATE_SIZE") != nullptr) write_file(kTable, before + table_of(marks) + after);
  const std::string committed = split(read_text(kTable))[1];
  for (const auto& [name, mark] : marks) {
    const std::size_t row = committed.find("| " + name + " | ");
    ASSERT_NE(row, std::string::npos) << name;
    const unsigned long limit = std::stoul(committed.substr(row + name.size() + 5));
    EXPECT_LE(mark, limit + kTolerance) << name << "; if it must be so: PEDIGREE_UPDATE_SIZE=1";
    EXPECT_GT(mark, 100U) << name << ": the paint is gone where nothing ran";
    EXPECT_LT(mark, kReserved / 4 * 3) << name << ": too near the end of the stack";
  }
  std::cout << table_of(marks);
}

}  // namespace
}  // namespace pedigree::testing
