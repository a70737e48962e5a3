// SPDX-License-Identifier: Apache-2.0
#include "testing/x509/spoil.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

namespace pedigree::testing {
namespace {

struct Node {
  der::Tag tag = 0;
  Octets content;              ///< primitive
  std::vector<Node> children;  ///< constructed
  std::string path;
  [[nodiscard]] bool constructed() const { return (tag & 0x20U) != 0; }
};

std::vector<Node> read_nodes(Reader in, const std::string& prefix) {
  std::vector<Node> nodes;
  while (!in.empty()) {
    const der::Element element = der::read_any(in).value();
    Node node;
    node.tag = element.tag;
    node.path = prefix + std::to_string(nodes.size());
    if (node.constructed()) {
      node.children = read_nodes(element.reader(), node.path + ".");
    } else {
      node.content.assign(element.content.begin(), element.content.end());
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

void append(Octets& out, const Octets& more) {
  out.insert(out.end(), more.begin(), more.end());
}

Octets length_octets(std::size_t length, std::size_t count) {
  if (count == 0) return {static_cast<std::uint8_t>(length)};
  Octets out{static_cast<std::uint8_t>(0x80U | count)};
  for (std::size_t i = count; i-- > 0;) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
  return out;
}

std::size_t minimal_count(std::size_t length) {
  std::size_t count = 0;
  if (length < 0x80) return count;
  for (; length != 0; length >>= 8U) ++count;
  return count;
}

// Writes a tree with the fault in the element `target`, and says where that stands.
class Spoiler {
 public:
  Spoiler(Fault fault, std::string target) : fault_(fault), target_(std::move(target)) {}

  Octets write_all(const std::vector<Node>& nodes) {
    Octets out;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const bool here = nodes[i].path == target_;
      if (here && fault_ == Fault::reordered && i + 1 < nodes.size()) {
        place_ = 0;
        base_ = out.size();
        append(out, write(nodes[i + 1]));
        append(out, write(nodes[i]));
        return finish(out, nodes, i + 2);
      }
      const bool found_before = place_.has_value();
      const Octets one = write(nodes[i]);
      if (!found_before && place_) base_ += out.size();
      append(out, one);
      if (here && fault_ == Fault::repeated) append(out, one);
    }
    return out;
  }

  /// Offset of the header of the spoilt element, once the whole is written.
  [[nodiscard]] std::size_t place() const { return base_; }
  /// Offset of what was added behind its content.
  [[nodiscard]] std::size_t added() const { return base_ + added_; }
  [[nodiscard]] bool applied() const { return place_.has_value(); }

 private:
  Octets finish(Octets out, const std::vector<Node>& nodes, std::size_t from) {
    for (std::size_t i = from; i < nodes.size(); ++i) append(out, write(nodes[i]));
    return out;
  }

  Octets write(const Node& node) {
    const bool here = node.path == target_ && fault_ != Fault::reordered;
    const bool found_before = place_.has_value();
    Octets content = node.constructed() ? write_all(node.children) : node.content;
    const std::size_t size = content.size();
    Octets header{node.tag};
    if (here && fault_ == Fault::trailing_data && node.constructed()) {
      append(content, {0x05, 0x00});
      place_ = 0;
    } else if (here && fault_ != Fault::trailing_data) {
      place_ = 0;
    }
    append(header, length_of(content.size(), here));
    if (here) added_ = header.size() + size;
    if (here && fault_ == Fault::indefinite_length) append(content, {0, 0});
    if (!here && !found_before && place_) base_ += header.size();
    append(header, content);
    return header;
  }

  [[nodiscard]] Octets length_of(std::size_t size, bool here) const {
    if (here && fault_ == Fault::indefinite_length) return {0x80};
    if (here && fault_ == Fault::oversized_length) return {0x84, 0x7f, 0xff, 0xff, 0xff};
    const std::size_t count = minimal_count(size);
    return length_octets(size, count + (here && fault_ == Fault::non_minimal_length ? 1 : 0));
  }

  Fault fault_;
  std::string target_;
  std::optional<std::size_t> place_;
  std::size_t base_ = 0;
  std::size_t added_ = 0;
};

void collect_paths(const std::vector<Node>& nodes, std::vector<std::string>& out) {
  for (const Node& node : nodes) {
    out.push_back(node.path);
    collect_paths(node.children, out);
  }
}

void expect_at(const Error& error, ErrorCode code, std::size_t offset) {
  // The inner algorithm of a signed object is compared with the outer one before anything in it is read.
  if (error.code == ErrorCode::algorithm_mismatch && error.offset < offset) return;
  EXPECT_EQ(name(error.code), name(code));
  EXPECT_EQ(error.offset, offset);
}

void check_refusal(Fault fault, const Error& error, const Spoiler& writer, std::size_t size) {
  switch (fault) {
    case Fault::indefinite_length:
      return expect_at(error, ErrorCode::indefinite_length, writer.place() + 1);
    case Fault::non_minimal_length:
      return expect_at(error, ErrorCode::non_minimal, writer.place() + 1);
    case Fault::oversized_length:
      return expect_at(error, ErrorCode::truncated, writer.place());
    case Fault::trailing_data:
      // A NULL is also no member of any SEQUENCE OF or SET OF here.
      if (error.code == ErrorCode::bad_tag || error.code == ErrorCode::wrong_order) {
        return expect_at(error, error.code, writer.added());
      }
      return expect_at(error, ErrorCode::trailing_data, writer.added());
    case Fault::repeated:
    case Fault::reordered:
      // What it is taken for depends on what stands there otherwise; it is not found before that place.
      EXPECT_TRUE(error.offset >= writer.place() || error.code == ErrorCode::algorithm_mismatch);
      EXPECT_LE(error.offset, size);
      return;
  }
}

}  // namespace

std::set<std::string> accepted_with(Fault fault, Bytes der, const Parse& parse) {
  const std::vector<Node> nodes = read_nodes(Reader(der), "");
  std::vector<std::string> paths;
  collect_paths(nodes, paths);
  std::set<std::string> accepted;
  for (const std::string& path : paths) {
    SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " in element " + path);
    Spoiler writer(fault, path);
    const Octets spoilt = writer.write_all(nodes);
    if (!writer.applied()) continue;
    const auto result = parse(spoilt);
    if (result) {
      accepted.insert(path);
    } else {
      check_refusal(fault, result.error(), writer, spoilt.size());
    }
  }
  return accepted;
}

}  // namespace pedigree::testing
