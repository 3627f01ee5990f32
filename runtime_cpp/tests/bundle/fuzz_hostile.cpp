// Changes that no runtime may accept. Each begins with the valid bundle, so that nothing but the check in question can refuse it.
#include <functional>
#include <utility>

#include "fuzz_mutations.h"
#include "tiny_formats.h"

namespace lmdm::testing {

namespace {

using Json = nlohmann::json;
using Change = std::function<void(Case&, Dice&)>;

std::string path_outside(Dice& dice) {
  static const std::vector<std::string> paths = {
      "../secret.bin",   "/etc/passwd",       "graphs/../../secret.bin", "..", "C:\\secret.bin",
      "..\\secret.bin",  "C:secret.bin",      "//host/share/x",          "/",  "graphs/../../../etc/passwd",
      "./../secret.bin", "a/../../secret.bin"};
  return dice.pick(paths);
}

std::string listed_file(const Case& fuzzed, Dice& dice) {
  return dice.pick(fuzzed.bundle.files).first;
}

void text_replaced(Case& fuzzed, const std::string& from, const std::string& to) {
  std::string text = fuzzed.bundle.manifest.dump();
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
  fuzzed.text = text;
}

void gigantic_everywhere(Case& fuzzed, Dice& dice) {
  // One size in the model and in every port, so that the contract holds and only the bounds can refuse.
  static const std::vector<Json> gigantic = {1000000000, 2000000000, 4294967296, 4611686018427387904, 1e18, 1e300};
  const Json size = dice.pick(gigantic);
  Json& manifest = fuzzed.bundle.manifest;
  manifest["model"]["head_width"] = size;
  for (Json& graph : manifest["graphs"]) {
    for (const char* side : {"inputs", "outputs"}) {
      for (Json& port : graph[side]) {
        const auto name = port["name"].get<std::string>();
        if (name.starts_with("cross_") || name.starts_with("self_")) port["shape"][3] = size;
      }
    }
  }
}

void gigantic_state(Case& fuzzed, Dice& dice) {
  // The shape of a state is free: 2 to 31 axes whose product wraps around 64 bits.
  const Json shape(1 + std::vector<int>::size_type{1} + dice.roll(30), 1000000000);
  Json& graph = fuzzed.bundle.manifest["graphs"]["codec_decoder"];
  graph["inputs"][1]["shape"] = shape;
  graph["outputs"][1]["shape"] = shape;
}

const std::vector<std::pair<std::string, Change>>& changes() {
  static const std::vector<std::pair<std::string, Change>> all = {
      {"a listed path outside",
       [](Case& c, Dice& d) {
         c.bundle.manifest["files"].push_back({{"path", path_outside(d)}, {"sha256", std::string(64, '0')}, {"bytes", 1}});
       }},
      {"a used path outside", [](Case& c, Dice& d) { c.bundle.manifest["text"]["tokenizer"] = path_outside(d); }},
      {"weights outside",
       [](Case& c, Dice& d) {
         c.bundle.files["graphs/sketch.onnx"] = onnx(path_outside(d));
         c.bundle.seal();
       }},
      {"weights of no list",
       [](Case& c, Dice&) {
         c.bundle.files["graphs/sketch.onnx"] = onnx("other.bin");
         c.bundle.seal();
       }},
      {"weights outside in a subgraph",
       [](Case& c, Dice& d) {
         const std::string tensor = field(13, field(1, "location") + field(2, path_outside(d)));
         c.bundle.files["graphs/sketch.onnx"] = field(7, field(1, field(5, field(6, field(1, field(5, field(5, tensor)))))));
         c.bundle.seal();
       }},
      {"a link outside", [](Case& c, Dice& d) { c.instead[listed_file(c, d)] = Instead::outside; }},
      {"a link to a device", [](Case& c, Dice& d) { c.instead[listed_file(c, d)] = Instead::device; }},
      {"links in a circle", [](Case& c, Dice& d) { c.instead[listed_file(c, d)] = Instead::circle; }},
      {"a folder for a file", [](Case& c, Dice& d) { c.instead[listed_file(c, d)] = Instead::folder; }},
      {"a missing file", [](Case& c, Dice& d) { c.instead[listed_file(c, d)] = Instead::nothing; }},
      {"a changed file",
       [](Case& c, Dice& d) {
         std::string& bytes = c.bundle.files[listed_file(c, d)];
         bytes[d.roll(bytes.size())] ^= 1;
       }},
      {"a longer file", [](Case& c, Dice& d) { c.bundle.files[listed_file(c, d)] += ' '; }},
      {"another hash of a fused graph",
       [](Case& c, Dice&) { c.bundle.manifest["graphs"]["cached_decoder"]["fused"]["sha256"] = std::string(64, 'a'); }},
      {"a fused graph outside",
       [](Case& c, Dice& d) { c.bundle.manifest["graphs"]["cached_decoder"]["fused"]["file"] = path_outside(d); }},
      {"weights of a fused graph outside",
       [](Case& c, Dice& d) {
         c.bundle.files["graphs/cached_decoder.fused.onnx"] = onnx(path_outside(d));
         c.bundle.seal();
       }},
      {"another hash of a graph", [](Case& c, Dice&) { c.bundle.manifest["graphs"]["sketch"]["sha256"] = std::string(64, 'a'); }},
      {"a file of no list", [](Case& c, Dice&) { c.bundle.manifest["files"].erase(c.bundle.manifest["files"].end() - 1); }},
      {"gigantic sizes", gigantic_everywhere},
      {"a gigantic state", gigantic_state},
      {"endless nesting",
       [](Case& c, Dice& d) {
         const std::size_t levels = 100 + d.roll(100000);
         text_replaced(c, "\"tests\"", d.chance(50) ? std::string(levels, '[') + std::string(levels, ']') : std::string(levels, '['));
       }},
      {"a key twice", [](Case& c, Dice&) { text_replaced(c, "\"name\":\"tiny\"", "\"name\":\"tiny\",\"name\":\"tiny\""); }},
      {"no number",
       [](Case& c, Dice& d) { text_replaced(c, "1.5", d.pick(std::vector<std::string>{"NaN", "Infinity", "-Infinity", "1e999"})); }},
      {"no UTF-8",
       [](Case& c, Dice& d) { text_replaced(c, "tiny", d.pick(std::vector<std::string>{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\\ud800"})); }},
      {"a huge manifest", [](Case& c, Dice&) { c.instead["manifest.json"] = Instead::huge; }},
      {"another version",
       [](Case& c, Dice& d) { c.bundle.manifest["format_version"] = d.pick(std::vector<Json>{1, 2, 4, -1, 3.5, "3", nullptr, 1e30}); }},
      {"a name over lines", [](Case& c, Dice&) { c.bundle.manifest["controls"][2]["kind"] = "a\nb"; }},
      {"another shape",
       [](Case& c, Dice& d) {
         Json& graph = c.bundle.manifest["graphs"][d.chance(50) ? "cached_decoder" : "codec_encoder"];
         graph[d.chance(50) ? "inputs" : "outputs"][0]["shape"][d.roll(3)] = 77;
       }},
  };
  return all;
}

}  // namespace

void make_hostile(Case& fuzzed, Dice& dice) {
  const auto& [what, change] = dice.pick(changes());
  change(fuzzed, dice);
  fuzzed.what += " " + what;
  fuzzed.must_be_refused = true;
}

}  // namespace lmdm::testing
