// Plays a bundle block by block, offline: blocks BUNDLE PROMPT SECONDS > audio.f32
#include <lmdm/lmdm.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <vector>

int main(int count, char** words) {
  if (count != 4) {
    std::cerr << "usage: blocks BUNDLE PROMPT SECONDS > audio.f32\n";
    return 2;
  }
  try {
    const lmdm::Bundle bundle = lmdm::Bundle::load(words[1]);
    lmdm::Generator generator(bundle, lmdm::make_onnxruntime_backend(bundle, {.threads = 1}), {.seed = 1});
    generator.set_prompt(words[2]);
    const auto channels = static_cast<std::size_t>(generator.channels());
    std::vector<float> audio(channels * generator.block_samples());
    const double wanted = std::atof(words[3]) * generator.sample_rate();
    for (double made = 0; made < wanted; made += static_cast<double>(generator.block_samples())) {
      generator.next_block(audio);
      std::fwrite(audio.data(), sizeof(float), audio.size(), stdout);
    }
    return 0;
  } catch (const lmdm::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
