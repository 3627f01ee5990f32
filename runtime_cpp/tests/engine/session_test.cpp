#include "engine/session.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "counted_memory.h"
#include "function_bundle.h"
#include "lmdm/error.h"

/// Blocks that are cancelled or fail, on graphs that are functions: what comes after them must be what would have come anyway.
namespace lmdm {
namespace {

using fake::graphs;
using fake::Values;
using fake::write_bundle;

constexpr int blocks = 7, change = 3;

/// A session on functions whose run number `stop` throws.
class Piece {
 public:
  Piece(const std::filesystem::path& folder, Pattern pattern, std::optional<int> stop, ErrorKind kind) {
    auto backend = std::make_shared<fake::FunctionBackend>();
    for (auto& [name, function] : graphs(pattern))
      backend->graphs[name] = [this, stop, kind, run = function, decodes = name == "cached_decoder"](const Values& at) {
        if (runs++ == stop) throw Error(kind, "stopped");
        run(at);
        if (spoiled && decodes) at("velocity")[0] = std::numeric_limits<float>::quiet_NaN();
      };
    const Bundle bundle = Bundle::load(folder);
    GeneratorOptions options;
    options.seed = 5;
    session.emplace(bundle, bundle.manifest(), backend, options);
    session->set_embedding("a", std::vector{0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F});
    session->set_embedding("b", std::vector{-0.4F, 0.9F, 0.1F, 0.0F, 0.2F, 0.7F});
    session->controls().sketch().choose(std::vector<std::string>{"pitch"}, 1);
    session->controls().sketch().feed(numbers(blocks * 8, 0.01F));
    session->controls().accompaniment().feed(numbers(blocks * 8 + 40, 0.02F));
  }

  /// Latents and audio of all blocks; a block that fails is begun again.
  std::vector<float> play() {
    std::vector<float> made, audio(session->block_samples());
    for (int block = 0; block < blocks;) {
      session->set_prompts(std::vector<WeightedPrompt>{{block < change ? "a" : "b", 1}});
      try {
        session->next(audio);
      } catch (const Error& error) {
        EXPECT_EQ(session->block_index(), block);
        refusals.emplace_back(error.what());
        spoiled = false;
        continue;
      }
      made.insert(made.end(), session->latent_block().begin(), session->latent_block().end());
      made.insert(made.end(), audio.begin(), audio.end());
      ++block;
    }
    return made;
  }

  int runs = 0;
  bool spoiled = false;
  std::vector<std::string> refusals;
  std::optional<Session> session;

 private:
  static std::vector<float> numbers(int count, float step) {
    std::vector<float> made(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = std::cos(step * static_cast<float>(i));
    return made;
  }
};

class Stopped : public ::testing::TestWithParam<Pattern> {
 protected:
  void SetUp() override { write_bundle(folder_.path(), GetParam()); }
  [[nodiscard]] Piece piece(std::optional<int> stop = {}, ErrorKind kind = ErrorKind::cancelled) {
    return {folder_.path(), GetParam(), stop, kind};
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_P(Stopped, ABlockThatWasCancelledIsTheSameWhenItIsBegunAgain) {
  Piece whole = piece();
  const auto expected = whole.play();
  ASSERT_GT(whole.runs, 5 * blocks);
  for (int stop = 0; stop < whole.runs; ++stop) {
    Piece stopped = piece(stop);
    EXPECT_EQ(stopped.play(), expected) << "cancelled in run " << stop;
    EXPECT_EQ(stopped.refusals.size(), 1U);
  }
}

TEST_P(Stopped, ABlockThatFailedIsBegunAgainFromTheCleanContext) {
  Piece whole = piece();
  const auto expected = whole.play();
  int different = 0;
  for (int stop = 0; stop < whole.runs; ++stop) {
    Piece failed = piece(stop, ErrorKind::runtime);
    different += failed.play() != expected ? 1 : 0;
    EXPECT_EQ(failed.refusals.size(), 1U);
  }
  // A cache that is encoded anew has forgotten what was before the context: were a cancelled block begun so, the test above would see it.
  EXPECT_EQ(different > 0, GetParam() == Pattern::block_causal);
}

TEST_P(Stopped, ABlockThatIsNotFiniteIsRefused) {
  Piece whole = piece(), spoiled = piece();
  const auto expected = whole.play();
  spoiled.spoiled = true;
  EXPECT_EQ(spoiled.play(), expected);
  ASSERT_EQ(spoiled.refusals.size(), 1U);
  EXPECT_EQ(spoiled.refusals[0], "block 0 holds values that are not finite; reset the session, and run lmdm validate on the bundle");
}

TEST_P(Stopped, AResetBeginsThePieceAgain) {
  Piece reset = piece(), fresh = piece();
  reset.play();
  reset.session->reset();
  fresh.session->reset();
  for (Piece* each : {&reset, &fresh}) each->session->controls().accompaniment().feed(std::vector<float>(200, 0.1F));
  EXPECT_EQ(reset.session->block_index(), 0U);
  EXPECT_TRUE(reset.session->latent_block().empty());
  EXPECT_EQ(reset.play(), fresh.play());
}

TEST_P(Stopped, ASteadyStreamReusesItsMemory) {
  testing::TemporaryFolder folder;
  write_bundle(folder.path(), GetParam(), false);
  auto backend = std::make_shared<fake::FunctionBackend>();
  backend->graphs = graphs(GetParam(), false);
  const Bundle bundle = Bundle::load(folder.path());
  Session session(bundle, bundle.manifest(), backend, {});
  session.set_embedding("a", std::vector<float>(6, 0.1F));
  session.set_prompts(std::vector<WeightedPrompt>{{"a", 1}});
  std::vector<float> audio(session.block_samples());
  for (int block = 0; block < blocks; ++block) {
    const CountedMemory counted;
    session.next(audio);
    EXPECT_EQ(counted.allocations() > 0, block == 0) << "block " << block;
  }
}

INSTANTIATE_TEST_SUITE_P(Patterns, Stopped, ::testing::Values(Pattern::encoder_decoder, Pattern::block_causal), [](const auto& each) {
  return std::string(each.param == Pattern::block_causal ? "block_causal" : "encoder_decoder");
});

}  // namespace
}  // namespace lmdm
