#include "registry/link_header.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(LinkHeader, TheNextPage) {
  const struct {
    const char* header;
    const char* target;
  } cases[] = {
      {R"(</v2/library/debian/tags/list?last=b&n=2>; rel="next")", "/v2/library/debian/tags/list?last=b&n=2"},
      {R"(<https://r.example/v2/x/referrers/sha256:0?p=2>;rel=next)",
       "https://r.example/v2/x/referrers/sha256:0?p=2"},
      {R"(</v2/x/tags/list?last=a,b;c>; rel="next")", "/v2/x/tags/list?last=a,b;c"},
      {R"(</a>; rel="prev", </b>; rel="next", </c>; rel="next")", "/b"},
      {R"(</a>; rel="prev NEXT  last")", "/a"},
      {R"( ,, </a> ;	REL = "Next" ; x , </b>)", "/a"},
      {R"(</a>; title="x, \"y\"; rel=prev"; rel=next)", "/a"},
      {R"(</a>;; rel=next)", "/a"},
      {R"(</a>, </b>; flag; rel=next)", "/b"},
      {R"(<>; rel=next, </b>; rel=next)", "/b"},
  };
  for (const auto& expected : cases) {
    EXPECT_EQ(FindNextLink(expected.header), expected.target) << expected.header;
  }
}

TEST(LinkHeader, OfSeveralRelationsTheFirstCounts) {
  EXPECT_EQ(FindNextLink("</a>; rel=prev; rel=next"), std::nullopt);
  EXPECT_EQ(FindNextLink("</a>; rel; rel=next"), std::nullopt);
  EXPECT_EQ(FindNextLink("</a>; rel=next; rel=prev"), "/a");
}

TEST(LinkHeader, NoNextPage) {
  for (const char* none : {"", ",", "</a>", "</a>; rel=prev", "</a>; rel=nextt", "</a>; rel=\"next,x\"",
                           "</a>; title=next", "</a>; relnext", "<>; rel=next"}) {
    EXPECT_EQ(FindNextLink(none), std::nullopt) << none;
  }
}

TEST(LinkHeader, NothingIsReadBehindAFault) {
  for (const char* bad : {"/a; rel=next", "</a; rel=next", "</a>; rel=\"next", "</a> rel=next",
                          "</a>; rel=next x", "<a b>; rel=next", "<a\nb>; rel=next", "<a\x80>; rel=next",
                          "x, </b>; rel=next", "</a>; rel=(, </b>; rel=next"}) {
    EXPECT_EQ(FindNextLink(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace lacuna
