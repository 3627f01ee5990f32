// What reaches a block and what the context remembers, over a sketch and a codec that are functions.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "engine/controls.h"
#include "streams_fake.h"

namespace lmdm {
namespace {

using namespace fake;
constexpr std::size_t samples = block * frame;

ControlEntry entry(const std::string& kind, ControlSource source, std::vector<Group> groups) {
  ControlEntry made;
  made.kind = kind;
  made.source = source;
  made.groups = std::move(groups);
  return made;
}

/// Frame i of every sketched group is the sum of both channels at its first sample, plus what the last block ended with and a tenth of
/// the median. An encoded frame is the first sample of each channel.
Manifest combined(FunctionBackend& backend, int cutoff) {
  Manifest made = manifest();
  made.controls = {entry("pitch", ControlSource::sketch, {{"pitch", 2}}), entry("loudness", ControlSource::sketch, {{"loudness", 1}}),
                   entry("tempo", ControlSource::caller, {{"tempo", 2}}),
                   entry("accompaniment", ControlSource::accompaniment, {{"mask", 1}, {"input", rows}})};
  made.controls[3].cutoff = cutoff;
  made.sketch = SketchEntry{{1, 3}, 1, "sketch.npz"};
  add_graph(made, "sketch", {port("audio", {1, channels, block * frame}), port("smoothing", {2}), port("state_last", {1})},
            {port("pitch", {1, 2, block}), port("loudness", {1, 1, block}), port("state_last_out", {1})});
  add_graph(made, "codec_encoder", {port("audio", {1, channels, block * frame})}, {port("frames", {1, rows, block})});
  backend.graphs["sketch"] = [](const Values& of) {
    const auto audio = of("audio");
    for (std::size_t i = 0; i < block; ++i) {
      const float heard = audio[i * frame] + audio[samples + i * frame];
      const float value = heard + of("state_last")[0] + 0.1F * of("smoothing")[0] + 0.3F * of("smoothing")[1];
      of("loudness")[i] = of("pitch")[i] = value;
      of("pitch")[block + i] = -value;
    }
    of("state_last_out")[0] = audio[samples - 1];
  };
  backend.graphs["codec_encoder"] = [](const Values& of) {
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < block; ++i) of("frames")[row * block + i] = of("audio")[row * samples + i * frame];
    }
  };
  return made;
}

const States first{{"state_last", array({1}, {0.5F})}};

std::vector<float> sketched(const std::vector<float>& audio, int median) {
  const std::size_t length = audio.size() / channels;
  std::vector<float> made;
  for (std::size_t i = 0; i < length / frame; ++i) {
    const std::size_t begun = i / block * samples;
    const float before = begun == 0 ? 0.5F : audio[begun - 1];
    made.push_back(audio[i * frame] + audio[length + i * frame] + before + (median == 1 ? 0.1F : 0.3F));
  }
  return made;
}

std::vector<float> next(Controls& controls, const std::string& name) {
  controls.prepare();
  std::vector<float> values = controls.block().at(name);
  controls.advance();
  return values;
}

TEST(StreamsControls, ALaneHoldsItsLastFrameAndSlidesIntoTheHistory) {
  ControlLane lane(2, 4, 3);
  EXPECT_EQ(lane.next_block(), std::vector<float>(6));
  lane.set("tempo", std::vector<float>{1, 2, 3, 4, 11, 12, 13, 14}, 4);
  lane.advance();
  EXPECT_EQ(lane.history(), (std::vector<float>{0, 1, 2, 3, 0, 11, 12, 13}));
  EXPECT_EQ(lane.next_block(), (std::vector<float>{4, 4, 4, 14, 14, 14}));
  lane.advance();
  lane.advance();
  EXPECT_EQ(lane.history(), (std::vector<float>{4, 4, 4, 4, 14, 14, 14, 14}));
  lane.forget();
  EXPECT_EQ(lane.history(), std::vector<float>(8));
  EXPECT_EQ(lane.next_block(), (std::vector<float>{4, 4, 4, 14, 14, 14}));
}

TEST(StreamsControls, TheSketchIsTheSameWhateverThePieces) {
  const std::vector<float> audio = numbered(channels, 5 * samples);
  for (const int median : {1, 3}) {
    for (const std::size_t piece : {1U, 5U, 12U, 60U}) {
      FunctionBackend backend;
      const Manifest manifest = combined(backend, context);
      SketchStream sketch(manifest, backend, first);
      sketch.choose(std::vector<std::string>{"loudness"}, median);
      for (std::size_t begun = 0; begun < 5 * samples; begun += piece) {
        sketch.feed(columns(audio, channels, begun, std::min(piece, 5 * samples - begun)));
      }
      std::vector<std::vector<float>> parts;
      for (int i = 0; i < 5; ++i) {
        const ControlValues values = sketch.block();
        EXPECT_EQ(values.at("pitch"), std::vector<float>(2 * block));  // not chosen: zero, presence and all
        EXPECT_EQ(sketch.block(), values);                             // the same until the block has been made
        parts.push_back(values.at("loudness"));
        sketch.advance();
      }
      EXPECT_EQ(joined(parts, 1), sketched(audio, median));
      EXPECT_NE(joined(parts, 1), sketched(audio, 4 - median));
    }
  }
}

TEST(StreamsControls, ASketchThatIsLetGoIsZeroAndStaysInTheHistory) {
  FunctionBackend backend;
  const Manifest manifest = combined(backend, context);
  Controls controls(manifest, backend, first, {});
  const std::vector<float> audio = numbered(channels, 2 * samples), values = sketched(audio, 1);
  controls.sketch().choose(std::vector<std::string>{"loudness"}, {});
  controls.sketch().feed(audio);
  EXPECT_EQ(next(controls, "loudness"), columns(values, 1, 0, block));
  controls.sketch().choose({}, {});
  EXPECT_EQ(next(controls, "loudness"), std::vector<float>(block));
  EXPECT_EQ(controls.history().at("loudness"), (std::vector<float>{values[2], 0, 0, 0}));
  const int runs = backend.runs;
  controls.set("loudness", std::vector<float>{7}, 1);
  EXPECT_EQ(next(controls, "loudness"), std::vector<float>(block, 7.0F));
  EXPECT_EQ(backend.runs, runs);  // nothing follows the sketch, so that it does not run
}

TEST(StreamsControls, WhatNothingFollowsIsPassedOver) {
  FunctionBackend backend;
  const Manifest manifest = combined(backend, context);
  Controls controls(manifest, backend, first, {});
  const std::vector<float> audio = numbered(channels, 4 * samples), values = sketched(audio, 1);
  controls.set("loudness", std::vector<float>{7}, 1);
  controls.sketch().feed(columns(audio, channels, 0, 3 * samples));
  backend.fails = true;
  EXPECT_EQ(refusal(ErrorKind::cancelled, [&] { controls.prepare(); }), "cancelled");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(controls.sketch().waiting());
    EXPECT_EQ(next(controls, "loudness"), std::vector<float>(block, 7.0F));
  }
  EXPECT_FALSE(controls.sketch().waiting());
  controls.sketch().feed(columns(audio, channels, 3 * samples, samples));
  controls.sketch().choose(std::vector<std::string>{"loudness"}, {});
  EXPECT_EQ(next(controls, "loudness"), columns(values, 1, 3 * block, block));
}

TEST(StreamsControls, PrimingIsSketchedAndTheStreamGoesOn) {
  FunctionBackend backend;
  const Manifest manifest = combined(backend, context);
  Controls controls(manifest, backend, first, {});
  const std::vector<float> primer = numbered(channels, 5 * frame), audio = numbered(channels, 2 * samples);
  controls.prime(primer);
  EXPECT_EQ(controls.history().at("loudness"), std::vector<float>(context));  // nothing was chosen
  controls.sketch().choose(std::vector<std::string>{"loudness"}, 3);
  controls.sketch().feed(audio);
  EXPECT_EQ(next(controls, "loudness"), columns(sketched(audio, 3), 1, 0, block));
  controls.prime(primer);
  EXPECT_EQ(controls.history().at("loudness"), columns(sketched(primer, 3), 1, 1, context));
  EXPECT_EQ(controls.history().at("pitch"), std::vector<float>(2 * context));
  backend.fails = true;
  EXPECT_EQ(refusal(ErrorKind::cancelled, [&] { controls.prime(primer); }), "cancelled");
  EXPECT_EQ(next(controls, "loudness"), columns(sketched(audio, 3), 1, block, block));
  controls.prime(columns(primer, channels, 0, 2 * frame));
  const std::vector<float> two = sketched(columns(primer, channels, 0, 2 * frame), 3);
  EXPECT_EQ(controls.history().at("loudness"), (std::vector<float>{0, 0, two[0], two[1]}));
}

TEST(StreamsControls, TheAccompanimentIsSeenUpToTheCutoff) {
  const std::vector<float> audio = numbered(channels, 6 * samples);
  for (int cutoff = 1; cutoff <= context + block; ++cutoff) {
    FunctionBackend backend;
    const Manifest manifest = combined(backend, cutoff);
    Controls controls(manifest, backend, first, {});
    controls.accompaniment().feed(audio);
    for (int i = 0; i < 5; ++i) {
      controls.prepare();
      const std::vector<float> seen = joined({controls.history().at("input"), controls.block().at("input")}, rows);
      const std::vector<float> mask = joined({controls.history().at("mask"), controls.block().at("mask")}, 1);
      for (int at = 0; at < context + block; ++at) {
        const int of = i * block - context + at;
        const float value = at < cutoff && of >= 0 ? audio[static_cast<std::size_t>(of * frame)] : 0;
        EXPECT_EQ(seen[static_cast<std::size_t>(at)], value) << cutoff << " " << i << " " << at;
        EXPECT_EQ(mask[static_cast<std::size_t>(at)], at < cutoff ? 1 : 0);
      }
      controls.advance();
    }
  }
}

TEST(StreamsControls, WhatTheAccompanimentHasLeftIsDropped) {
  FunctionBackend backend;
  const Manifest manifest = combined(backend, context + block);
  AccompanimentStream other(manifest, backend, manifest.controls[3], {});
  const std::vector<float> audio = numbered(channels, samples);
  for (int i = 0; i < 2000; ++i) {
    other.feed(audio);
    EXPECT_EQ(other.window().at("input").size(), static_cast<std::size_t>(rows * (context + block)));
    other.advance();
    ASSERT_LE(other.kept(), static_cast<std::size_t>(context + block));
  }
  EXPECT_EQ(other.known(), 2000 * block);
}

TEST(StreamsControls, FramesThatAreMissingAreAskedFor) {
  FunctionBackend backend;
  const Manifest manifest = combined(backend, context + 2);
  Controls controls(manifest, backend, first, {});
  controls.prepare();  // off: nothing is needed
  EXPECT_EQ(controls.block().at("mask"), std::vector<float>(block));
  controls.accompaniment().feed(numbered(channels, samples));
  controls.prepare();
  controls.advance();
  EXPECT_EQ(refusal(ErrorKind::session, [&] { controls.prepare(); }),
            "block 1 needs 5 frames of accompaniment (2.50 s), 3 are known; it is seen until 2 frames into the block, "
            "so feed more of it before the block, or switch it off");
  controls.accompaniment().feed(numbered(channels, samples));
  backend.fails = true;
  EXPECT_EQ(refusal(ErrorKind::cancelled, [&] { controls.prepare(); }), "cancelled");
  controls.prepare();
  EXPECT_EQ(controls.block().at("input")[0], 1.0F);
}

TEST(StreamsControls, RequestsThatCannotBeServed) {
  FunctionBackend backend;
  const Manifest manifest = combined(backend, context);
  Controls controls(manifest, backend, first, {});
  const auto session = [](auto&& act) { return refusal(ErrorKind::session, act); };
  const std::vector<float> one{1}, two{1, 2}, bad{1, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(session([&] { controls.set("mask", one, 1); }), "this bundle has no control 'mask' to set; it has pitch, loudness, tempo");
  EXPECT_EQ(session([&] { controls.set("tempo", one, 1); }), "control tempo has shape [1, 1], expected [2] or [2, frames]");
  EXPECT_EQ(session([&] { controls.set("tempo", {}, 0); }), "control tempo has shape [0], expected [2] or [2, frames]");
  EXPECT_EQ(session([&] { controls.set("tempo", bad, 1); }), "control tempo holds values that are not finite");
  EXPECT_EQ(session([&] { controls.sketch().choose(std::vector<std::string>{"tempo"}, {}); }),
            "this bundle has no sketch control 'tempo'; its sketch controls are pitch, loudness");
  EXPECT_EQ(session([&] { controls.sketch().choose({}, 2); }), "smoothing is a median over 1, 3 frames, found 2");
  controls.sketch().choose(std::vector<std::string>{"pitch"}, {});
  EXPECT_EQ(session([&] { controls.set("loudness", one, 1); }),
            "control loudness follows the sketch; switch the sketch off with choose_sketch({}) before setting it");
  controls.set("tempo", two, 1);
  EXPECT_EQ(session([&] { controls.accompaniment().feed_frames(bad); }),
            "accompaniment frames have shape [1, 2, 1], expected finite [2, frames]");
  controls.accompaniment().feed_frames(two);
  EXPECT_EQ(session([&] { controls.accompaniment().feed(two); }),
            "the accompaniment was begun as frames and goes on as audio; reset the session, or go on with frames");
  controls.reset();
  controls.accompaniment().feed(two);
  EXPECT_EQ(session([&] { controls.accompaniment().feed_frames(two); }),
            "the accompaniment was begun as audio and goes on as frames; reset the session, or go on with audio");
  Manifest bare = manifest;
  bare.controls.clear();
  bare.sketch.reset();
  Controls none(bare, backend, {}, {});
  EXPECT_EQ(session([&] { (void)none.sketch(); }), "this bundle has no sketch controls; its controls are none");
  EXPECT_EQ(session([&] { (void)none.accompaniment(); }), "this bundle takes no accompaniment; its controls are none");
}

}  // namespace
}  // namespace lmdm
