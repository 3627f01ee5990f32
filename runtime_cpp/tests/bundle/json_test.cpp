#include "bundle/json.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "bundle/python_repr.h"
#include "bundle/sentence.h"

namespace {

using lmdm::bundles::in_quotes;
using lmdm::bundles::parse_json;
using lmdm::bundles::python_repr;

std::string reason(const std::string& text) {
  try {
    static_cast<void>(parse_json(text));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST(Json, WhatIsNone) {
  for (const char* text : {"", "{", "NaN", "[Infinity]", "[1e999]", "\"\xff\"", "\"\\ud800\"", "[1,]", "01", "'a'", "[1] 2"}) {
    EXPECT_NE(reason(text), "") << text;
  }
}

TEST(Json, AKeyTwiceIsRefusedInOneObjectOnly) {
  EXPECT_EQ(reason(R"({"a": 1, "a": 1})"), "the key 'a' appears twice");
  EXPECT_EQ(reason(R"([{"a": {"b": 1}, "c": 1}, {"a": {"b": 1}, "b": {"a": 1}}])"), "");
}

TEST(Json, NestingEnds) {
  EXPECT_EQ(reason(nested(64)), "");
  EXPECT_EQ(reason(nested(65)), "nested deeper than 64 levels");
  EXPECT_EQ(reason(std::string(1'000'000, '[')), "nested deeper than 64 levels");
}

TEST(PythonRepr, IsThatOfPython) {
  // Right-hand sides: repr() of CPython 3.11.
  EXPECT_EQ(in_quotes("it's"), "\"it's\"");
  EXPECT_EQ(in_quotes("it's \"x\""), "'it\\'s \"x\"'");
  EXPECT_EQ(in_quotes("a\\b\n\t\x01\x7f"), "'a\\\\b\\n\\t\\x01\\x7f'");
  const auto value = nlohmann::json::parse(R"([null, true, false, -1, 2.5, 2.0, 1e16, 1e-5, 0.0001, 1e15, {"a": []}])");
  EXPECT_EQ(python_repr(value), "[None, True, False, -1, 2.5, 2.0, 1e+16, 1e-05, 0.0001, 1000000000000000.0, {'a': []}]");
}

TEST(Sentence, IsCutBetweenCharacters) {
  EXPECT_EQ(lmdm::bundles::shortened("a\xc3\xa4\xe2\x82\xac", 2), "a\xc3\xa4");
  EXPECT_EQ(lmdm::bundles::length_of("a\xc3\xa4\xe2\x82\xac"), 3U);
  EXPECT_EQ(lmdm::bundles::one_line("a\nb\tc\xc3\xa4"), "a b c\xc3\xa4");
  EXPECT_EQ(lmdm::bundles::one_line("\xff"
                                    "a\xc3"
                                    "b\xe2\x82"),
            "?a?b??");
}

}  // namespace
