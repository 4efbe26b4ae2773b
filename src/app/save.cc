#include "app/save.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

namespace gputide::app {
namespace {

tl::unexpected<Error> failed(const std::string& path) {
  return fail(fmt::format("{}: {}", path, std::strerror(errno)));
}

Result<void> write_whole(int file, const std::string& path, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed(path);
    done += static_cast<std::size_t>(wrote);
  }
  if (::fsync(file) != 0) return failed(path);
  return {};
}

// A new text on disk beside the file that it will replace.
Result<std::string> write_beside(const FileContent& content) {
  struct stat old{};
  if (::stat(content.path.c_str(), &old) != 0) return failed(content.path);
  std::string name = content.path + ".gputide-" + std::string(6, 'X');  // mkstemp's pattern
  const int file = ::mkstemp(name.data());
  if (file < 0) return failed(content.path);
  Result<void> written = write_whole(file, content.path, content.text);
  if (written && ::fchmod(file, old.st_mode & 07777) != 0) written = failed(content.path);
  if (::close(file) != 0 && written) written = failed(content.path);
  if (written) return name;
  ::unlink(name.c_str());
  return tl::unexpected(written.error());
}

// A second name for the file as it is, from which it can be put back.
Result<std::string> keep_old(const std::string& path) {
  std::string name = path + ".gputide-old";
  ::unlink(name.c_str());
  if (::link(path.c_str(), name.c_str()) != 0) return failed(path);
  return name;
}

struct Pending {
  std::string path;
  std::string fresh;  // "" once it took its place
  std::string old;    // "" while there is none
};

Result<void> replace_all(std::vector<Pending>& files) {
  for (Pending& file : files) {
    Result<std::string> old = keep_old(file.path);
    if (!old) return tl::unexpected(old.error());
    file.old = *old;
  }
  for (Pending& file : files) {
    if (::rename(file.fresh.c_str(), file.path.c_str()) != 0) return failed(file.path);
    file.fresh.clear();
  }
  return {};
}

}  // namespace

Result<void> save_all(const std::vector<FileContent>& files) {
  std::vector<Pending> pending;
  Result<void> result;
  for (const FileContent& content : files) {
    Result<std::string> fresh = write_beside(content);
    if (!fresh) {
      result = tl::unexpected(fresh.error());
      break;
    }
    pending.push_back({content.path, *fresh, {}});
  }
  if (result) result = replace_all(pending);
  for (const Pending& file : pending) {
    if (!file.fresh.empty()) ::unlink(file.fresh.c_str());
    if (file.old.empty()) continue;
    if (!result && file.fresh.empty())
      ::rename(file.old.c_str(), file.path.c_str());
    else
      ::unlink(file.old.c_str());
  }
  return result;
}

}  // namespace gputide::app
