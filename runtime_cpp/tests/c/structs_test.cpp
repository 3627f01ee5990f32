// Programs and libraries of different versions: structs are as long as they say.
#include "c/structs.h"

#include <gtest/gtest.h>

namespace {

struct Older {
  std::size_t struct_size;
  std::uint64_t seed;
};
struct Newer {
  lmdm_generator_options known;
  int extra;
};

const auto& as_options(const auto& other) {
  return reinterpret_cast<const lmdm_generator_options&>(other);
}

TEST(Structs, NoneMeansDefaults) {
  const auto options = lmdm::c::parameters<lmdm_generator_options>(nullptr);
  EXPECT_EQ(options.seed, 0u);
  EXPECT_EQ(options.solver, nullptr);
}

TEST(Structs, AnOlderProgramSetsWhatItKnows) {
  const Older older{sizeof(Older), 9};
  const auto options = lmdm::c::parameters(&as_options(older));
  EXPECT_EQ(options.seed, 9u);
  EXPECT_EQ(options.steps, 0);
}

TEST(Structs, ANewerProgramMaySetOnlyWhatTheLibraryKnows) {
  Newer newer{};
  newer.known.struct_size = sizeof newer;
  newer.known.steps = 4;
  EXPECT_EQ(lmdm::c::parameters(&as_options(newer)).steps, 4);
  newer.extra = 1;
  EXPECT_THROW((void)lmdm::c::parameters(&as_options(newer)), lmdm::c::Misuse);
}

TEST(Structs, ASizeThatCannotBeIsRefused) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, sizeof(std::size_t) - 1, lmdm::c::largest_struct + 1, SIZE_MAX}) {
    lmdm_generator_options options{};
    options.struct_size = size;
    EXPECT_THROW((void)lmdm::c::parameters(&options), lmdm::c::Misuse) << size;
    lmdm_timings timings{};
    timings.struct_size = size;
    EXPECT_THROW(lmdm::c::give(&timings, lmdm_timings{}, "timings"), lmdm::c::Misuse) << size;
  }
}

TEST(Structs, NothingIsWrittenBehindAnOlderProgramsStruct) {
  lmdm_timings timings{};
  timings.struct_size = offsetof(lmdm_timings, context);
  timings.context = -1;
  lmdm::c::give(&timings, lmdm_timings{0, 1, 2, 3, 4, 5}, "timings");
  EXPECT_EQ(timings.struct_size, offsetof(lmdm_timings, context)) << "the caller's size stays";
  EXPECT_EQ(timings.prompt, 2);
  EXPECT_EQ(timings.context, -1);
}

TEST(Structs, AnEnumerationHasAnEnd) {
  EXPECT_EQ(lmdm::c::choice<int>(2, 3, "provider"), 2);
  EXPECT_THROW((void)lmdm::c::choice<int>(3, 3, "provider"), lmdm::c::Misuse);
  EXPECT_THROW((void)lmdm::c::choice<int>(-1, 3, "provider"), lmdm::c::Misuse);
}

}  // namespace
