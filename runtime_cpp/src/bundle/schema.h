#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

namespace lmdm::bundles {

/// The text of manifest.schema.json, embedded by the build.
extern const char* const manifest_schema_text;

/// A place in a document, such as "codec.frame_size", and what is wrong there.
struct Violation {
  std::string where;
  std::string message;
};

/// The part of JSON Schema 2020-12 that the manifest's schema uses; a keyword beyond it is refused when the schema is read, so nothing is
/// passed over in silence. Of several violations the one nearest to the top is told, in the words of Python's jsonschema.
class Schema {
 public:
  /// Throws std::invalid_argument: no JSON, or a keyword that is not known here.
  explicit Schema(const char* text);

  /// What is wrong with a document, or nothing.
  [[nodiscard]] std::optional<Violation> check(const nlohmann::json& document) const;

 private:
  nlohmann::ordered_json schema_;
  std::map<std::string, std::regex> patterns_;

  void prepare(const nlohmann::ordered_json& schema);
};

}  // namespace lmdm::bundles
