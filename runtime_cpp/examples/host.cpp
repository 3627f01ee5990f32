// What a host or a plugin does: prepare once, then process at any rate and any block size: host BUNDLE PROMPT
#include <lmdm/lmdm.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <thread>
#include <utility>

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "usage: host BUNDLE PROMPT\n";
    return 2;
  }
  try {
    const lmdm::Bundle bundle = lmdm::Bundle::load(words[1]);
    lmdm::Generator generator(bundle, lmdm::make_onnxruntime_backend(bundle, {.threads = 1}));
    lmdm::LiveProcessor processor(std::move(generator), {.underrun = lmdm::Underrun::silence});
    processor.set_prompt(words[2]);
    constexpr int rate = 48000, frames = 256;
    processor.prepare(rate, 2, frames);
    processor.set_playing(true);
    std::cout << "latency: " << processor.latency_samples() << " samples\n";

    // In a plugin the host's audio thread calls `process`; here a clock stands for it.
    std::array<float, frames> left{}, right{};
    const std::array<float*, 2> output{left.data(), right.data()};
    const auto start = std::chrono::steady_clock::now();
    for (std::int64_t done = 0; done < 4 * rate; done += frames) {
      processor.process(nullptr, output.data(), 2, frames);
      if (done < 2 * rate && done + frames >= 2 * rate) processor.set_prompt("jazz with piano and drums");
      std::this_thread::sleep_until(start + std::chrono::microseconds((done + frames) * 1'000'000 / rate));
    }
    const lmdm::LiveMetrics metrics = processor.metrics();
    std::cout << metrics.blocks << " blocks, " << metrics.underruns << " underruns, worst block " << metrics.worst_block_ms << " ms\n";
    return metrics.failed ? 1 : 0;
  } catch (const lmdm::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
