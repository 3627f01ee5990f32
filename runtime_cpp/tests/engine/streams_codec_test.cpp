// Codec streams over graphs that are functions, against the same function of all frames at once.
#include <gtest/gtest.h>

#include <vector>

#include "engine/codec_stream.h"
#include "streams_fake.h"

namespace lmdm {
namespace {

using namespace fake;
constexpr std::size_t samples = block * frame;

/// Each channel adds what its last block ended with to a ramp over every frame.
Manifest with_state(FunctionBackend& backend) {
  Manifest made = manifest();
  add_graph(made, "codec_decoder", {port("frames", {1, rows, block}), port("state_tail", {channels})},
            {port("audio", {1, channels, block * frame}), port("state_tail_out", {channels})});
  add_graph(made, "codec_encoder", {port("audio", {1, channels, block * frame}), port("state_sum", {rows})},
            {port("frames", {1, rows, block}), port("state_sum_out", {rows})});
  backend.graphs["codec_decoder"] = [](const Values& of) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      for (std::size_t i = 0; i < samples; ++i) {
        of("audio")[channel * samples + i] =
            of("frames")[channel * block + i / frame] * (1 + 0.1F * static_cast<float>(i % frame)) + of("state_tail")[channel];
      }
      of("state_tail_out")[channel] = 0.5F * of("audio")[channel * samples + samples - 1];
    }
  };
  backend.graphs["codec_encoder"] = [](const Values& of) {
    for (std::size_t row = 0; row < rows; ++row) {
      float sum = of("state_sum")[row];
      for (std::size_t i = 0; i < block; ++i) of("frames")[row * block + i] = sum += of("audio")[row * samples + i * frame];
      of("state_sum_out")[row] = sum;
    }
  };
  return made;
}

/// Each frame sounds with its neighbours; the decoder hears one frame before the block and `delay` after it.
Manifest with_context(FunctionBackend& backend, int delay, int fade) {
  Manifest made = manifest();
  const int heard = 1 + block + delay, run = block + fade;
  made.codec.decoder = {StreamingKind::context, 1, 1, delay, fade, {}};
  made.codec.encoder = {StreamingKind::context, 2, 1, 1, 0, {}};
  add_graph(made, "codec_decoder", {port("frames", {1, rows, heard})}, {port("audio", {1, channels, run * frame})});
  add_graph(made, "codec_encoder", {port("audio", {1, channels, (2 + block + 1) * frame})}, {port("frames", {1, rows, block})});
  backend.graphs["codec_decoder"] = [heard, run](const Values& of) {
    for (int row = 0; row < rows; ++row) {
      const auto x = [&](int i) { return i < 0 || i >= heard ? 0.0F : of("frames")[static_cast<std::size_t>(row * heard + i)]; };
      for (int i = 0; i < run * frame; ++i) {
        const int at = i / frame + 1;
        of("audio")[static_cast<std::size_t>(row * run * frame + i)] = 0.5F * x(at - 1) + x(at) + 0.25F * x(at + 1);
      }
    }
  };
  backend.graphs["codec_encoder"] = [](const Values& of) {
    constexpr std::size_t length = (2 + block + 1) * frame;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < block; ++i) {
        const auto audio = [&](std::size_t at) { return of("audio")[row * length + (i + at) * frame]; };
        of("frames")[row * block + i] = audio(2) + 0.5F * audio(0) + 0.25F * audio(3);
      }
    }
  };
  return made;
}

/// What the encoder of `with_context` makes of all audio between silence.
std::vector<float> encoded_at_once(const std::vector<float>& audio) {
  const std::size_t length = audio.size() / channels, count = length / frame;
  std::vector<float> made;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto at = [&](std::size_t i) { return i < count ? audio[row * length + i * frame] : 0.0F; };
    for (std::size_t i = 0; i < count; ++i) made.push_back(at(i) + 0.5F * at(i - 2) + 0.25F * at(i + 1));
  }
  return made;
}

std::vector<float> decoded(StreamDecoder& decoder, const std::vector<float>& frames) {
  std::vector<std::vector<float>> parts;
  for (std::size_t first = 0; first < frames.size() / rows; first += block) {
    parts.emplace_back(channels * samples);
    decoder.decode(columns(frames, rows, first, block), parts.back());
  }
  return joined(parts, channels);
}

TEST(StreamsCodec, StateBeginsWithItsFirstValuesAndIsCarried) {
  FunctionBackend backend;
  const Manifest manifest = with_state(backend);
  StreamDecoder decoder(manifest, backend, {{"state_tail", array({channels}, {0.25F, -0.5F})}});
  const std::vector<float> frames = numbered(rows, 4 * block);
  std::vector<float> expected;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    float tail = channel == 0 ? 0.25F : -0.5F;
    for (std::size_t i = 0; i < 4 * samples; ++i) {
      expected.push_back(frames[channel * 4 * block + i / frame] * (1 + 0.1F * static_cast<float>(i % frame)) + tail);
      if (i % samples == samples - 1) tail = 0.5F * expected.back();
    }
  }
  EXPECT_EQ(decoded(decoder, frames), expected);
  decoder.reset();
  EXPECT_EQ(decoded(decoder, frames), expected);
  EXPECT_NE(decoded(decoder, frames), expected);  // goes on from the end of the last

  std::vector<float> again(channels * samples), forgotten(channels * samples);
  decoder.reset();
  decoder.decode(columns(frames, rows, 0, block), again);
  decoder.reset();
  decoder.decode(columns(frames, rows, block, block), forgotten);
  EXPECT_NE(forgotten, columns(expected, channels, samples, samples));
}

TEST(StreamsCodec, LookAheadIsPaidExactly) {
  FunctionBackend backend;
  const Manifest manifest = with_context(backend, 1, 0);
  StreamDecoder decoder(manifest, backend, {});
  const std::vector<float> frames = numbered(rows, 4 * block);
  EXPECT_EQ(decoder.silent(), static_cast<std::size_t>(frame));
  const std::vector<float> audio = decoded(decoder, frames);
  EXPECT_EQ(decoder.silent(), 0U);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < 4 * samples; ++i) {
      const std::size_t at = i / frame - 1;
      const auto x = [&](std::size_t n) { return n < 4 * block ? frames[row * 4 * block + n] : 0.0F; };
      EXPECT_EQ(audio[row * 4 * samples + i], i < frame ? 0 : 0.5F * x(at - 1) + x(at) + 0.25F * x(at + 1)) << i;
    }
  }
}

TEST(StreamsCodec, AFadeBlendsTheEndOfARunIntoTheNext) {
  FunctionBackend backend;
  const Manifest manifest = with_context(backend, 1, 1);
  StreamDecoder decoder(manifest, backend, {});
  const std::vector<float> frames = numbered(rows, 3 * block), audio = decoded(decoder, frames);
  for (std::size_t i = 0; i < frame; ++i) {
    EXPECT_EQ(audio[i], 0.0F);
    // The run before knew nothing of frame 3, which frame 2 sounds with.
    const float x1 = frames[1], x2 = frames[2], x3 = frames[3];
    const float held = 0.5F * x1 + x2, fresh = held + 0.25F * x3;
    EXPECT_FLOAT_EQ(audio[samples + i], held + (static_cast<float>(i) + 0.5F) / frame * (fresh - held));
  }
}

TEST(StreamsCodec, EncodersAgreeWithOneRunOverEverything) {
  FunctionBackend backend;
  const Manifest around = with_context(backend, 1, 0);
  StreamEncoder whole(around, backend, {});
  for (const std::size_t count : {1U, 2U, 3U, 7U, 12U}) {
    const std::vector<float> audio = numbered(channels, count * frame);
    EXPECT_EQ(whole.encode(audio), encoded_at_once(audio)) << count;
  }
  LiveEncoder live(around, backend, {});
  EXPECT_EQ(live.delay(), 1U);
  const std::vector<float> audio = numbered(channels, 12 * frame);
  for (const std::size_t most : {1U, 2U, 3U, 5U}) {
    live.restart();
    std::vector<std::vector<float>> parts;
    for (std::size_t begun = 0; begun < 12;) {
      const std::size_t count = live.fitting(std::min<std::size_t>(most, 12 - begun), 9);
      parts.push_back(live.push(columns(audio, channels, begun * frame, count * frame)));
      begun += count;
    }
    EXPECT_EQ(joined(parts, rows), columns(encoded_at_once(audio), rows, 0, 11)) << most;
  }
}

TEST(StreamsCodec, StatefulEncodersTakeWholeBlocks) {
  FunctionBackend backend;
  const Manifest manifest = with_state(backend);
  StreamEncoder whole(manifest, backend, {});
  LiveEncoder live(manifest, backend, {});
  EXPECT_EQ(live.delay(), 0U);
  EXPECT_EQ(live.fitting(block - 1, 1), 0U);
  EXPECT_EQ(live.fitting(block + 1, 1), static_cast<std::size_t>(block));
  const std::vector<float> audio = numbered(channels, 2 * samples);
  const std::vector<float> first = live.push(columns(audio, channels, 0, samples));
  const std::vector<float> second = live.push(columns(audio, channels, samples, samples));
  EXPECT_EQ(joined({first, second}, rows), whole.encode(audio));
  live.restart();
  EXPECT_NE(live.push(columns(audio, channels, samples, samples)), second);  // the state is forgotten
}

TEST(StreamsCodec, ARunThatFailedCanBeMadeAgain) {
  for (const bool stateful : {true, false}) {
    FunctionBackend backend;
    const Manifest manifest = stateful ? with_state(backend) : with_context(backend, 1, 1);
    StreamDecoder decoder(manifest, backend, {}), healthy(manifest, backend, {});
    LiveEncoder live(manifest, backend, {}), steady(manifest, backend, {});
    const std::vector<float> frames = numbered(rows, 3 * block), audio = numbered(channels, 3 * samples);
    std::vector<float> made(channels * samples), expected(channels * samples);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto heard = columns(audio, channels, i * samples, samples), taken = columns(frames, rows, i * block, block);
      healthy.decode(taken, expected);
      const auto wanted = steady.push(heard);
      backend.fails = true;
      EXPECT_EQ(refusal(ErrorKind::cancelled, [&] { decoder.decode(taken, made); }), "cancelled");
      decoder.decode(taken, made);
      EXPECT_EQ(made, expected);
      backend.fails = true;
      EXPECT_EQ(refusal(ErrorKind::cancelled, [&] { (void)live.push(heard); }), "cancelled");
      EXPECT_EQ(live.push(heard), wanted);
    }
  }
}

TEST(StreamsCodec, WhatDoesNotFitIsRefused) {
  FunctionBackend backend;
  const Manifest manifest = with_state(backend);
  EXPECT_EQ(refusal(ErrorKind::bundle, [&] { StreamDecoder(manifest, backend, {{"state_tail", array({1}, {0})}}); }),
            "graph codec_decoder takes state_tail as float32 [2], its first value is float32 [1]; "
            "export the checkpoint again with lmdm export");
  Manifest none = manifest;
  none.graphs["codec_decoder"].inputs.erase(none.graphs["codec_decoder"].inputs.begin());
  EXPECT_EQ(refusal(ErrorKind::bundle, [&] { StreamDecoder(none, backend, {}); }),
            "a codec graph has no frames; export the checkpoint again with lmdm export");
}

}  // namespace
}  // namespace lmdm
