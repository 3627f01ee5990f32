#include "validate/faults.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <span>
#include <utility>

#include "engine/float_io.h"
#include "engine/planar.h"
#include "lmdm/noise.h"

namespace lmdm::validate {
namespace {

using Values = std::map<std::string, std::vector<float>>;

constexpr double wrong_rotary_base = 100;    // factor: 10,000 for 1,000,000 is the mix-up that published checkpoints invite
constexpr float rounding_of_a_step = 5e-7F;  // four float32 roundings of a latent of size 1
constexpr double wrong_hop = 7.0 / 8.0;      // of a frame

std::string layer_name(const std::string& stem, int layer) {
  char number[16];
  std::snprintf(number, sizeof number, "_%02d", layer);
  return stem + number;
}

/// Other values in some buffers for one run, then the former ones: a cache must not be damaged a second time in the next step.
void run_with(const Values& values, const std::function<void()>& healthy, const Buffers& buffers) {
  Values former;
  for (const auto& [name, value] : values) {
    former[name] = read_floats(*buffers.at(name));
    write_floats(*buffers.at(name), value);
  }
  healthy();
  for (const auto& [name, value] : former) write_floats(*buffers.at(name), value);
}

/// Keys or values of one layer: [batch * heads, context, width].
struct Cache {
  std::vector<float> values;
  std::size_t context, width;

  /// Turns the key of frame `frame` of every head on by further angles; pairs lie half a rotated width apart.
  void turn(std::size_t frame, std::span<const double> angles) {
    const std::size_t pairs = angles.size();
    for (std::size_t head = 0; head < values.size() / (context * width); ++head) {
      float* const key = &values[(head * context + frame) * width];
      for (std::size_t i = 0; i < pairs; ++i) {
        const double cosine = std::cos(angles[i]), sine = std::sin(angles[i]), first = key[i], second = key[pairs + i];
        key[i] = static_cast<float>(first * cosine - second * sine);
        key[pairs + i] = static_cast<float>(second * cosine + first * sine);
      }
    }
  }

  /// Every frame stands one place too late: the newest is lost and the oldest is there twice.
  void delay() {
    for (std::size_t head = 0; head < values.size() / (context * width); ++head) {
      float* const begin = &values[head * context * width];
      std::copy_backward(begin, begin + (context - 1) * width, begin + context * width);
    }
  }
};

using Change = std::function<void(Cache& keys, Cache& values)>;

Fault on_cache(std::string name, int depth, Change change) {
  const auto run = [depth, change](const std::function<void()>& healthy, const Buffers& buffers) {
    Values changed;
    for (int layer = 0; layer < depth; ++layer) {
      const std::string k = layer_name("self_k", layer), v = layer_name("self_v", layer);
      const Shape& shape = buffers.at(k)->port().shape;
      const auto context = static_cast<std::size_t>(shape.at(2)), width = static_cast<std::size_t>(shape.at(3));
      Cache keys{read_floats(*buffers.at(k)), context, width}, values{read_floats(*buffers.at(v)), context, width};
      change(keys, values);
      changed[k] = std::move(keys.values);
      changed[v] = std::move(values.values);
    }
    run_with(changed, healthy, buffers);
  };
  return {std::move(name), "cached_decoder", [run] { return Run(run); }, 0, {}};
}

/// The conditioner's first result for ever: a prompt change that never reaches the network.
Run stale_cross(int depth) {
  return [depth, first = Values()](const std::function<void()>& healthy, const Buffers& buffers) mutable {
    healthy();
    if (first.empty())
      for (int layer = 0; layer < depth; ++layer)
        for (const char* stem : {"cross_k", "cross_v"}) first[layer_name(stem, layer)] = read_floats(*buffers.at(layer_name(stem, layer)));
    for (const auto& [name, value] : first) write_floats(*buffers.at(name), value);
  };
}

/// A graph whose carried state is back at its first values in every block.
Fault forgetful(std::string name, std::string graph, const States& first) {
  const Run run = [first](const std::function<void()>& healthy, const Buffers& buffers) {
    for (const auto& [state, buffer] : buffers) {
      if (!buffers.contains(state + "_out")) continue;
      const auto known = first.find(state);
      buffer->write(known == first.end() ? std::vector<std::byte>(buffer->port().bytes()) : known->second.data);
    }
    healthy();
  };
  return {std::move(name), std::move(graph), [run] { return run; }, 0, {}};
}

/// Audio [channels, frames * frame_size] whose frames are read too late and too near one another; past its end it begins again.
std::vector<float> crowded(const std::vector<float>& audio, std::size_t channels, std::size_t frame_size) {
  const std::size_t samples = audio.size() / channels;
  std::vector<float> made(audio.size());
  for (std::size_t frame = 0; frame < samples / frame_size; ++frame) {
    const double begin = (1 - wrong_hop + wrong_hop * static_cast<double>(frame)) * static_cast<double>(frame_size);
    const auto start = static_cast<std::size_t>(std::nearbyint(begin));
    for (std::size_t channel = 0; channel < channels; ++channel)
      for (std::size_t i = 0; i < frame_size; ++i)
        made[channel * samples + frame * frame_size + i] = audio[channel * samples + (start + i) % samples];
  }
  return made;
}

}  // namespace

std::vector<Fault> cache_faults(const Manifest& manifest) {
  const ModelEntry& model = manifest.model;
  const std::vector<double> frequencies = model.rotary_inv_freq;
  std::vector<double> wrong = frequencies;
  const auto pairs = static_cast<double>(wrong.size());
  for (std::size_t i = 0; i < wrong.size(); ++i) wrong[i] *= std::pow(wrong_rotary_base, -static_cast<double>(i) / pairs);
  const auto slid = [frequencies](Cache& keys, Cache& values) {
    const std::size_t head_size = keys.context * keys.width;
    std::vector<std::vector<float>> oldest;
    for (std::size_t at = 0; at < keys.values.size(); at += head_size)
      oldest.emplace_back(keys.values.begin() + static_cast<std::ptrdiff_t>(at),
                          keys.values.begin() + static_cast<std::ptrdiff_t>(at + keys.width));
    // Keys turn on by one position. Without that nothing would change, for attention does not mind in which order it finds its keys.
    for (std::size_t frame = 0; frame < keys.context; ++frame) keys.turn(frame, frequencies);
    keys.delay();
    values.delay();
    for (std::size_t head = 0; head < oldest.size(); ++head)
      std::ranges::copy(oldest[head], keys.values.begin() + static_cast<std::ptrdiff_t>(head * head_size));
  };
  // Keys as another base would have turned them at positions 1..context; queries keep the right base.
  const auto based = [frequencies, wrong](Cache& keys, Cache&) {
    std::vector<double> angles(wrong.size());
    for (std::size_t frame = 0; frame < keys.context; ++frame) {
      for (std::size_t i = 0; i < angles.size(); ++i) angles[i] = static_cast<double>(frame + 1) * (wrong[i] - frequencies[i]);
      keys.turn(frame, angles);
    }
  };
  const auto swapped = [](Cache& keys, Cache& values) { std::swap(keys.values, values.values); };
  return {on_cache("cache slid by one frame", model.depth, slid), on_cache("wrong rotary base", model.depth, based),
          on_cache("swapped K and V", model.depth, swapped)};
}

std::vector<Fault> sketch_faults(const Bundle& bundle) {
  if (!bundle.manifest().sketch) return {};
  const Run rough = [](const std::function<void()>& healthy, const Buffers& buffers) {
    // The first median, whatever was asked for.
    std::vector<float> chosen(buffers.at("smoothing")->port().count(), 0.0F);
    chosen.front() = 1;
    run_with({{"smoothing", chosen}}, healthy, buffers);
  };
  return {forgetful("sketch state reset in each block", "sketch", sketch_states(bundle)),
          {"sketch without smoothing", "sketch", [rough] { return rough; }, 0, {}}};
}

std::optional<Fault> hop_fault(const Manifest& manifest) {
  if (!manifest.sketch) return std::nullopt;
  const auto channels = static_cast<std::size_t>(manifest.codec.audio_channels), size = static_cast<std::size_t>(manifest.codec.frame_size);
  const Run run = [channels, size](const std::function<void()>& healthy, const Buffers& buffers) {
    run_with({{"audio", crowded(read_floats(*buffers.at("audio")), channels, size)}}, healthy, buffers);
  };
  return Fault{"sketch with a wrong hop", "sketch", [run] { return run; }, 0, {}};
}

std::optional<Fault> cutoff_fault(const Manifest& manifest) {
  if (std::ranges::none_of(manifest.controls, [](const ControlEntry& control) { return control.cutoff.has_value(); })) return std::nullopt;
  return Fault{"accompaniment cutoff off by one", "", {}, 0, [](Manifest& altered) {
                 for (ControlEntry& control : altered.controls)
                   if (control.cutoff) --*control.cutoff;
               }};
}

Fault noise_fault() {
  return {"noise of another seed", "", {}, 1, {}};
}

Fault prompt_fault(const Manifest& manifest) {
  return {"stale cross K/V after a prompt change", "conditioner", [depth = manifest.model.depth] { return stale_cross(depth); }, 0, {}};
}

Fault drop_fault() {
  return {"context kept at a prompt change", "", {}, 0, [](Manifest& altered) { altered.sampling.context_drop = 0; }};
}

Fault decoder_fault(const Manifest& manifest, const States& first) {
  const Streaming& streaming = manifest.codec.decoder;
  if (streaming.kind == StreamingKind::state) return forgetful("decoder state reset in each block", "codec_decoder", first);
  const auto before = static_cast<std::size_t>(streaming.left);
  const Run blind = [before](const std::function<void()>& healthy, const Buffers& buffers) {
    std::vector<float> frames = read_floats(*buffers.at("frames"));
    const auto& shape = buffers.at("frames")->port().shape;
    const auto rows = static_cast<std::size_t>(shape.at(1));
    paste_columns(std::vector<float>(rows * before, 0.0F), rows, frames, 0);
    run_with({{"frames", frames}}, healthy, buffers);
  };
  return {"decoder without the frames before its block", "codec_decoder", [blind] { return blind; }, 0, {}};
}

Fault disturbance() {
  const auto make = [] {
    return Run([draw = std::uint64_t{0}](const std::function<void()>& healthy, const Buffers& buffers) mutable {
      std::vector<float> x = read_floats(*buffers.at("x")), noise(x.size());
      Noise(0).fill(draw++, 0, noise);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += rounding_of_a_step * noise[i];
      write_floats(*buffers.at("x"), x);
      healthy();
    });
  };
  return {"disturbed by rounding", "cached_decoder", make, 0, {}};
}

}  // namespace lmdm::validate
