// Mixes of prompts, and values in sentences as Python spells them.
#include <gtest/gtest.h>

#include <limits>

#include "engine/mix.h"
#include "engine/spelling.h"
#include "lmdm/error.h"

namespace {

using Prompts = std::vector<lmdm::WeightedPrompt>;

TEST(Mix, WeightsSumToOne) {
  const auto mix = lmdm::normalised_mix(Prompts{{"techno", 3}, {"jazz", 1}});
  EXPECT_EQ(mix[0].weight, 0.75);
  EXPECT_EQ(mix[1].weight, 0.25);
  EXPECT_EQ(lmdm::dominant(mix), "techno");
}

TEST(Mix, TheFirstOfEqualsIsDominant) {
  EXPECT_EQ(lmdm::dominant(lmdm::normalised_mix(Prompts{{"a", 0}, {"b", 2}, {"c", 2}})), "b");
}

TEST(Mix, SameMeansPromptsOrderAndWeights) {
  const lmdm::Mix mix{{"a", 0.5}, {"b", 0.5}};
  EXPECT_TRUE(lmdm::same_mix(mix, mix));
  EXPECT_FALSE(lmdm::same_mix(mix, {{"b", 0.5}, {"a", 0.5}}));
  EXPECT_FALSE(lmdm::same_mix(mix, {{"a", 0.5}}));
  EXPECT_FALSE(lmdm::same_mix(mix, {}));
}

TEST(Mix, RefusesWeightsThatAreNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const auto refusal = [](const Prompts& prompts) -> std::string {
    try {
      (void)lmdm::normalised_mix(prompts);
    } catch (const lmdm::Error& error) {
      return error.what();
    }
    return "nothing was refused";
  };
  const std::string sentence = "prompt weights must be finite, not negative and not all zero, found ";
  EXPECT_EQ(refusal({}), sentence + "[]");
  EXPECT_EQ(refusal({{"a", 0}, {"b", 0}}), sentence + "[0.0, 0.0]");
  EXPECT_EQ(refusal({{"a", 1}, {"b", -0.5}}), sentence + "[1.0, -0.5]");
  EXPECT_EQ(refusal({{"a", nan}, {"b", infinity}}), sentence + "[nan, inf]");
  EXPECT_EQ(refusal({{"a", 1e308}, {"b", 1e308}}), sentence + "[1e+308, 1e+308]");
}

TEST(Spelling, TextIsQuotedEscapedAndCut) {
  EXPECT_EQ(lmdm::spelled("it's"), "\"it's\"");
  EXPECT_EQ(lmdm::spelled("it's \"it\""), "'it\\'s \"it\"'");
  EXPECT_EQ(lmdm::spelled("a\n\t\\\x01"), "'a\\n\\t\\\\\\x01'");
  EXPECT_EQ(lmdm::spelled(std::string(80, 'x'), 60), "'" + std::string(59, 'x'));
}

}  // namespace
