#include "instrument/live_music.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "../../tests/engine/function_bundle.h"

// What reaches the generator of what a plugin hears, on graphs that are functions.
namespace lmdm::plugin::test {
namespace {

using Samples = std::vector<float>;

constexpr int rate = 8000;
constexpr std::uint64_t seed = 3;
constexpr std::size_t blocks = 40;
/// Frames past the context of which the accompaniment is seen.
constexpr int ahead = 2;

Samples noise(std::size_t count, unsigned key) {
  std::mt19937 engine(key);
  std::uniform_real_distribution<float> uniform(-0.5F, 0.5F);
  Samples samples(count);
  std::ranges::generate(samples, [&] { return uniform(engine); });
  return samples;
}

class Inputs : public ::testing::Test {
 protected:
  /// The bundle of functions at a rate that a host can have.
  void SetUp() override {
    fake::write_bundle(folder_.path(), Pattern::encoder_decoder, true, ahead);
    const std::filesystem::path file = folder_.path() / "manifest.json";
    auto manifest = nlohmann::json::parse(std::ifstream(file));
    manifest["codec"]["sample_rate"] = rate;
    std::ofstream(file) << manifest.dump();
  }

  [[nodiscard]] Generator generator() const {
    auto backend = std::make_shared<fake::FunctionBackend>();
    backend->graphs = fake::graphs(Pattern::encoder_decoder);
    Generator made(Bundle::load(folder_.path()), backend, {.seed = seed});
    made.set_embedding("a", Samples{0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F});
    made.set_prompt("a");
    return made;
  }

  /// The music that answers `input` from its first sample on.
  [[nodiscard]] Samples played(InputRole role, bool hears_side, const Samples& input, const Samples& side) const {
    Wishes wishes;
    wishes.prompt_a = wishes.prompt_b = "a";
    wishes.seed = seed;
    LiveMusic music(generator(), {.input = role, .offline = true}, hears_side, wishes, {rate, 1, 512});
    Samples output(input.size());
    for (std::size_t done = 0; done < input.size();) {
      const std::size_t frames = std::min<std::size_t>(100, input.size() - done);
      const float *const from = input.data() + done, *const beside = side.data() + done;
      float* const to = output.data() + done;
      music.process(&from, &beside, &to, 1, static_cast<int>(frames));
      done += frames;
    }
    output.erase(output.begin(), output.begin() + music.latency());
    return output;
  }

  [[nodiscard]] Samples expected(const Samples* sketch, const Samples* accompaniment) const {
    Generator reference = generator();
    if (sketch != nullptr) {
      reference.choose_sketch(std::vector<std::string>{"pitch"});
      reference.feed_sketch(*sketch);
    }
    if (accompaniment != nullptr) reference.feed_accompaniment(*accompaniment);
    Samples made(blocks * reference.block_samples()), block(reference.block_samples());
    for (std::size_t k = 0; k < blocks; ++k) {
      reference.next_block(block);
      std::ranges::copy(block, made.begin() + static_cast<std::ptrdiff_t>(k * block.size()));
    }
    // Its codec looks ahead.
    made.erase(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(reference.delay_samples()));
    return made;
  }

  static bool same(const Samples& played, const Samples& expected) {
    return played.size() >= expected.size() && std::equal(expected.begin(), expected.end(), played.begin());
  }

 private:
  lmdm::testing::TemporaryFolder folder_;
};

TEST_F(Inputs, sketch_comes_from_the_track_and_accompaniment_from_the_side_chain) {
  const Samples track = noise(2000, 1), side = noise(2000, 2), wanted = expected(&track, &side);
  EXPECT_TRUE(same(played(InputRole::both, false, track, side), wanted));
  EXPECT_FALSE(same(played(InputRole::both, false, side, track), wanted));
  EXPECT_FALSE(same(played(InputRole::both, false, track, noise(2000, 3)), wanted));
}

TEST_F(Inputs, accompaniment_comes_from_the_side_chain_where_there_is_one_and_else_from_the_track) {
  const Samples track = noise(2000, 1), side = noise(2000, 2), wanted = expected(nullptr, &side);
  EXPECT_TRUE(same(played(InputRole::accompaniment, true, track, side), wanted));
  EXPECT_TRUE(same(played(InputRole::accompaniment, false, side, track), wanted));
  EXPECT_FALSE(same(played(InputRole::accompaniment, false, track, side), wanted));
}

TEST_F(Inputs, side_chain_is_nothing_to_a_sketch) {
  const Samples track = noise(2000, 1), wanted = expected(&track, nullptr);
  EXPECT_TRUE(same(played(InputRole::sketch, false, track, noise(2000, 2)), wanted));
  EXPECT_FALSE(same(played(InputRole::sketch, false, noise(2000, 2), track), wanted));
}

}  // namespace
}  // namespace lmdm::plugin::test
