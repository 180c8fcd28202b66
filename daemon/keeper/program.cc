#include "daemon/keeper/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace lacuna {

Program Program::Open(const std::string& path) {
  return Program(UniqueFd(open(path.c_str(), O_PATH | O_CLOEXEC)));
}

bool Program::IsSameFileAs(const Program& other) const {
  struct stat mine = {};
  struct stat others = {};
  if (fstat(fd(), &mine) != 0 || fstat(other.fd(), &others) != 0) return false;
  return mine.st_dev == others.st_dev && mine.st_ino == others.st_ino &&
         mine.st_mtim.tv_sec == others.st_mtim.tv_sec && mine.st_mtim.tv_nsec == others.st_mtim.tv_nsec;
}

void Program::Execute(char** arguments, char** environment) const {
  execveat(fd(), "", arguments, environment, AT_EMPTY_PATH);
}

}  // namespace lacuna
