#include "decide/provisioning/linear_program.h"

#include <ClpSimplex.hpp>

namespace gputide::provisioning {

struct LinearProgram::State {
  ClpSimplex model;
  bool solved_once = false;
};

LinearProgram::LinearProgram() : state_(std::make_unique<State>()) {
  state_->model.setLogLevel(0);
  state_->model.setRandomSeed(1);
}

LinearProgram::~LinearProgram() = default;

int LinearProgram::add_row(double at_least) {
  state_->model.addRow(0, nullptr, nullptr, at_least, COIN_DBL_MAX);
  return state_->model.numberRows() - 1;
}

int LinearProgram::add_column(double cost, std::span<const Entry> entries) {
  std::vector<int> rows;
  std::vector<double> coefficients;
  rows.reserve(entries.size());
  coefficients.reserve(entries.size());
  for (const Entry& entry : entries) {
    rows.push_back(entry.row);
    coefficients.push_back(entry.coefficient);
  }
  state_->model.addColumn(static_cast<int>(rows.size()), rows.data(), coefficients.data(), 0.0,
                          COIN_DBL_MAX, cost);
  return state_->model.numberColumns() - 1;
}

void LinearProgram::set_row(int row, double at_least) {
  state_->model.setRowLower(row, at_least);
}

void LinearProgram::set_cost(int column, double cost) {
  state_->model.setObjectiveCoefficient(column, cost);
}

bool LinearProgram::solve() {
  // Columns were added: the old basis stays primal feasible. Rows changed: it stays dual feasible.
  if (state_->solved_once)
    state_->model.primal();
  else
    state_->model.dual();
  state_->solved_once = true;
  return state_->model.isProvenOptimal();
}

double LinearProgram::objective() const {
  return state_->model.objectiveValue();
}

double LinearProgram::dual(int row) const {
  return state_->model.dualRowSolution()[row];
}

double LinearProgram::value(int column) const {
  return state_->model.primalColumnSolution()[column];
}

}  // namespace gputide::provisioning
