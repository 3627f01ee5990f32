#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/guidance.h"
#include "lmdm/manifest.h"

/// Solvers of the flow from noise to data: with `x_t = (1-t) x_0 + t e` and `v = e - x_0`, a velocity gives `x_0 = x - t v`.
///
/// Every operation is rounded to float32 in the order of the Python runtime, where levels and coefficients are float64 and meet
/// float32 arrays only as factors, so that both give the same bits.
namespace lmdm {

/// What a solver asks of a session.
class Flow {
 public:
  Flow() = default;
  virtual ~Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  /// The guided velocities at `x` and level `t`; they stay valid until the next call. `x` is not kept.
  virtual Guided velocity(std::span<const float> x, double t) = 0;
  /// Fresh noise after step `draw`, counted from 1.
  virtual void noise(std::uint32_t draw, std::span<float> values) = 0;
};

/// One way through a schedule. Buffers are made once; `solve` does not allocate.
class Solver {
 public:
  Solver() = default;
  virtual ~Solver() = default;
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  /// Noise `x` [C, o] to data, in place, along levels that fall to 0 (see schedule.h).
  virtual void solve(Flow& flow, std::span<float> x, std::span<const double> schedule) = 0;
};

/// The solver of that name, for `count` = C * o values: euler, heun, rk4, dpmpp-2m or ping-pong (CFG++ makes it ping-pong++).
/// Throws Error(session): unknown, or without a form for CFG++ where the bundle asks for it.
[[nodiscard]] std::unique_ptr<Solver> make_solver(const std::string& name, Guidance guidance, std::size_t count);

}  // namespace lmdm
