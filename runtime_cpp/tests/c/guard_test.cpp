// Nothing that is thrown leaves a function of the ABI.
#include "c/guard.h"

#include <gtest/gtest.h>

#include <array>
#include <new>
#include <string>

#include "lmdm/error.h"

namespace {

using lmdm::c::guarded;

template <class Thrown>
std::pair<lmdm_status, std::string> answer(const Thrown& thrown) {
  std::array<char, 80> error{};
  const lmdm_status status = guarded(error.data(), error.size(), [&thrown] { throw thrown; });
  return {status, error.data()};
}

using Answer = std::pair<lmdm_status, std::string>;

TEST(Guard, EveryKindOfErrorHasItsStatus) {
  EXPECT_EQ(answer(lmdm::Error(lmdm::ErrorKind::bundle, "torn")), (Answer{LMDM_ERROR_BUNDLE, "torn"}));
  EXPECT_EQ(answer(lmdm::Error(lmdm::ErrorKind::session, "no")), (Answer{LMDM_ERROR_SESSION, "no"}));
  EXPECT_EQ(answer(lmdm::Error(lmdm::ErrorKind::runtime, "late")), (Answer{LMDM_ERROR_RUNTIME, "late"}));
  EXPECT_EQ(answer(lmdm::Error(lmdm::ErrorKind::environment, "bare")), (Answer{LMDM_ERROR_ENVIRONMENT, "bare"}));
  EXPECT_EQ(answer(lmdm::Error(lmdm::ErrorKind::cancelled, "stopped")), (Answer{LMDM_ERROR_CANCELLED, "stopped"}));
  EXPECT_EQ(answer(lmdm::c::Misuse("null")), (Answer{LMDM_ERROR_ARGUMENT, "null"}));
}

TEST(Guard, WhatNobodyForesawHasOneToo) {
  EXPECT_EQ(answer(std::bad_alloc()).first, LMDM_ERROR_MEMORY);
  EXPECT_EQ(answer(std::runtime_error("odd")), (Answer{LMDM_ERROR_INTERNAL, "odd"}));
  EXPECT_EQ(answer(42).first, LMDM_ERROR_INTERNAL);
  EXPECT_FALSE(answer(42).second.empty());
}

TEST(Guard, SuccessLeavesNoSentence) {
  std::array<char, 8> error{"old"};
  EXPECT_EQ(guarded(error.data(), error.size(), [] {}), LMDM_OK);
  EXPECT_STREQ(error.data(), "");
}

TEST(Guard, ASentenceIsCutBetweenCharacters) {
  const std::string sentence = "a\u00e9\u20ac\U0001F3B9z";
  const std::array<std::string, 13> cut{"",
                                        "",
                                        "a",
                                        "a",
                                        "a\u00e9",
                                        "a\u00e9",
                                        "a\u00e9",
                                        "a\u00e9\u20ac",
                                        "a\u00e9\u20ac",
                                        "a\u00e9\u20ac",
                                        "a\u00e9\u20ac",
                                        "a\u00e9\u20ac\U0001F3B9",
                                        sentence};
  for (std::size_t size = 1; size < cut.size(); ++size) {
    std::array<char, 16> text{};
    text.fill('#');
    lmdm::c::write_text(text.data(), size, sentence);
    EXPECT_STREQ(text.data(), cut[size].c_str()) << size;
    EXPECT_EQ(text[size], '#') << "nothing behind the buffer is touched";
  }
  lmdm::c::write_text(nullptr, 8, sentence);
}

TEST(Guard, NoBufferIsNoCrash) {
  EXPECT_EQ(guarded(nullptr, 100, [] { throw std::bad_alloc(); }), LMDM_ERROR_MEMORY);
  char one = '#';
  EXPECT_EQ(guarded(&one, 0, [] { throw std::bad_alloc(); }), LMDM_ERROR_MEMORY);
  EXPECT_EQ(one, '#');
}

}  // namespace
