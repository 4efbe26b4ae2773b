// A linear program that grows: minimise cost * x subject to rows >= their right side, x >= 0.
// Solved by CLP, which linear_program.cc alone includes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace gputide::provisioning {

class LinearProgram {
 public:
  struct Entry {
    int row;
    double coefficient;
  };

  LinearProgram();
  ~LinearProgram();
  LinearProgram(const LinearProgram&) = delete;
  LinearProgram& operator=(const LinearProgram&) = delete;

  /// Numbers rows from 0. All rows come before the first column.
  int add_row(double at_least);
  /// Numbers columns from 0.
  int add_column(double cost, std::span<const Entry> entries);
  void set_row(int row, double at_least);
  void set_cost(int column, double cost);

  /// True when optimal. Starts from the last solution. Equal programs built by equal steps give
  /// equal answers.
  bool solve();

  double objective() const;
  double dual(int row) const;
  double value(int column) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gputide::provisioning
