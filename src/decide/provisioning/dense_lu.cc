// The two LAPACK routines that CLP calls for the dense part of a basis: LU factors with row pivots,
// and solving with them. Debian's static LAPACK needs a Fortran runtime; these need nothing.
#include <cmath>
#include <utility>

namespace {

struct Matrix {  // column-major, as Fortran's
  double* data;
  int stride;
  double& at(int row, int column) const { return data[row + column * stride]; }
};

void eliminate(Matrix a, int rows, int columns, int k) {
  for (int i = k + 1; i < rows; ++i) a.at(i, k) /= a.at(k, k);
  for (int j = k + 1; j < columns; ++j) {
    const double factor = a.at(k, j);
    if (factor == 0) continue;
    for (int i = k + 1; i < rows; ++i) a.at(i, j) -= a.at(i, k) * factor;
  }
}

// x := L^-1 x (unit lower) and x := U^-1 x, or of their transposes.
void solve_lower(Matrix a, int n, double* x) {
  for (int j = 0; j < n; ++j)
    for (int i = j + 1; i < n; ++i) x[i] -= a.at(i, j) * x[j];
}
void solve_upper(Matrix a, int n, double* x) {
  for (int j = n - 1; j >= 0; --j) {
    x[j] /= a.at(j, j);
    for (int i = 0; i < j; ++i) x[i] -= a.at(i, j) * x[j];
  }
}
void solve_upper_transposed(Matrix a, int n, double* x) {
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < j; ++i) x[j] -= a.at(i, j) * x[i];
    x[j] /= a.at(j, j);
  }
}
void solve_lower_transposed(Matrix a, int n, double* x) {
  for (int j = n - 1; j >= 0; --j)
    for (int i = j + 1; i < n; ++i) x[j] -= a.at(i, j) * x[i];
}

}  // namespace

extern "C" {

// NOLINTNEXTLINE(readability-identifier-naming): LAPACK's name.
void dgetrf_(const int* m, const int* n, double* data, const int* lda, int* pivots, int* info) {
  const Matrix a{data, *lda};
  *info = 0;
  for (int k = 0; k < *m && k < *n; ++k) {
    int pivot = k;
    for (int i = k + 1; i < *m; ++i)
      if (std::fabs(a.at(i, k)) > std::fabs(a.at(pivot, k))) pivot = i;
    pivots[k] = pivot + 1;
    if (a.at(pivot, k) == 0) {
      if (*info == 0) *info = k + 1;
      continue;
    }
    if (pivot != k)
      for (int j = 0; j < *n; ++j) std::swap(a.at(k, j), a.at(pivot, j));
    eliminate(a, *m, *n, k);
  }
}

// NOLINTNEXTLINE(readability-identifier-naming): LAPACK's name.
void dgetrs_(const char* transposed, const int* n, const int* columns, double* data, const int* lda,
             const int* pivots, double* b, const int* ldb, int* info, int /*length*/) {
  const Matrix a{data, *lda};
  *info = 0;
  for (int c = 0; c < *columns; ++c) {
    double* x = b + static_cast<std::ptrdiff_t>(c) * *ldb;
    if (*transposed == 'N' || *transposed == 'n') {
      for (int k = 0; k < *n; ++k) std::swap(x[k], x[pivots[k] - 1]);
      solve_lower(a, *n, x);
      solve_upper(a, *n, x);
    } else {
      solve_upper_transposed(a, *n, x);
      solve_lower_transposed(a, *n, x);
      for (int k = *n - 1; k >= 0; --k) std::swap(x[k], x[pivots[k] - 1]);
    }
  }
}

}  // extern "C"
