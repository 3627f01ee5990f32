// Audio waits in order and without loss, whatever the sizes of its pieces; bad audio is refused in Python's words.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "engine/audio_queue.h"
#include "streams_fake.h"

namespace lmdm {
namespace {

using fake::columns;
using fake::numbered;
using fake::refusal;

std::vector<float> take(AudioQueue& queue, std::size_t samples) {
  std::vector<float> audio(2 * samples, 9.0F);
  queue.peek(audio);
  queue.drop(samples);
  return audio;
}

TEST(StreamsQueue, PiecesOfAnySizeComeOutAsTheyWentIn) {
  const std::size_t total = 30'000;
  const std::vector<float> audio = numbered(2, total);
  AudioQueue queue(2);
  std::vector<std::vector<float>> out;
  std::size_t put = 0;
  for (std::size_t piece = 1; put < total; piece = piece * 3 + 1) {
    const std::size_t count = std::min(piece % 9001, total - put);
    queue.put(columns(audio, 2, put, count));
    put += count;
    out.push_back(take(queue, queue.samples() * 2 / 3));
  }
  EXPECT_GT(queue.samples(), 0U);
  out.push_back(take(queue, queue.samples()));
  EXPECT_EQ(fake::joined(out, 2), audio);
  EXPECT_EQ(queue.samples(), 0U);
}

TEST(StreamsQueue, WhatIsMissingIsSilence) {
  AudioQueue queue(2);
  queue.put(std::vector<float>{1, 2, 3, 4});
  EXPECT_EQ(take(queue, 3), (std::vector<float>{1, 2, 0, 3, 4, 0}));
  EXPECT_EQ(take(queue, 1), (std::vector<float>{0, 0}));
  queue.put(std::vector<float>{5, 6});
  EXPECT_EQ(take(queue, 1), (std::vector<float>{5, 6}));
}

TEST(StreamsQueue, PeekingKeepsTheAudio) {
  AudioQueue queue(2);
  queue.put(std::vector<float>{1, 2, 3, 4});
  std::vector<float> first(2);
  queue.peek(first);
  EXPECT_EQ(first, (std::vector<float>{1, 3}));
  EXPECT_EQ(queue.samples(), 2U);
  queue.clear();
  EXPECT_EQ(take(queue, 1), (std::vector<float>{0, 0}));
}

TEST(StreamsQueue, BadAudioIsRefused) {
  const float infinite = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refusal(ErrorKind::session, [] { require_audio(std::vector<float>(3), 2, "sketch audio"); }),
            "sketch audio has shape [3], expected [2, samples]");
  for (const float bad : {infinite, -infinite, nan}) {
    EXPECT_EQ(refusal(ErrorKind::session, [&] { require_audio(std::vector<float>{0, bad}, 2, "the accompaniment"); }),
              "the accompaniment holds samples that are not finite; check the file it came from");
  }
  require_audio({}, 2, "no audio");
}

TEST(StreamsQueue, PrimingAudioKeepsItsNewestWholeFrames) {
  const CodecEntry codec = fake::manifest().codec;
  const std::vector<float> audio = numbered(2, 11);
  EXPECT_EQ(whole_frames(audio, codec), columns(audio, 2, 3, 8));
  EXPECT_EQ(refusal(ErrorKind::session, [&] { (void)whole_frames(numbered(2, 3), codec); }),
            "priming audio has 3 samples, less than one frame of 4; give more audio");
}

}  // namespace
}  // namespace lmdm
