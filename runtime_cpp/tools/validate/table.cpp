#include <algorithm>
#include <cmath>
#include <cstdio>

#include "validate/report.h"

namespace lmdm::validate {
namespace {

using Row = std::vector<std::string>;

std::string formatted(const char* form, double value) {
  char text[64];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

std::string figure(double value) {
  return formatted(value != 0 && std::abs(value) < 0.01 ? "%.2e" : "%.4g", value);
}

/// Columns as wide as their widest cell; those from `right` on stand to the right, but for the last.
std::string aligned(const std::vector<Row>& rows, std::size_t right) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string room(widths[i] - row[i].size(), ' ');
      line += i >= right && i + 1 < row.size() ? room + row[i] : row[i] + room;
      line += "  ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string checks_of(const Report& report, const std::vector<std::string>& reasons) {
  std::vector<Row> rows{{"step", "what", "metric", "error", "bound", "of range", "cosine", "SNR dB", "finite", "verdict"}};
  for (const Check& c : report.checks) {
    const auto letter = static_cast<char>('a' + (std::ranges::find(reasons, c.bound.reason) - reasons.begin()));
    Row row{std::to_string(c.step) + " " + step_name(c.step), c.what, c.metric, figure(c.measured), figure(c.bound.value) + " " + letter};
    if (c.errors) {
      const Errors& e = *c.errors;
      row.insert(row.end(),
                 {figure(e.max_rel), formatted("%.6f", e.cosine), formatted("%.1f", e.snr_db), formatted("%.4g %%", 100 * e.finite)});
    } else {
      row.insert(row.end(), 4, "");
    }
    row.emplace_back(c.passed() ? "pass" : "FAIL");
    rows.push_back(std::move(row));
  }
  return aligned(rows, 3);
}

std::string controls_of(const Report& report) {
  std::vector<Row> rows{{"step", "fault", "metric", "error", "bound", "over the bound", "verdict"}};
  for (const Control& c : report.controls)
    rows.push_back({std::to_string(c.step) + " " + step_name(c.step), c.fault, c.metric, figure(c.measured), figure(c.bound),
                    formatted("%.3g x", c.factor()), c.caught() ? "caught" : "MISSED"});
  return aligned(rows, 3);
}

}  // namespace

std::string Report::table() const {
  std::vector<std::string> reasons;
  for (const Check& c : checks)
    if (std::ranges::find(reasons, c.bound.reason) == reasons.end()) reasons.push_back(c.bound.reason);
  std::string text = bundle + " in " + backend + " against " + reference + "\n\n";
  if (!checks.empty()) text += checks_of(*this, reasons);
  for (std::size_t i = 0; i < reasons.size(); ++i) text += std::string("bound ") + static_cast<char>('a' + i) + ": " + reasons[i] + "\n";
  if (!controls.empty()) text += "\nfaults made on purpose; each must leave the bound\n" + controls_of(*this);
  text += "\n";
  for (const NotRun& n : not_run)
    text += "not run: step " + std::to_string(n.step) + " " + step_name(n.step) + ": " + n.what + ": " + n.reason + "\n";
  for (const std::string& sentence : failures()) text += "failed: " + sentence + "\n";
  text += std::string(passed() ? "pass: " : "FAIL: ") + std::to_string(std::ranges::count_if(checks, &Check::passed)) + " of " +
          std::to_string(checks.size()) + " checks keep their bound, " + std::to_string(std::ranges::count_if(controls, &Control::caught)) +
          " of " + std::to_string(controls.size()) + " faults caught\n";
  return text;
}

}  // namespace lmdm::validate
