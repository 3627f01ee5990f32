#include "validate/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

namespace lmdm::validate {
namespace {

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

nlohmann::json json_of(const Check& check) {
  nlohmann::json made{
      {"step", check.step},
      {"step_name", step_name(check.step)},
      {"what", check.what},
      {"metric", check.metric},
      {"measured", number(check.measured)},
      {"bound", {{"value", number(check.bound.value)}, {"reason", check.bound.reason}, {"basis", number(check.bound.basis)}}},
      {"errors", nullptr},
      {"passed", check.passed()}};
  if (check.errors) {
    const Errors& e = *check.errors;
    made["errors"] = {{"max_abs", number(e.max_abs)}, {"max_rel", number(e.max_rel)}, {"cosine", number(e.cosine)},
                      {"snr_db", number(e.snr_db)},   {"finite", number(e.finite)},   {"peak", number(e.peak)}};
  }
  return made;
}

}  // namespace

std::string step_name(int step) {
  static const char* const names[] = {"", "graph", "block", "rollout", "audio"};
  return step >= 1 && step <= 4 ? names[step] : "";
}

bool Check::passed() const noexcept {
  return std::isfinite(measured) && measured <= bound.value;
}

double Control::factor() const noexcept {
  return bound > 0 ? measured / bound : std::numeric_limits<double>::infinity();
}

bool Report::passed() const noexcept {
  return !checks.empty() && std::ranges::all_of(checks, &Check::passed) && std::ranges::all_of(controls, &Control::caught);
}

std::vector<std::string> Report::failures() const {
  std::vector<std::string> sentences;
  for (const Check& c : checks)
    if (!c.passed())
      sentences.push_back("step " + std::to_string(c.step) + " " + step_name(c.step) + ": " + c.what + ": " + c.metric + " is " +
                          figure(c.measured) + ", the bound is " + figure(c.bound.value) + " (" + c.bound.reason + ", " +
                          figure(c.bound.basis) + ")");
  for (const Control& c : controls)
    if (!c.caught())
      sentences.push_back("step " + std::to_string(c.step) + " " + step_name(c.step) + ": the control '" + c.fault + "' was not caught (" +
                          c.metric + " " + figure(c.measured) + ", bound " + figure(c.bound) + "): this check cannot see that fault here");
  return sentences;
}

std::string Report::json() const {
  nlohmann::json made{{"bundle", bundle}, {"reference", reference}, {"backend", backend}, {"passed", passed()}};
  for (const char* list : {"checks", "controls", "not_run"}) made[list] = nlohmann::json::array();
  for (const Check& check : checks) made["checks"].push_back(json_of(check));
  for (const Control& c : controls)
    made["controls"].push_back({{"step", c.step},
                                {"step_name", step_name(c.step)},
                                {"fault", c.fault},
                                {"metric", c.metric},
                                {"measured", number(c.measured)},
                                {"bound", number(c.bound)},
                                {"caught", c.caught()},
                                {"factor", number(c.factor())}});
  for (const NotRun& n : not_run)
    made["not_run"].push_back({{"step", n.step}, {"step_name", step_name(n.step)}, {"what", n.what}, {"reason", n.reason}});
  made["curves"] = nlohmann::json::object();
  for (const auto& [name, values] : curves)
    for (const double value : values) made["curves"][name].push_back(number(value));
  made["seconds"] = seconds;
  made["failures"] = failures();
  return made.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace lmdm::validate
