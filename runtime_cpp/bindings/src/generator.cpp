#include <lmdm/generator.h>
#include <lmdm/onnxruntime.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "lmdm/error.h"
#include "parts.h"

namespace lmdm_native {
namespace {

using Matrix = nb::ndarray<nb::numpy, float, nb::ndim<2>>;
using Released = nb::call_guard<nb::gil_scoped_release>;

lmdm::Provider provider_named(const std::string& name) {
  if (name == "cpu") return lmdm::Provider::cpu;
  if (name == "cuda") return lmdm::Provider::cuda;
  if (name == "tensorrt") return lmdm::Provider::tensorrt;
  throw lmdm::Error(lmdm::ErrorKind::session, "there is no provider '" + name + "'; the providers are cpu, cuda, tensorrt");
}

std::span<const float> values_of(const Planar& array) { return {array.data(), array.size()}; }

/// Audio of the generator's channels; its samples lie one channel after the other.
std::span<const float> audio_of(const lmdm::Generator& generator, const Planar& audio, const char* what) {
  const auto channels = static_cast<std::size_t>(generator.channels());
  if (audio.shape(0) != channels) {
    throw lmdm::Error(lmdm::ErrorKind::session, std::string(what) + " has shape " +
                                                    lmdm::to_string({static_cast<std::int64_t>(audio.shape(0)),
                                                                     static_cast<std::int64_t>(audio.shape(1))}) +
                                                    ", expected [" + std::to_string(channels) + ", samples]");
  }
  return values_of(audio);
}

/// Hands memory to numpy without a copy.
Matrix as_numpy(std::unique_ptr<std::vector<float>> values, std::size_t rows) {
  const std::size_t columns = rows == 0 ? 0 : values->size() / rows;
  std::vector<float>* memory = values.release();
  nb::capsule owner(memory, [](void* pointer) noexcept { delete static_cast<std::vector<float>*>(pointer); });
  return Matrix(memory->data(), {rows, columns}, owner);
}

/// Lets `make` write `rows` x `columns` values into memory that becomes an array.
template <class Make>
Matrix made(std::size_t rows, std::size_t columns, const Make& make) {
  auto values = std::make_unique<std::vector<float>>(rows * columns);
  {
    const nb::gil_scoped_release released;
    make(std::span<float>(*values));
  }
  return as_numpy(std::move(values), rows);
}

std::size_t latent_channels(const lmdm::Generator& generator) {
  return static_cast<std::size_t>(generator.manifest().model.latent_channels);
}

std::size_t channels_of(const lmdm::Generator& generator, const std::string& group) {
  const auto groups = generator.manifest().groups();
  const auto found = std::ranges::find(groups, group, &lmdm::Group::name);
  return found == groups.end() ? 0 : static_cast<std::size_t>(found->channels);
}

void construct(lmdm::Generator* memory, const lmdm::Bundle& bundle, std::uint64_t seed, std::optional<int> steps,
               std::optional<double> guidance_scale, std::optional<std::string> solver, const std::filesystem::path& library,
               const std::string& provider, int threads, bool small, int device) {
  const lmdm::GeneratorOptions options{
      .seed = seed, .steps = steps, .guidance_scale = guidance_scale, .solver = std::move(solver)};
  const lmdm::OnnxRuntimeOptions runtime{
      .library = library, .provider = provider_named(provider), .threads = threads, .small = small, .device = device};
  new (memory) lmdm::Generator(bundle, lmdm::make_onnxruntime_backend(bundle, runtime), options);
}

nb::dict timings_of(const lmdm::Generator& generator) {
  const lmdm::Timings& timings = generator.timings();
  nb::dict milliseconds;
  milliseconds["controls"] = timings.controls;
  milliseconds["prompt"] = timings.prompt;
  milliseconds["context"] = timings.context;
  milliseconds["steps"] = timings.steps;
  milliseconds["decode"] = timings.decode;
  milliseconds["total"] = timings.total();
  return milliseconds;
}

void set_prompts(lmdm::Generator& generator, const std::vector<std::pair<std::string, double>>& prompts) {
  std::vector<lmdm::WeightedPrompt> mix;
  mix.reserve(prompts.size());
  for (const auto& [prompt, weight] : prompts) mix.push_back({prompt, weight});
  generator.set_prompts(mix);
}

void bind_playing(nb::class_<lmdm::Generator>& generator) {
  generator
      .def("prime",
           [](lmdm::Generator& self, const Planar& audio) {
             const auto samples = audio_of(self, audio, "priming audio");
             auto heard = std::make_unique<std::vector<float>>();
             {
               const nb::gil_scoped_release released;
               *heard = self.prime(samples);
             }
             return as_numpy(std::move(heard), static_cast<std::size_t>(self.channels()));
           },
           nb::arg("audio"), "Makes audio the context; returns what the decoder makes of its last block, [channels, samples].")
      .def("next_block",
           [](lmdm::Generator& self) {
             return made(static_cast<std::size_t>(self.channels()), self.block_samples(),
                         [&](std::span<float> audio) { self.next_block(audio); });
           },
           "Makes the next block: audio [channels, block_samples].")
      .def("next_latents",
           [](lmdm::Generator& self) {
             return made(latent_channels(self), static_cast<std::size_t>(self.manifest().model.block),
                         [&](std::span<float> latents) { self.next_latents(latents); });
           },
           "Makes the next clean block [C, o] without decoding it.")
      .def("latent_block",
           [](const lmdm::Generator& self) {
             const auto block = self.latent_block();
             return as_numpy(std::make_unique<std::vector<float>>(block.begin(), block.end()), latent_channels(self));
           },
           "A copy of the last clean block [C, o]; [C, 0] before the first.")
      .def("control",
           [](const lmdm::Generator& self, const std::string& group) {
             const auto followed = self.control(group);
             return as_numpy(std::make_unique<std::vector<float>>(followed.begin(), followed.end()), channels_of(self, group));
           },
           nb::arg("group"), "A copy of what the newest block followed of a control group, [channels, o]; [channels, 0] before the first.")
      .def("cancel", &lmdm::Generator::cancel, "Ends the call that is under way, and every later one, until `resume`; from any thread.")
      .def("resume", &lmdm::Generator::resume);
}

void tune(lmdm::Generator& generator, std::optional<std::uint64_t> seed, std::optional<int> steps, std::optional<double> guidance_scale,
          std::optional<int> context_drop, std::optional<double> feedback, std::optional<bool> hold_noise) {
  generator.tune({.seed = seed,
                  .steps = steps,
                  .guidance_scale = guidance_scale,
                  .context_drop = context_drop,
                  .feedback = feedback,
                  .hold_noise = hold_noise});
}

void bind_requests(nb::class_<lmdm::Generator>& generator) {
  generator.def("tune", &tune, nb::arg("seed") = nb::none(), nb::arg("steps") = nb::none(), nb::arg("guidance_scale") = nb::none(),
                nb::arg("context_drop") = nb::none(), nb::arg("feedback") = nb::none(), nb::arg("hold_noise") = nb::none(),
                "What is given changes from the next block on.");
  generator.def("set_prompts", &set_prompts, nb::arg("prompts"), Released(), "A mix of (prompt, weight) from the next block on.")
      .def("set_embedding",
           [](lmdm::Generator& self, const std::string& prompt, const Planar& embedding) {
             self.set_embedding(prompt, values_of(embedding));
           },
           nb::arg("prompt"), nb::arg("embedding"))
      .def("set_control",
           [](lmdm::Generator& self, const std::string& group, const Planar& values) {
             self.set_control(group, values_of(values), values.shape(1));
           },
           nb::arg("group"), nb::arg("values"), "Values [channels, frames] from the next block on.")
      .def("choose_sketch",
           [](lmdm::Generator& self, const std::vector<std::string>& kinds, std::optional<int> smoothing) {
             self.choose_sketch(kinds, smoothing);
           },
           nb::arg("kinds"), nb::arg("smoothing") = nb::none())
      .def("set_strength", &lmdm::Generator::set_strength, nb::arg("kind"), nb::arg("strength"),
           "Scales a sketch control from the next block on, between absent (0) and as heard (1).")
      .def("feed_sketch",
           [](lmdm::Generator& self, const Planar& audio) { self.feed_sketch(audio_of(self, audio, "sketch audio")); }, nb::arg("audio"))
      .def("feed_accompaniment",
           [](lmdm::Generator& self, const Planar& audio) { self.feed_accompaniment(audio_of(self, audio, "the accompaniment")); },
           nb::arg("audio"))
      .def("feed_accompaniment_frames",
           [](lmdm::Generator& self, const Planar& frames) { self.feed_accompaniment_frames(values_of(frames)); }, nb::arg("frames"))
      .def("stop_accompaniment", &lmdm::Generator::stop_accompaniment);
}

}  // namespace

void bind_generator(nb::module_& module) {
  nb::class_<lmdm::Generator> generator(module, "Generator", "One endless piece of music, made block by block from a bundle.");
  generator
      .def("__init__", &construct, nb::arg("bundle"), nb::arg("seed") = 0, nb::arg("steps") = nb::none(),
           nb::arg("guidance_scale") = nb::none(), nb::arg("solver") = nb::none(), nb::kw_only(), nb::arg("library") = std::filesystem::path(),
           nb::arg("provider") = "cpu", nb::arg("threads") = 0, nb::arg("small") = false, nb::arg("device") = 0, Released(),
           "`library`: the shared library of ONNX Runtime; empty: searched for.")
      .def_prop_ro("sample_rate", &lmdm::Generator::sample_rate)
      .def_prop_ro("channels", &lmdm::Generator::channels)
      .def_prop_ro("block_samples", &lmdm::Generator::block_samples)
      .def_prop_ro("delay_samples", &lmdm::Generator::delay_samples)
      .def_prop_ro("block_index", &lmdm::Generator::block_index)
      .def_prop_ro("timings", &timings_of, "Milliseconds of each stage of the last block.")
      .def("reset", &lmdm::Generator::reset, "Begins the piece again; what was set or chosen stays.");
  bind_requests(generator);
  bind_playing(generator);
}

}  // namespace lmdm_native
