#include "bundle/json.h"

#include <set>
#include <stdexcept>
#include <vector>

#include "bundle/python_repr.h"

namespace lmdm::bundles {

namespace {

// A manifest nests 8 deep; free-form parts such as `created_with` and `measured` get room.
constexpr int deepest = 64;

std::string without_code(const std::string& message) {
  const auto end = message.find("] ");
  return end == std::string::npos ? message : message.substr(end + 2);
}

}  // namespace

Json parse_json(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&keys](int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (opens && depth >= deepest) throw std::runtime_error("nested deeper than " + std::to_string(deepest) + " levels");
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      throw std::runtime_error("the key " + python_repr(parsed) + " appears twice");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {
    throw std::runtime_error(without_code(error.what()));
  }
}

}  // namespace lmdm::bundles
