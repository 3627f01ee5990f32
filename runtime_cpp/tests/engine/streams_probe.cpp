// Plays the streams of a bundle, for the comparison with Python in tests/runtime_cpp: streams_probe BUNDLE, a JSON list on standard
// input, one {"op": …} each, and a JSON list on standard output. Arrays are planar and flat.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/accompaniment_stream.h"
#include "engine/audio_queue.h"
#include "engine/codec_stream.h"
#include "engine/controls.h"
#include "engine/sketch_stream.h"
#include "lmdm/bundle.h"
#include "lmdm/error.h"
#include "lmdm/onnxruntime.h"

namespace {

using nlohmann::json;
using Values = std::vector<float>;

/// Every stream of one bundle, each made when it is first asked for.
class Streams {
 public:
  explicit Streams(const std::string& folder) : bundle_(lmdm::Bundle::load(folder)) {
    lmdm::OnnxRuntimeOptions options;
    options.threads = 1;
    backend_ = lmdm::make_onnxruntime_backend(bundle_, options);
  }

  json answer(const json& request) {
    const std::string op = request.at("op");
    const std::string room = op.substr(0, op.find('.')), act = op.substr(op.find('.') + 1);
    if (room == "decoder") return decode(act, request);
    if (room == "encoder") return encode(request);
    if (room == "live") return encode_live(act, request);
    if (room == "sketch") return draw(made(sketch_, first_sketch()), act, request);
    if (room == "accompaniment") return accompany(act, request);
    if (room == "controls") return control(act, request);
    throw std::invalid_argument("unknown op " + op);
  }

 private:
  [[nodiscard]] const lmdm::Manifest& manifest() const { return bundle_.manifest(); }
  [[nodiscard]] lmdm::States first_encoder() const { return lmdm::first_states(bundle_, manifest().codec.encoder); }
  [[nodiscard]] lmdm::States first_sketch() const { return lmdm::sketch_states(bundle_); }

  template <class Stream, class... States>
  Stream& made(std::optional<Stream>& stream, States&&... first) {
    if (!stream) stream.emplace(manifest(), *backend_, std::forward<States>(first)...);
    return *stream;
  }

  json decode(const std::string& act, const json& request) {
    lmdm::StreamDecoder& decoder = made(decoder_, lmdm::first_states(bundle_, manifest().codec.decoder));
    if (act == "reset") return decoder.reset(), json();
    if (act == "silent") return decoder.silent();
    const lmdm::CodecEntry& codec = manifest().codec;
    Values audio(static_cast<std::size_t>(codec.audio_channels * manifest().model.block * codec.frame_size));
    decoder.decode(request.at("frames").get<Values>(), audio);
    return audio;
  }

  json encode(const json& request) {
    return made(encoder_, first_encoder()).encode(lmdm::whole_frames(request.at("audio").get<Values>(), manifest().codec));
  }

  json encode_live(const std::string& act, const json& request) {
    lmdm::LiveEncoder& encoder = made(live_, first_encoder());
    if (act == "restart") return encoder.restart(), json();
    if (act == "fitting") return encoder.fitting(request.at("available"), request.at("wanted"));
    return encoder.push(request.at("audio").get<Values>());
  }

  static json draw(lmdm::SketchStream& sketch, const std::string& act, const json& request) {
    if (act == "reset") return sketch.reset(), json();
    if (act == "advance") return sketch.advance(), json();
    if (act == "block") return sketch.block();
    if (act == "feed") return sketch.feed(request.at("audio").get<Values>()), json();
    if (act == "analyse") return sketch.analyse(request.at("audio").get<Values>());
    const json smoothing = request.value("smoothing", json());
    sketch.choose(request.at("kinds").get<std::vector<std::string>>(),
                  smoothing.is_null() ? std::nullopt : std::optional<int>(smoothing.get<int>()));
    return {};
  }

  json accompany(const std::string& act, const json& request) {
    if (act == "begin") {
      entry_ = {};
      entry_.kind = "accompaniment";
      entry_.source = lmdm::ControlSource::accompaniment;
      entry_.groups = {{"accomp_mask", 1}, {"accomp_input", manifest().model.latent_channels}};
      entry_.cutoff = request.at("cutoff").get<int>();
      entry_.t_f = *entry_.cutoff - manifest().model.context;
      accompaniment_.emplace(manifest(), *backend_, entry_, first_encoder());
      return {};
    }
    return play_along(accompaniment_.value(), act, request);
  }

  static json play_along(lmdm::AccompanimentStream& other, const std::string& act, const json& request) {
    if (act == "stop") return other.stop(), json();
    if (act == "reset") return other.reset(), json();
    if (act == "advance") return other.advance(), json();
    if (act == "known") return other.known();
    if (act == "window") return other.window();
    if (act == "feed") return other.feed(request.at("audio").get<Values>()), json();
    return other.feed_frames(request.at("frames").get<Values>()), json();
  }

  json control(const std::string& act, const json& request) {
    if (!controls_) controls_.emplace(manifest(), *backend_, first_sketch(), first_encoder());
    lmdm::Controls& controls = *controls_;
    if (act.starts_with("sketch.")) return draw(controls.sketch(), act.substr(7), request);
    if (act.starts_with("accompaniment.")) return play_along(controls.accompaniment(), act.substr(14), request);
    if (act == "prepare") return controls.prepare(), json();
    if (act == "history") return controls.history();
    if (act == "block") return controls.block();
    if (act == "advance") return controls.advance(), json();
    if (act == "reset") return controls.reset(), json();
    if (act == "prime") return controls.prime(lmdm::whole_frames(request.at("audio").get<Values>(), manifest().codec)), json();
    return controls.set(request.at("name"), request.at("values").get<Values>(), request.at("frames")), json();
  }

  lmdm::Bundle bundle_;
  std::shared_ptr<lmdm::Backend> backend_;
  lmdm::ControlEntry entry_;
  std::optional<lmdm::StreamDecoder> decoder_;
  std::optional<lmdm::StreamEncoder> encoder_;
  std::optional<lmdm::LiveEncoder> live_;
  std::optional<lmdm::SketchStream> sketch_;
  std::optional<lmdm::AccompanimentStream> accompaniment_;
  std::optional<lmdm::Controls> controls_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: streams_probe BUNDLE < requests.json\n";
    return 2;
  }
  try {
    Streams streams(arguments[1]);
    json answers = json::array();
    for (const json& request : json::parse(std::cin)) {
      try {
        answers.push_back(streams.answer(request));
      } catch (const lmdm::Error& error) {
        answers.push_back({{"error", error.what()}, {"kind", static_cast<int>(error.kind())}});
      }
    }
    std::cout << answers.dump() << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
