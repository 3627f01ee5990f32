#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <vector>

#include "fake_source.h"
#include "host.h"

namespace lmdm::live::test {

/// Takes an audio thread along every path that it knows: music, underruns and recoveries, switching on and off, frozen and not, bad
/// samples, calls of every size, one channel and many, in place, with a side input and without any. `call` runs what belongs to the audio
/// thread.
inline void tour(const std::function<void(const std::function<void()>&)>& call) {
  for (const double rate : {44100.0, 48000.0}) {
    for (const Underrun underrun : {Underrun::silence, Underrun::dry}) {
      for (const int model_channels : {1, 2}) {
        auto record = std::make_shared<Record>();
        const LiveOptions options{InputRole::both, underrun, 0.01, false, 0, true};
        Processor processor(echo(format_of(1000, 44100, model_channels, 2), record), options);
        processor.prepare(rate, 2, 512);
        Audio input{noise(8192, 1), noise(8192, 2)};
        for (std::size_t i = 0; i < 8192; i += 11) input[0][i] = i % 2 == 0 ? NAN : std::numeric_limits<float>::denorm_min();
        Audio output(2, std::vector<float>(8192));
        const float* from[] = {input[0].data(), input[1].data()};
        float* to[] = {output[0].data(), output[1].data()};
        const Sizes sizes = random_sizes(7);
        std::uint64_t blocks = 0, underruns = 0, reports = 0;
        for (int i = 0; i < 300; ++i) {
          if (i == 100) record->hold();
          if (i == 140) record->release();
          if (i == 250) processor.reset();
          if (i % 7 == 0) processor.request(TuningRequest{{.feedback = 0.5}});
          if (i % 20 == 0) reports += processor.take_reports().size();
          // At first in virtual time, so that there is music; later as it comes, so that there is also none.
          const int frames = i < 30 ? 128 : sizes();
          call([&] {
            if (i % 50 == 30) processor.set_playing(i % 100 == 80);
            if (i % 40 == 10) processor.set_frozen(i % 80 == 10);
            processor.process(i % 9 == 0 ? nullptr : i % 10 == 0 ? to : from, i % 6 == 0 ? nullptr : from, to, 1 + i % 2, frames);
            const LiveMetrics metrics = processor.metrics();
            blocks = std::max(blocks, metrics.blocks);
            underruns = std::max(underruns, metrics.underruns);
            if (metrics.failed || processor.latency_samples() <= 0) std::abort();
          });
          if (i < 30) await_blocks(processor, static_cast<std::uint64_t>(std::max(0, (i + 1) * 128 * 441 / 480 - 1100)) / 1000);
        }
        EXPECT_GT(blocks, 0U);
        EXPECT_GT(underruns, 0U);
        EXPECT_GT(reports, 0U);
      }
    }
  }
}

}  // namespace lmdm::live::test
