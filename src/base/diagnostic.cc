#include "base/diagnostic.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/core.h>

namespace gputide {

std::string text(const Diagnostic& d) {
  std::string out = d.file;
  if (d.where.line != 0) out += fmt::format(":{}:{}", d.where.line, d.where.column);
  out += d.severity == Severity::Error ? ": error: " : ": warning: ";
  out += d.what;
  if (!d.remedy.empty()) out += "; " + d.remedy;
  return out;
}

void Diagnostics::error(std::string file, Span where, std::string code, std::string what,
                        std::string remedy) {
  list_.push_back({Severity::Error,
                   std::move(file),
                   where,
                   std::move(code),
                   std::move(what),
                   std::move(remedy),
                   {}});
}

void Diagnostics::warning(std::string file, Span where, std::string code, std::string what,
                          std::string remedy) {
  list_.push_back({Severity::Warning,
                   std::move(file),
                   where,
                   std::move(code),
                   std::move(what),
                   std::move(remedy),
                   {}});
}

bool Diagnostics::has_errors() const {
  return std::any_of(list_.begin(), list_.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::map<std::string, std::size_t> file_order;
  for (const Diagnostic& d : list_) file_order.emplace(d.file, file_order.size());
  std::vector<Diagnostic> out = list_;
  const auto less = [&](const Diagnostic& a, const Diagnostic& b) {
    return std::tuple(file_order.at(a.file), a.where.line, a.where.column, a.severity, a.what) <
           std::tuple(file_order.at(b.file), b.where.line, b.where.column, b.severity, b.what);
  };
  std::stable_sort(out.begin(), out.end(), less);
  const auto same = [](const Diagnostic& a, const Diagnostic& b) {
    return a.file == b.file && a.where == b.where && a.severity == b.severity && a.what == b.what;
  };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

void Diagnostics::append(const Diagnostics& other) {
  list_.insert(list_.end(), other.list_.begin(), other.list_.end());
}

}  // namespace gputide
