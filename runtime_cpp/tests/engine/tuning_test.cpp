#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>

#include "function_bundle.h"
#include "lmdm/error.h"
#include "lmdm/generator.h"

/// What may change between two blocks, on graphs that are functions. That Python does the same is for tests/runtime_cpp/test_parity.py.
namespace lmdm {
namespace {

using Samples = std::vector<float>;

constexpr int blocks = 8;

class Tuned : public ::testing::TestWithParam<Pattern> {
 protected:
  void SetUp() override { fake::write_bundle(folder_.path(), GetParam()); }

  [[nodiscard]] Generator generator(const GeneratorOptions& options = {}) const {
    auto backend = std::make_shared<fake::FunctionBackend>();
    backend->graphs = fake::graphs(GetParam());
    Generator made(Bundle::load(folder_.path()), backend, options);
    made.set_embedding("a", Samples{0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F});
    made.set_embedding("b", Samples{-0.4F, 0.9F, 0.1F, 0.0F, 0.2F, 0.7F});
    made.set_prompt("a");
    return made;
  }
  /// Latents of each block, before which `steer` saw the generator.
  static std::vector<Samples> play(Generator made, const std::function<void(Generator&, int)>& steer) {
    std::vector<Samples> played;
    Samples latents(4);
    for (int block = 0; block < blocks; ++block) {
      steer(made, block);
      made.next_latents(latents);
      played.push_back(latents);
    }
    return played;
  }
  /// One tuning from the beginning on.
  [[nodiscard]] std::vector<Samples> play(const Tuning& tuning) const {
    return play(generator(), [&](Generator& made, int block) {
      if (block == 0) made.tune(tuning);
    });
  }

 private:
  testing::TemporaryFolder folder_;
};

/// The functions of the block-causal cache remember for ever, so that no two blocks of theirs begin alike.
class TunedWindow : public Tuned {};

TEST_P(Tuned, ATuningFromTheBeginningIsTheOptionOfThatName) {
  const auto nothing = [](Generator&, int) {};
  EXPECT_EQ(play({.seed = 9}), play(generator({.seed = 9}), nothing));
  EXPECT_EQ(play({.steps = 3}), play(generator({.steps = 3}), nothing));
  EXPECT_EQ(play({.guidance_scale = 2.5}), play(generator({.guidance_scale = 2.5}), nothing));
  EXPECT_EQ(play({.steps = 0}), play(Tuning{}));
  for (const Tuning& other : {Tuning{.seed = 9}, Tuning{.steps = 3}, Tuning{.guidance_scale = 2.5}}) EXPECT_NE(play(other), play(Tuning{}));
}

TEST_P(Tuned, NothingChangesBeforeTheNextBlock) {
  const auto plain = play(Tuning{});
  const auto tuned = play(generator(), [](Generator& made, int block) {
    if (block == 4) made.tune({.seed = 9, .steps = 3, .guidance_scale = 2.5, .feedback = 0.5});
  });
  for (int block = 0; block < 4; ++block) EXPECT_EQ(tuned[block], plain[block]) << block;
  EXPECT_NE(tuned[4], plain[4]);
}

TEST_P(TunedWindow, HeldNoiseIsThatOfTheNewestBlockUntilItIsLetGo) {
  // Without feedback only the noise tells one block from another.
  const auto plain = play({.feedback = 0});
  const auto held =
      play(generator(), [](Generator& made, int block) { made.tune({.feedback = 0, .hold_noise = block >= 3 && block < 6}); });
  const int sources[] = {0, 1, 2, 2, 2, 2, 6, 7};
  for (int block = 0; block < blocks; ++block) EXPECT_EQ(held[block], plain[sources[block]]) << block;
  EXPECT_NE(plain[2], plain[3]);
  EXPECT_EQ(play({.hold_noise = true})[0], play(Tuning{})[0]) << "before the first block it is that of block 0";
}

TEST_P(TunedWindow, WithoutFeedbackTheContextStaysNull) {
  const auto alone = play({.feedback = 0, .hold_noise = true});
  EXPECT_EQ(alone[blocks - 1], alone[blocks - 2]);
  EXPECT_NE(play({.hold_noise = true})[blocks - 1], play({.hold_noise = true})[blocks - 2]);
  const auto half = play({.feedback = 0.5});
  EXPECT_EQ(half[0], play(Tuning{})[0]);
  EXPECT_NE(half[1], play(Tuning{})[1]);
  EXPECT_NE(half[1], play({.feedback = 0})[1]);
}

TEST_P(Tuned, AChangeOfPromptForgetsAsMuchAsItIsTold) {
  const auto drop = [&](std::optional<int> frames) {
    return play(generator(), [&](Generator& made, int block) {
      if (frames) made.tune({.context_drop = *frames});
      if (block == 4) made.set_prompt("b");
    });
  };
  EXPECT_EQ(drop(1), drop({})) << "the bundle's own";
  for (const int frames : {0, 3, 4}) EXPECT_NE(drop(frames)[4], drop({})[4]) << frames;
}

TEST_P(Tuned, StrengthScalesWhatIsFollowed) {
  const auto followed = [&](std::optional<double> strength, Samples* values) {
    return play(generator(), [&](Generator& made, int block) {
      if (block == 0) {
        made.choose_sketch(std::vector<std::string>{"pitch"});
        if (strength) made.set_strength("pitch", *strength);
        made.feed_sketch(Samples(blocks * 8, 0.3F));
        EXPECT_TRUE(made.control("pitch").empty());
      } else {
        const auto newest = made.control("pitch");
        values->assign(newest.begin(), newest.end());
      }
    });
  };
  Samples whole, half, none, plain;
  EXPECT_EQ(followed(1, &whole), followed({}, &plain));
  EXPECT_EQ(whole, plain);
  EXPECT_NE(followed(0.5, &half), followed(1, &whole));
  (void)followed(0, &none);
  ASSERT_EQ(whole.size(), 8U);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(half[i], 0.5F * whole[i]);
    EXPECT_EQ(none[i], 0);
    EXPECT_NE(whole[i], 0);
  }
}

TEST_P(Tuned, StrengthScalesTheSketchOfWhatIsPrimed) {
  const auto primed = [&](const std::vector<std::string>& kinds, double strength) {
    Generator made = generator();
    made.choose_sketch(kinds);
    made.set_strength("pitch", strength);
    (void)made.prime(Samples(32, 0.3F));
    made.choose_sketch(std::vector<std::string>{"pitch"});
    made.set_strength("pitch", 1);
    Samples latents(4);
    made.next_latents(latents);
    return latents;
  };
  EXPECT_EQ(primed({"pitch"}, 0), primed({}, 1));
  EXPECT_NE(primed({"pitch"}, 1), primed({}, 1));
  EXPECT_NE(primed({"pitch"}, 0.5), primed({"pitch"}, 1));
  EXPECT_NE(primed({"pitch"}, 0.5), primed({"pitch"}, 0));
}

TEST_P(Tuned, WhatWasTunedOutlivesAReset) {
  Generator made = generator();
  made.tune({.seed = 3, .steps = 3, .feedback = 0.25, .hold_noise = true});
  Samples first(4), again(4);
  for (int block = 0; block < 3; ++block) made.next_latents(first);
  made.reset();
  EXPECT_TRUE(made.control("pitch").empty());
  for (int block = 0; block < 3; ++block) made.next_latents(again);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, play(Tuning{})[2]);
}

TEST_P(Tuned, WhatIsRefusedChangesNothing) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const Tuning wrong[] = {{.steps = -1},       {.steps = 1001},    {.guidance_scale = nan}, {.context_drop = -1},
                          {.context_drop = 5}, {.feedback = -0.1}, {.feedback = 1.5},       {.feedback = nan}};
  for (Tuning tuning : wrong) {
    tuning.seed = 9;
    tuning.hold_noise = true;
    Generator made = generator();
    EXPECT_THROW(made.tune(tuning), Error);
    EXPECT_EQ(play(std::move(made), [](Generator&, int) {}), play(Tuning{}));
  }
  Generator made = generator();
  for (const double strength : {-0.1, 1.5, nan}) EXPECT_THROW(made.set_strength("pitch", strength), Error);
  EXPECT_THROW(made.set_strength("mix", 0.5), Error);
  EXPECT_THROW((void)made.control("nothing"), Error);
}

INSTANTIATE_TEST_SUITE_P(Patterns, Tuned, ::testing::Values(Pattern::encoder_decoder, Pattern::block_causal), [](const auto& each) {
  return std::string(each.param == Pattern::block_causal ? "block_causal" : "encoder_decoder");
});

INSTANTIATE_TEST_SUITE_P(Patterns, TunedWindow, ::testing::Values(Pattern::encoder_decoder));

}  // namespace
}  // namespace lmdm
