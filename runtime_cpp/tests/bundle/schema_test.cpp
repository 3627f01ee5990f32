#include "bundle/schema.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using lmdm::bundles::Schema;
using Json = nlohmann::json;

std::string told(const char* schema, const char* document) {
  const auto violation = Schema(schema).check(Json::parse(document));
  return violation ? violation->where + ": " + violation->message : "";
}

TEST(Schema, AKeywordThatIsNotKnownIsNeverPassedOver) {
  EXPECT_THROW(Schema(R"({"properties": {"a": {"multipleOf": 2}}})"), std::invalid_argument);
  EXPECT_THROW(Schema(R"({"$defs": {"a": {"not": {}}}})"), std::invalid_argument);
  EXPECT_THROW(Schema("{"), std::invalid_argument);
}

TEST(Schema, TheManifestsSchemaUsesOnlyWhatIsKnown) {
  EXPECT_NO_THROW(Schema(lmdm::bundles::manifest_schema_text));
}

// Right-hand sides: jsonschema 4.26, best_match, with whole numbers as manifest.py defines them.
TEST(Schema, SaysWhatPythonSays) {
  EXPECT_EQ(told(R"({"type": "integer"})", "2.5"), "the top level: 2.5 is not of type 'integer'");
  EXPECT_EQ(told(R"({"type": "integer"})", "2.0"), "the top level: 2.0 is not of type 'integer'");
  EXPECT_EQ(told(R"({"type": "integer"})", "true"), "the top level: True is not of type 'integer'");
  EXPECT_EQ(told(R"({"const": 0})", "false"), "the top level: 0 was expected");
  EXPECT_EQ(told(R"({"items": {"maximum": 3}})", "[1, 4, 5]"), "2: 5 is greater than the maximum of 3");
  EXPECT_EQ(told(R"({"properties": {"a": {"minLength": 1}}})", R"({"a": ""})"), "a: '' should be non-empty");
  EXPECT_EQ(told(R"({"required": ["b"], "properties": {"a": {"type": "null"}}})", R"({"a": 1})"),
            "the top level: 'b' is a required property");
  EXPECT_EQ(told(R"({"additionalProperties": false})", R"({"a": 1, "b": 2})"),
            "the top level: Additional properties are not allowed ('a', 'b' were unexpected)");
  EXPECT_EQ(told(R"({"oneOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]})", "{}"),
            "the top level: 'a' is a required property");
  EXPECT_EQ(told(R"({"uniqueItems": true})", "[1, 1]"), "the top level: [1, 1] has non-unique elements");
}

TEST(Schema, ALongStringIsNotGivenToTheRegularExpression) {
  const Schema schema(R"({"pattern": "^[^x]*$"})");
  EXPECT_TRUE(schema.check(Json(std::string(10'000'000, 'a'))).has_value());
  EXPECT_FALSE(schema.check(Json("a")).has_value());
}

}  // namespace
