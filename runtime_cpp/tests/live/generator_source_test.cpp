#include "live/generator_source.h"

#include <gtest/gtest.h>

#include "../engine/function_bundle.h"
#include "host.h"
#include "lmdm/error.h"

// What a generator inside a host hears and is told, on graphs that are functions.
namespace lmdm::live::test {
namespace {

using Samples = std::vector<float>;

constexpr std::size_t blocks = 6;

class OfGenerator : public ::testing::TestWithParam<int> {
 protected:
  /// Accompaniment is seen so many frames past the context; the codec looks one frame ahead.
  void SetUp() override { fake::write_bundle(folder_.path(), Pattern::encoder_decoder, true, GetParam()); }

  [[nodiscard]] Generator generator() const {
    auto backend = std::make_shared<fake::FunctionBackend>();
    backend->graphs = fake::graphs(Pattern::encoder_decoder);
    Generator made(Bundle::load(folder_.path()), backend, {.seed = 3});
    made.set_embedding("a", Samples{0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F});
    made.set_prompt("a");
    made.choose_sketch(std::vector<std::string>{"pitch"});
    return made;
  }

 private:
  lmdm::testing::TemporaryFolder folder_;
};

Samples part(const Samples& of, std::size_t first, std::size_t count) {
  return {of.begin() + static_cast<std::ptrdiff_t>(first), of.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

/// Blocks of a source whose inputs are these, one after the other; `before` sees it before each block.
std::vector<Samples> played(
    GeneratorSource& source, const std::vector<Samples>& inputs, const std::function<void(std::size_t)>& before = [](std::size_t) {}) {
  const SourceFormat format = source.format();
  std::vector<Samples> made;
  for (std::size_t k = 0; k < blocks; ++k) {
    before(k);
    Samples input, audio(format.block);
    for (const Samples& each : inputs) {
      const Samples heard = part(each, k * format.block, format.block + format.lookahead);
      input.insert(input.end(), heard.begin(), heard.end());
    }
    source.next(input, audio);
    made.push_back(audio);
  }
  return made;
}

TEST_P(OfGenerator, each_input_reaches_what_it_is_for_at_its_own_time) {
  const Samples sketch = noise(200, 1), accompaniment = noise(200, 2);
  GeneratorSource both(generator(), InputRole::both), swapped(generator(), InputRole::both);
  const SourceFormat format = both.format();
  EXPECT_EQ(format.inputs, 2);
  EXPECT_EQ(format.lookahead, GetParam() == 2 ? 4U : 0U);
  Generator reference = generator();
  std::vector<Samples> expected;
  reference.feed_sketch(sketch);
  reference.feed_accompaniment(accompaniment);
  for (std::size_t k = 0; k < blocks; ++k) {
    expected.emplace_back(format.block);
    reference.next_block(expected.back());
  }
  EXPECT_EQ(played(both, {sketch, accompaniment}), expected);
  EXPECT_NE(played(swapped, {accompaniment, sketch}), expected);
}

TEST_P(OfGenerator, a_sketch_is_heard_as_it_is_alone_whatever_the_side_is) {
  const Samples sketch = noise(200, 1);
  GeneratorSource both(generator(), InputRole::both), alone(generator(), InputRole::sketch);
  played(both, {sketch, noise(200, 2)});
  played(alone, {sketch});
  EXPECT_EQ(both.followed().frames, 2U);
  ASSERT_EQ(both.followed().controls.at("pitch").size(), 8U);
  EXPECT_EQ(both.followed().controls.at("pitch"), alone.followed().controls.at("pitch"));
  // What is seen ends before the block where it is not seen ahead.
  EXPECT_EQ(both.followed().controls.at("mix") != alone.followed().controls.at("mix"), GetParam() > 0);
}

TEST_P(OfGenerator, a_freeze_holds_the_noise_and_leaves_it_as_it_was_tuned) {
  const auto noises = [this](std::vector<Tuning> tunings, std::vector<bool> frozen) {
    GeneratorSource source(generator(), InputRole::none);
    source.apply(TuningRequest{{.feedback = 0}});
    return played(source, {}, [&](std::size_t k) {
      if (k < tunings.size()) source.apply(TuningRequest{tunings[k]});
      if (k < frozen.size()) source.freeze(frozen[k]);
    });
  };
  const auto plain = noises({}, {}), frozen = noises({}, {false, true, true, false});
  const auto held = noises({{}, {.hold_noise = true}, {}, {}}, {false, true, true, false});
  // What the sketch and the codec remember tells blocks apart too, so that only those of one way are compared.
  const auto tuned = noises({{}, {.hold_noise = true}, {}, {.hold_noise = false}}, {});
  EXPECT_EQ(frozen, tuned);
  EXPECT_NE(frozen[1], plain[1]);
  EXPECT_EQ(held[2], frozen[2]);
  EXPECT_NE(held[3], frozen[3]) << "held by the tuning still";
  EXPECT_EQ(held, noises({{}, {.hold_noise = true}}, {}));
}

TEST_P(OfGenerator, one_refused_value_takes_no_other_with_it) {
  GeneratorSource source(generator(), InputRole::none), expected(generator(), InputRole::none), plain(generator(), InputRole::none);
  EXPECT_THROW(source.apply(TuningRequest{{.seed = 8, .steps = -1, .feedback = 0.25, .hold_noise = true}}), Error);
  expected.apply(TuningRequest{{.seed = 8, .feedback = 0.25, .hold_noise = true}});
  const auto made = played(source, {});
  EXPECT_EQ(made, played(expected, {}));
  EXPECT_NE(made, played(plain, {}));
}

TEST_P(OfGenerator, strengths_arrive) {
  const Samples sketch = noise(200, 1);
  GeneratorSource source(generator(), InputRole::sketch), plain(generator(), InputRole::sketch);
  source.apply(StrengthRequest{"pitch", 0.5});
  played(source, {sketch});
  played(plain, {sketch});
  const Samples half = source.followed().controls.at("pitch"), whole = plain.followed().controls.at("pitch");
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(half[i], 0.5F * whole[i]);
  EXPECT_NE(half, whole);
  EXPECT_THROW(source.apply(StrengthRequest{"mix", 0.5}), Error);
}

INSTANTIATE_TEST_SUITE_P(Ahead, OfGenerator, ::testing::Values(0, 2), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace lmdm::live::test
