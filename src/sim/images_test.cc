// How nodes name the images that they have.
#include "sim/images.h"

#include <gtest/gtest.h>

namespace gputide::sim {
namespace {

TEST(Images, AreReportedWithTheirRegistryAndTag) {
  EXPECT_EQ(reported_name("nginx"), "docker.io/library/nginx:latest");
  EXPECT_EQ(reported_name("nginx:1.27"), "docker.io/library/nginx:1.27");
  EXPECT_EQ(reported_name("pytorch/pytorch:2.6.0"), "docker.io/pytorch/pytorch:2.6.0");
  EXPECT_EQ(reported_name("nvcr.io/nvidia/cuda:12.4"), "nvcr.io/nvidia/cuda:12.4");
  EXPECT_EQ(reported_name("localhost/mine"), "localhost/mine:latest");
  EXPECT_EQ(reported_name("registry:5000/mine"), "registry:5000/mine:latest");
  EXPECT_EQ(reported_name("quay.io/a/b@sha256:00"), "quay.io/a/b@sha256:00");
}

}  // namespace
}  // namespace gputide::sim
