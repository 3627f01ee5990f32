#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "validate/bounds.h"
#include "validate/metrics.h"

/// What a validation found: checks, faults that had to be caught, and what did not run.
namespace lmdm::validate {

/// One measured quantity against its bound; `errors` where it is the error of an array.
struct Check {
  int step = 0;
  std::string what, metric;
  double measured = 0;
  Bound bound;
  std::optional<Errors> errors;

  [[nodiscard]] bool passed() const noexcept;
};

/// One fault made on purpose; it is caught when its error leaves the bound that the healthy bundle must keep.
struct Control {
  int step = 0;
  std::string fault, metric;
  double measured = 0, bound = 0;

  [[nodiscard]] bool caught() const noexcept { return !(measured <= bound); }
  /// How many times over the bound the fault lies.
  [[nodiscard]] double factor() const noexcept;
};

/// Neither passes nor fails.
struct NotRun {
  int step = 0;
  std::string what, reason;
};

struct Report {
  std::string bundle, reference, backend;
  std::vector<Check> checks;
  std::vector<Control> controls;
  std::vector<NotRun> not_run;
  std::map<std::string, std::vector<double>> curves;  ///< errors of every block of the closed loop
  std::map<std::string, double> seconds;              ///< by step

  /// Something was checked, every check keeps its bound, and every fault was caught.
  [[nodiscard]] bool passed() const noexcept;
  /// A sentence for each check that failed and each fault that was missed.
  [[nodiscard]] std::vector<std::string> failures() const;
  /// The form of `lmdm validate --json`; a figure that is not finite is null.
  [[nodiscard]] std::string json() const;
  /// Two tables for a terminal and the verdict.
  [[nodiscard]] std::string table() const;
};

[[nodiscard]] std::string step_name(int step);

}  // namespace lmdm::validate
