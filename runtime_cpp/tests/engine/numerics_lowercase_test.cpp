// Lower case and UTF-8; tests/runtime_cpp compares every character with Python.
#include <gtest/gtest.h>

#include "engine/lowercase.h"
#include "engine/utf8.h"

namespace {

TEST(Lowercase, KnowsMoreThanAscii) {
  EXPECT_EQ(lmdm::lowercase(U"Techno ÄÖÜ ЖУК Ÿ Ａ"), U"techno äöü жук ÿ ａ");
  EXPECT_EQ(lmdm::lowercase(U"\u0130"), U"i\u0307");
}

TEST(Lowercase, SigmaAtTheEndOfAWordIsFinal) {
  EXPECT_EQ(lmdm::lowercase(U"ΜΟΥΣΙΚΟΣ ΣΑΣ Σ Σ'Α"), U"μουσικος σας σ σ'α");
  EXPECT_EQ(lmdm::lowercase(U"ΑΣ."), U"ας.");
}

TEST(Utf8, RoundTripsEveryLength) {
  const std::string text = "a\u00e9\u20ac\U0001F3B9";
  EXPECT_EQ(lmdm::from_utf8(text), U"a\u00e9\u20ac\U0001F3B9");
  EXPECT_EQ(lmdm::to_utf8(lmdm::from_utf8(text)), text);
}

TEST(Utf8, MalformedBytesBecomeReplacements) {
  EXPECT_EQ(lmdm::from_utf8("a\xFF z"), U"a\uFFFD z");
  EXPECT_EQ(lmdm::from_utf8("\xE2\x82"), U"\uFFFD");                  // cut short
  EXPECT_EQ(lmdm::from_utf8("\xE2\x28\xA1"), U"\uFFFD(\uFFFD");       // the second byte does not follow
  EXPECT_EQ(lmdm::from_utf8("\xED\xA0\x80"), U"\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(lmdm::from_utf8("\xC0\xAF"), U"\uFFFD\uFFFD");            // longer than needed
}

}  // namespace
