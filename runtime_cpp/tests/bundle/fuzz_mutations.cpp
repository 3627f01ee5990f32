#include "fuzz_mutations.h"

#include <algorithm>

#include "tiny_formats.h"

namespace lmdm::testing {

namespace {

using Json = nlohmann::json;

/// All nodes below a document with their parents, so that each can be replaced or removed.
void collect(Json& node, std::vector<Json*>& all) {
  all.push_back(&node);
  if (!node.is_structured()) return;
  for (Json& child : node) collect(child, all);
}

Json strange_value(Dice& dice) {
  static const std::vector<Json> values = {nullptr,
                                           "",
                                           -1,
                                           0,
                                           1,
                                           2,
                                           2.5,
                                           true,
                                           false,
                                           1000000000,
                                           1000000001,
                                           2147483647,
                                           2147483648,
                                           -2147483649,
                                           9223372036854775807,
                                           18446744073709551615U,
                                           1e308,
                                           -0.0,
                                           1e-320,
                                           Json::array(),
                                           Json::object(),
                                           Json::array({Json::array()}),
                                           {{"a", 1}},
                                           "state_\n",
                                           "cfg++",
                                           std::string(300, 'x'),
                                           std::string(5000, '0'),
                                           "\xc3\xa4\xe2\x82\xac",
                                           "graphs/./weights.bin",
                                           "graphs//weights.bin",
                                           ".",
                                           "graphs",
                                           std::string(1, '\0'),
                                           "float16",
                                           "block-causal",
                                           "sketch",
                                           "accompaniment"};
  return dice.pick(values);
}

void change_document(Case& fuzzed, Dice& dice) {
  std::vector<Json*> all;
  collect(fuzzed.bundle.manifest, all);
  Json& node = *dice.pick(all);
  switch (dice.roll(6)) {
    case 0:
    case 1:
      node = strange_value(dice);
      break;
    case 2:
      node = Json(*dice.pick(all));  // a copy: one may hold the other
      break;
    case 3:
      if (node.is_object() && !node.empty()) node.erase(std::next(node.begin(), static_cast<std::ptrdiff_t>(dice.roll(node.size()))));
      if (node.is_array() && !node.empty()) node.erase(dice.roll(node.size()));
      break;
    case 4:
      if (node.is_array() && !node.empty()) node.push_back(Json(node[dice.roll(node.size())]));
      if (node.is_object()) node[dice.chance(50) ? "unknown" : "state_x"] = strange_value(dice);
      break;
    default:
      if (node.is_number_integer()) node = node.get<std::int64_t>() + static_cast<std::int64_t>(dice.roll(3)) - 1;
      if (node.is_number_float()) node = -node.get<double>();
  }
}

void change_array(Case& fuzzed, Dice& dice) {
  static const std::vector<std::string> types = {"<f4",           "<f2",  "<i8", "<i4", "<i2", "|b1", "<U1",
                                                 "<U99999999999", "<U-1", "|O",  "<f8", ">f4", "",    "'"};
  static const std::vector<std::string> shapes = {"()",
                                                  "(1,)",
                                                  "(0,)",
                                                  "(1, 1)",
                                                  "(-1,)",
                                                  "(99999999999999,)",
                                                  "(4294967296, 4294967296)",
                                                  "(9223372036854775807, 9223372036854775807, 4)",
                                                  "(18446744073709551617,)",
                                                  "(1.5,)",
                                                  "1",
                                                  "(",
                                                  "(1,,1)",
                                                  "(0, 18446744073709551615)",
                                                  "(1" + std::string(100, ',') + ")"};
  static const std::vector<std::string> endings = {", }", "}", "", ", 'x': 1}", ", 'shape': (1,)}", ", } {"};
  const std::string header = std::string("{'descr': '") + dice.pick(types) + "', 'fortran_order': " + (dice.chance(80) ? "False" : "True") +
                             ", 'shape': " + dice.pick(shapes) + dice.pick(endings);
  std::string file = npy(dice.chance(5) ? std::string(65000, ' ') + header : header, std::string(dice.roll(3) * 4, '\1'));
  if (dice.chance(20)) file[6] = static_cast<char>(dice.roll(5));
  if (dice.chance(10)) damage(file, dice, header);
  const std::string name = dice.chance(90) ? "state_tail.npy" : dice.chance(50) ? "../../x.npy" : "x.txt";
  Members members(dice.chance(90) ? 1 : dice.roll(4), {name, file});
  const std::uint32_t claimed = dice.chance(80) ? 0 : dice.chance(50) ? 1 : 0x7FFFFFFF;
  fuzzed.bundle.files[dice.chance(50) ? "states/codec_decoder.npz" : "fixtures/block.npz"] = zip(members, claimed);
  fuzzed.bundle.seal();
}

void change_graph(Case& fuzzed, Dice& dice) {
  std::string graph = onnx("weights.bin");
  switch (dice.roll(5)) {
    case 0:
      damage(graph, dice, "weights.bin");
      break;
    case 1:  // subgraph within attribute within node, again and again
      for (std::size_t i = dice.roll(300); i > 0; --i) graph = field(1, field(5, field(6, graph)));
      graph = field(7, graph);
      break;
    case 2:
      graph.insert(dice.roll(graph.size()), std::string(1 + dice.roll(12), '\xff'));
      break;
    case 3:
      graph = onnx(std::string(dice.roll(9000), 'w'));
      break;
    default:
      graph.clear();
  }
  fuzzed.bundle.files["graphs/conditioner.onnx"] = graph;
  fuzzed.bundle.seal();
}

void change_bytes(Case& fuzzed, Dice& dice) {
  std::string& bytes = std::next(fuzzed.bundle.files.begin(), static_cast<std::ptrdiff_t>(dice.roll(fuzzed.bundle.files.size())))->second;
  damage(bytes, dice, dice.pick(fuzzed.bundle.files).second);
  if (dice.chance(75)) fuzzed.bundle.seal();
}

void change_text(Case& fuzzed, Dice& dice) {
  std::string text = fuzzed.text.value_or(fuzzed.bundle.manifest.dump());
  damage(text, dice, text);
  fuzzed.text = text;
}

}  // namespace

void damage(std::string& bytes, Dice& dice, const std::string& other) {
  for (std::size_t i = 1 + dice.roll(4); i > 0; --i) {
    const std::size_t at = dice.roll(bytes.size() + 1);
    switch (dice.roll(5)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ 1 << dice.roll(8));
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.erase(at, dice.roll(16));
        break;
      case 3:
        bytes.insert(at, other.substr(dice.roll(other.size() + 1), dice.roll(64)));
        break;
      default:
        bytes.insert(at, 1 + dice.roll(4), static_cast<char>(dice.roll(256)));
    }
  }
}

void mutate(Case& fuzzed, Dice& dice) {
  switch (dice.roll(8)) {
    case 0:
    case 1:
    case 2:
      change_document(fuzzed, dice);
      fuzzed.what += " document";
      break;
    case 3:
    case 4:
      change_array(fuzzed, dice);
      fuzzed.what += " array";
      break;
    case 5:
      change_graph(fuzzed, dice);
      fuzzed.what += " graph";
      break;
    case 6:
      change_bytes(fuzzed, dice);
      fuzzed.what += " bytes";
      break;
    default:
      change_text(fuzzed, dice);
      fuzzed.what += " text";
  }
}

}  // namespace lmdm::testing
