#include "daemon/base/hide_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lacuna {
namespace {

TEST(HideArguments, HidesTheValuesAndNothingElse) {
  std::vector<std::string> words = {"prog",           "--creds", "me:pw",  "--creds=you:pw",
                                    "--creds-file=x", "me:pw",   "--creds"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  HideArguments(static_cast<int>(argv.size()), argv.data(), {"--creds"});
  EXPECT_THAT(words, testing::ElementsAre("prog", "--creds", "*****", "--creds=******", "--creds-file=x",
                                          "me:pw", "--creds"));
}

}  // namespace
}  // namespace lacuna
