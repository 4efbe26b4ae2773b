// Diagnostics: findings about what a person wrote, each at its place and with its remedy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gputide {

/// A place in a text: 1-based line and column (in characters), and the bytes [begin, end) it
/// covers. line 0 means "no place", as for values that no person wrote.
struct Span {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const Span&) const = default;
};

enum class Severity { Error, Warning };

/// A change that is safe to make without asking: the bytes of `where` become `text`.
struct Edit {
  Span where;
  std::string text;
};

/// One finding. `what` says what is wrong; `remedy` says what to write instead (empty if there is
/// none). `code` is its stable name for `-o json`, documentation and suppression, such as
/// "taint-tag-without-effect".
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;
  Span where;
  std::string code;
  std::string what;
  std::string remedy;
  std::vector<Edit> fix;  // edits to the same file; empty when only a person can mend it
};

/// "file:line:col: error: what; remedy", the form that editors understand.
std::string text(const Diagnostic& diagnostic);

/// Where findings are put. Orders them by file, place, severity and text on request.
class Diagnostics {
 public:
  void add(Diagnostic diagnostic) { list_.push_back(std::move(diagnostic)); }
  void error(std::string file, Span where, std::string code, std::string what,
             std::string remedy = {});
  void warning(std::string file, Span where, std::string code, std::string what,
               std::string remedy = {});

  bool has_errors() const;
  const std::vector<Diagnostic>& list() const { return list_; }
  /// Sorted by file (in order of first mention), line, column; exact repeats dropped.
  std::vector<Diagnostic> sorted() const;
  void append(const Diagnostics& other);

 private:
  std::vector<Diagnostic> list_;
};

}  // namespace gputide
