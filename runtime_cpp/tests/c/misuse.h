#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "lmdm/c.h"

/// Where the functions under test write their sentences.
inline std::array<char, 256> said;
inline char* const error = said.data();
inline const std::size_t error_size = said.size();

/// The call broke a rule of the ABI, and a sentence says which.
inline void expect_misuse(lmdm_status status, int line) {
  EXPECT_EQ(status, LMDM_ERROR_ARGUMENT) << "line " << line << ": " << error;
  EXPECT_NE(std::strlen(error), 0u) << "line " << line;
  EXPECT_EQ(std::memchr(error, '\n', error_size), nullptr) << "one sentence";
}
#define MISUSE(call) expect_misuse(call, __LINE__)
