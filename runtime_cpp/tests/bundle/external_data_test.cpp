#include "bundle/external_data.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "tiny_bundle.h"
#include "tiny_formats.h"

namespace {

using lmdm::testing::field;

std::set<std::string> locations(const std::string& model) {
  const lmdm::testing::TemporaryFolder folder;
  std::ofstream(folder.path() / "x.onnx", std::ios::binary) << model;
  return lmdm::bundles::external_data(folder.path() / "x.onnx");
}

TEST(ExternalData, IsFoundWhereverATensorMayBe) {
  EXPECT_EQ(locations(""), std::set<std::string>());
  EXPECT_EQ(locations(lmdm::testing::onnx("a.bin")), std::set<std::string>{"a.bin"});
  const std::string tensor = field(13, field(2, "b") + field(1, "location"));
  const std::string sparse = field(1, tensor), in_node = field(5, field(5, tensor)), subgraph = field(6, field(5, tensor));
  const std::string graphs[] = {field(5, tensor),
                                field(15, sparse),
                                field(1, in_node),
                                field(1, field(5, field(10, tensor))),
                                field(1, field(5, subgraph)),
                                field(1, field(5, field(22, sparse)))};
  for (const std::string& graph : graphs) {
    EXPECT_EQ(locations(field(7, graph)), std::set<std::string>{"b"});
    EXPECT_EQ(locations(field(20, field(1, graph))), std::set<std::string>{"b"}) << "in training information";
  }
  EXPECT_EQ(locations(field(25, field(7, in_node))), std::set<std::string>{"b"}) << "in a function";
}

TEST(ExternalData, WhatIsNoMessage) {
  EXPECT_THROW(locations("not a graph"), std::runtime_error);
  EXPECT_THROW(locations(lmdm::testing::onnx("a.bin").substr(0, 20)), std::runtime_error);
  EXPECT_THROW(locations(std::string(11, '\xff')), std::runtime_error);
  std::string deep;
  for (int i = 0; i < 200; ++i) deep = field(1, field(5, field(6, deep)));
  EXPECT_THROW(locations(field(7, deep)), std::runtime_error);
}

}  // namespace
