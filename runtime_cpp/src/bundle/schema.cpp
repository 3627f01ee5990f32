#include "bundle/schema.h"

#include <algorithm>
#include <compare>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bundle/python_repr.h"
#include "bundle/sentence.h"

namespace lmdm::bundles {

namespace {

using Json = nlohmann::json;
using Rule = nlohmann::ordered_json;
using Step = std::variant<std::size_t, std::string>;

struct Failure {
  std::vector<Step> path;  // from where the check began
  bool alternative;        // oneOf
  bool of_type;            // the value has the type that the schema asks for
  std::string message;
  std::vector<Failure> context;  // of an alternative: why each of them fails

  /// The larger, the better it tells what is wrong: nearer to the top first.
  [[nodiscard]] auto relevance() const { return std::tuple(-static_cast<long>(path.size()), path, !alternative, !of_type); }
};

bool is_type(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  return value.is_number_integer();  // Not 2.0, which the schema language would allow: sizes are whole in every language.
}

class Check {
 public:
  Check(const Rule& root, const std::map<std::string, std::regex>& patterns) : root_(root), patterns_(patterns) {}

  void operator()(const Json& value, const Rule& schema) {
    for (const auto& [keyword, rule] : schema.items()) apply(value, schema, keyword, rule);
  }

  std::vector<Failure> found;

 private:
  const Rule& root_;
  const std::map<std::string, std::regex>& patterns_;
  std::vector<Step> path_;

  void fail(const Json& value, const Rule& schema, std::string message, std::vector<Failure> context = {}) {
    const bool of_type = schema.contains("type") && is_type(value, schema["type"].get_ref<const std::string&>());
    const bool alternative = schema.contains("oneOf") && !context.empty();
    found.push_back({path_, alternative, of_type, std::move(message), std::move(context)});
  }

  void below(Step step, const Json& value, const Rule& schema) {
    path_.push_back(std::move(step));
    (*this)(value, schema);
    path_.pop_back();
  }

  std::vector<Failure> failures_of(const Json& value, const Rule& schema) const {
    Check check(root_, patterns_);
    check(value, schema);
    return std::move(check.found);
  }

  void apply(const Json& value, const Rule& schema, const std::string& keyword, const Rule& rule) {
    if (keyword == "$ref") {
      (*this)(value, root_.at(Rule::json_pointer(rule.get_ref<const std::string&>().substr(1))));
    } else if (keyword == "type") {
      if (!is_type(value, rule.get_ref<const std::string&>()))
        fail(value, schema, python_repr(value) + " is not of type " + python_repr(rule));
    } else if (keyword == "const") {
      if (value != Json(rule)) fail(value, schema, python_repr(rule) + " was expected");
    } else if (keyword == "enum") {
      const bool known = std::any_of(rule.begin(), rule.end(), [&value](const Rule& one) { return value == Json(one); });
      if (!known) fail(value, schema, python_repr(value) + " is not one of " + python_repr(rule));
    } else if (keyword == "allOf") {
      for (const Rule& part : rule) (*this)(value, part);
    } else if (keyword == "oneOf") {
      one_of(value, schema, rule);
    } else if (keyword == "if") {
      if (failures_of(value, rule).empty() && schema.contains("then")) (*this)(value, schema["then"]);
    } else if (value.is_number()) {
      check_number(value, schema, keyword, rule);
    } else if (value.is_string()) {
      check_string(value, schema, keyword, rule);
    } else if (value.is_array()) {
      check_array(value, schema, keyword, rule);
    } else if (value.is_object()) {
      check_object(value, schema, keyword, rule);
    }
  }

  void one_of(const Json& value, const Rule& schema, const Rule& alternatives) {
    std::vector<Failure> all;
    std::size_t valid = 0;
    for (const Rule& alternative : alternatives) {
      std::vector<Failure> failures = failures_of(value, alternative);
      valid += failures.empty() ? 1 : 0;
      std::move(failures.begin(), failures.end(), std::back_inserter(all));
    }
    if (valid == 0) fail(value, schema, python_repr(value) + " is not valid under any of the given schemas", std::move(all));
    if (valid > 1) fail(value, schema, python_repr(value) + " is valid under each of several schemas");
  }

  void check_number(const Json& value, const Rule& schema, const std::string& keyword, const Rule& rule) {
    const auto bound = [&rule] { return rule.get<double>(); };
    if (keyword == "minimum" && value.get<double>() < bound()) {
      fail(value, schema, python_repr(value) + " is less than the minimum of " + python_repr(rule));
    } else if (keyword == "maximum" && value.get<double>() > bound()) {
      fail(value, schema, python_repr(value) + " is greater than the maximum of " + python_repr(rule));
    }
  }

  void check_string(const Json& value, const Rule& schema, const std::string& keyword, const Rule& rule) {
    const auto& text = value.get_ref<const std::string&>();
    if (keyword == "minLength" && length_of(text) < rule.get<std::size_t>()) {
      fail(value, schema, python_repr(value) + (rule == 1 ? " should be non-empty" : " is too short"));
    } else if (keyword == "maxLength" && length_of(text) > rule.get<std::size_t>()) {
      fail(value, schema, python_repr(value) + " is too long");
    } else if (keyword == "pattern") {
      // std::regex goes as deep as a text is long: what is over long has failed already, and is not given to it.
      constexpr std::size_t longest = 2048;
      if (text.size() > longest || !std::regex_search(text, patterns_.at(rule.get_ref<const std::string&>()))) {
        fail(value, schema, python_repr(value) + " does not match " + python_repr(rule));
      }
    }
  }

  void check_array(const Json& value, const Rule& schema, const std::string& keyword, const Rule& rule) {
    if (keyword == "items") {
      for (std::size_t i = 0; i < value.size(); ++i) below(i, value[i], rule);
    } else if (keyword == "minItems" && value.size() < rule.get<std::size_t>()) {
      fail(value, schema, python_repr(value) + (rule == 1 ? " should be non-empty" : " is too short"));
    } else if (keyword == "uniqueItems" && rule == true && std::set<Json>(value.begin(), value.end()).size() < value.size()) {
      fail(value, schema, python_repr(value) + " has non-unique elements");
    }
  }

  void check_object(const Json& value, const Rule& schema, const std::string& keyword, const Rule& rule) {
    if (keyword == "required") {
      for (const Rule& name : rule) {
        if (!value.contains(name.get_ref<const std::string&>())) fail(value, schema, python_repr(name) + " is a required property");
      }
    } else if (keyword == "properties") {
      for (const auto& [name, part] : rule.items()) {
        if (value.contains(name)) below(name, value[name], part);
      }
    } else if (keyword == "propertyNames") {
      for (const auto& item : value.items()) (*this)(Json(item.key()), rule);
    } else if (keyword == "additionalProperties") {
      check_extra(value, schema, rule);
    }
  }

  void check_extra(const Json& value, const Rule& schema, const Rule& rule) {
    std::string extra;
    std::size_t count = 0;
    for (const auto& item : value.items()) {
      if (schema.contains("properties") && schema["properties"].contains(item.key())) continue;
      if (rule.is_object()) {
        below(item.key(), item.value(), rule);
      } else if (++count && extra.size() < 1000) {
        extra += (count > 1 ? ", " : "") + in_quotes(item.key());
      }
    }
    if (rule == false && count > 0) {
      fail(value, schema, "Additional properties are not allowed (" + extra + (count > 1 ? " were" : " was") + " unexpected)");
    }
  }
};

const Failure& best_of(const std::vector<Failure>& failures) {
  return *std::max_element(failures.begin(), failures.end(),
                           [](const Failure& a, const Failure& b) { return a.relevance() < b.relevance(); });
}

/// Of the reasons why each alternative fails, the most particular; null where none stands out.
const Failure* deepest_of(const std::vector<Failure>& failures) {
  const auto less = [](const Failure* a, const Failure* b) { return a->relevance() < b->relevance(); };
  std::vector<const Failure*> sorted;
  for (const Failure& failure : failures) sorted.push_back(&failure);
  std::stable_sort(sorted.begin(), sorted.end(), less);
  return sorted.size() > 1 && !less(sorted[0], sorted[1]) ? nullptr : sorted[0];
}

std::string joined(const std::vector<Step>& path) {
  std::string text;
  for (const Step& step : path) {
    if (!text.empty()) text += '.';
    text += std::holds_alternative<std::string>(step) ? std::get<std::string>(step) : std::to_string(std::get<std::size_t>(step));
  }
  return text.empty() ? "the top level" : text;
}

}  // namespace

Schema::Schema(const char* text) {
  try {
    schema_ = Rule::parse(text);
  } catch (const Rule::exception& error) {
    throw std::invalid_argument(error.what());
  }
  prepare(schema_);
}

void Schema::prepare(const Rule& schema) {
  static const std::set<std::string_view> plain = {"$schema", "title",   "description", "$ref",      "type",     "const",       "enum",
                                                   "minimum", "maximum", "minLength",   "maxLength", "required", "uniqueItems", "minItems"};
  static const std::set<std::string_view> one = {"items", "if", "then", "propertyNames"};
  for (const auto& [keyword, rule] : schema.items()) {
    if (keyword == "pattern") {
      patterns_.try_emplace(rule.get<std::string>(), rule.get<std::string>());
    } else if (keyword == "properties" || keyword == "$defs" || keyword == "allOf" || keyword == "oneOf") {
      for (const Rule& part : rule) prepare(part);
    } else if (one.contains(keyword) || (keyword == "additionalProperties" && rule.is_object())) {
      prepare(rule);
    } else if (!plain.contains(keyword) && keyword != "additionalProperties") {
      throw std::invalid_argument("the schema uses " + keyword + ", which is not known here");
    }
  }
}

std::optional<Violation> Schema::check(const Json& document) const {
  Check check(schema_, patterns_);
  check(document, schema_);
  if (check.found.empty()) return std::nullopt;
  const Failure* best = &best_of(check.found);
  std::vector<Step> where = best->path;
  while (!best->context.empty()) {
    const Failure* deeper = deepest_of(best->context);
    if (deeper == nullptr) break;
    best = deeper;
    where.insert(where.end(), best->path.begin(), best->path.end());
  }
  return Violation{joined(where), shortened(best->message, 200)};
}

}  // namespace lmdm::bundles
