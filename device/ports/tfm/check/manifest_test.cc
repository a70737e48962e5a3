// SPDX-License-Identifier: Apache-2.0
// The manifests are what TF-M's tools accept, and say what the code and its CMake have.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <string>

namespace pedigree {
namespace {

constexpr const char* kFolder = "device/ports/tfm/";

std::string read(const std::string& name) {
  std::ifstream in(kFolder + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// YAML in JSON's form, with comments of whole lines.
boost::json::object parse(const std::string& name) {
  std::istringstream in(read(name));
  std::string json;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#')) json += line + '\n';
  }
  return boost::json::parse(json).as_object();
}

std::string text(const boost::json::value& value) {
  return std::string(value.as_string());
}

boost::json::object entry() {
  const boost::json::array list = parse("manifest_list.yaml").at("manifest_list").as_array();
  EXPECT_EQ(list.size(), 1U);
  return list.at(0).as_object();
}

TEST(TfmManifest, TheListNamesFilesAndSwitchOfTheBuild) {
  EXPECT_EQ(text(parse("manifest_list.yaml").at("type")), "manifest_list");
  const boost::json::object partition = entry();
  EXPECT_EQ(text(partition.at("manifest")), "pedigree_sp.yaml");
  const std::string cmake = read("CMakeLists.txt");
  EXPECT_NE(cmake.find("if(NOT " + text(partition.at("conditional")) + ")"), std::string::npos);
  EXPECT_NE(cmake.find("generated/" + text(partition.at("output_path")) + "/auto_generated"),
            std::string::npos);
  // TF-M: 256 to 2999 are for users' partitions. Stored data and keys belong to the number.
  EXPECT_EQ(partition.at("pid").as_int64(), 1280);
}

TEST(TfmManifest, EveryLineIsInTheFormThatTfmsCmakeReads) {
  for (const char* const field : {"\"manifest\": \"", "\"conditional\": \""}) {
    const std::string list = read("manifest_list.yaml");
    EXPECT_NE(list.find(field), std::string::npos) << field;
  }
}

TEST(TfmManifest, EveryLibraryIsPlacedInThePartition) {
  const boost::json::object pattern = entry().at("linker_pattern").as_object();
  const std::string cmake = read("CMakeLists.txt");
  EXPECT_NE(cmake.find("add_library(tfm_app_rot_partition_pedigree STATIC"), std::string::npos);
  const boost::json::array patterns = pattern.at("library_list").as_array();
  EXPECT_NE(std::ranges::find(patterns, boost::json::value("*tfm_*partition_pedigree*")), patterns.end());
  EXPECT_NE(std::ranges::find(patterns, boost::json::value("*libpedigree_*")), patterns.end());
}

TEST(TfmManifest, ThePartitionIsAnApplicationRotOfSecureFunctions) {
  const boost::json::object manifest = parse("pedigree_sp.yaml");
  EXPECT_EQ(manifest.at("psa_framework_version").as_double(), 1.1);
  EXPECT_EQ(text(manifest.at("type")), "APPLICATION-ROT");
  EXPECT_EQ(text(manifest.at("model")), "SFN");
  EXPECT_FALSE(manifest.contains("entry_point"));
  EXPECT_FALSE(manifest.contains("heap_size"));
  EXPECT_FALSE(manifest.contains("mmio_regions"));
  EXPECT_FALSE(manifest.contains("irqs"));
  const std::string cmake = read("CMakeLists.txt");
  EXPECT_NE(cmake.find(text(manifest.at("stack_size")) + "=${"), std::string::npos);
  const std::string code = read("partition.cc");
  EXPECT_NE(code.find(text(manifest.at("entry_init")) + "(void)"), std::string::npos);
}

TEST(TfmManifest, TheServiceIsStatelessAndNamedAsTheCodeIs) {
  const boost::json::object manifest = parse("pedigree_sp.yaml");
  const boost::json::array services = manifest.at("services").as_array();
  ASSERT_EQ(services.size(), 1U);
  const boost::json::object service = services.at(0).as_object();
  EXPECT_FALSE(service.at("connection_based").as_bool());
  EXPECT_TRUE(service.at("non_secure_clients").as_bool());
  EXPECT_EQ(text(service.at("mm_iovec")), "disable") << "the service must read copies";
  const unsigned long sid = std::stoul(text(service.at("sid")), nullptr, 16);
  EXPECT_EQ(sid >> 32U, 0U);
  EXPECT_GT(sid >> 12U, 0x0000fU) << "TF-M's own and its tests'";
  std::string function = text(service.at("name")) + "_sfn";
  std::ranges::transform(function, function.begin(), [](unsigned char c) { return std::tolower(c); });
  EXPECT_NE(read("partition.cc").find(function + "(const psa_msg_t*"), std::string::npos);
  EXPECT_NE(read("nonsecure/main.cc").find(text(service.at("name")) + "_HANDLE"), std::string::npos);
}

TEST(TfmManifest, WhatIsCalledIsDeclared) {
  const boost::json::object manifest = parse("pedigree_sp.yaml");
  const auto names = [](const boost::json::value& list) {
    std::vector<std::string> found;
    for (const boost::json::value& name : list.as_array()) found.push_back(text(name));
    return found;
  };
  EXPECT_EQ(names(manifest.at("dependencies")),
            (std::vector<std::string>{"TFM_CRYPTO", "TFM_ATTESTATION_SERVICE"}));
  EXPECT_EQ(
      names(manifest.at("weak_dependencies")),
      (std::vector<std::string>{"TFM_INTERNAL_TRUSTED_STORAGE_SERVICE", "TFM_PROTECTED_STORAGE_SERVICE"}));
  EXPECT_EQ(names(entry().at("non_ffm_attributes")), (std::vector<std::string>{"weak_dependencies"}));
}

}  // namespace
}  // namespace pedigree
