# The layers of ARCHITECTURE.md, lowest first. A folder may use only what its line names (and what that names).
add_library(third_party INTERFACE)
target_include_directories(third_party SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(third_party INTERFACE tl::expected)
# fmt is compiled into base (src/base/fmt.cc): Debian's own library is shared only.
target_include_directories(third_party SYSTEM INTERFACE $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)

gputide_library(base base third_party)
gputide_library(model model base)
gputide_library(codec codec model Boost::json ${YAML_LIB})
add_library(port INTERFACE)  # interfaces only
target_link_libraries(port INTERFACE model)
gputide_library(sim sim port)

# Decisions: pure functions of what they are given.
gputide_library(decide_scaling decide/scaling codec ${RE2_LIB})
gputide_library(decide_pricing decide/pricing model)

# Compares our answers with what the real programs answered (./dev golden).
if(NOT GPUTIDE_FUZZ)
  find_package(ZLIB REQUIRED)
  file(GLOB golden_sources CONFIGURE_DEPENDS tests/golden/*.cc)
  add_executable(gputide-golden ${golden_sources})
  target_include_directories(gputide-golden PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(gputide-golden PRIVATE codec decide_scaling ZLIB::ZLIB)
endif()
