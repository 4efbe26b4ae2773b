# The layers of ARCHITECTURE.md, lowest first. A folder may use only what its line names (and what that names).
add_library(third_party INTERFACE)
target_include_directories(third_party SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(third_party INTERFACE tl::expected)
# fmt is compiled into base (src/base/fmt.cc): Debian's own library is shared only.
target_include_directories(third_party SYSTEM INTERFACE $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)

# A simulation makes and drops small objects without end: jemalloc takes half the time of glibc's allocator.
# Sanitizers bring their own.
add_library(allocator INTERFACE)
if(NOT GPUTIDE_SANITIZE)
  target_link_libraries(allocator INTERFACE ${JEMALLOC_LIB} Threads::Threads ${CMAKE_DL_LIBS})
endif()

gputide_library(base base third_party)
gputide_library(model model base)
gputide_library(codec codec model Boost::json ${YAML_LIB})
gputide_library(state state model)

# Decisions: pure functions of what they are given.
gputide_library(decide_sharing decide/sharing codec)
gputide_library(decide_pricing decide/pricing model)
gputide_library(decide_scheduling decide/scheduling state)
gputide_library(decide_cluster decide/cluster decide_pricing codec)
gputide_library(decide_placement decide/placement base)
gputide_library(decide_provisioning decide/provisioning decide_scheduling decide_sharing decide_pricing codec ${CLP_LIB} ${COINUTILS_LIB} ${BZ2_LIB} ${Z_LIB})
gputide_library(decide_scaling decide/scaling decide_scheduling decide_sharing decide_pricing decide_provisioning codec ${RE2_LIB})
gputide_library(decide_checking decide/checking decide_cluster decide_scaling decide_sharing decide_pricing codec)

# CLP's headers are not ours to warn about.
target_include_directories(decide_provisioning SYSTEM PRIVATE ${CLP_INCLUDE_DIRS})

# Controllers: step(event, now) -> commands.
gputide_library(port port model)
gputide_library(control_scheduler control/scheduler decide_scheduling port)
gputide_library(control_workloads control/workloads port decide_scheduling codec)
gputide_library(control_autoscaler control/autoscaler decide_scaling port)
gputide_library(control_provisioner control/provisioner decide_provisioning port)

# A simulated world, and what is told of any world.
gputide_library(sim sim control_scheduler control_workloads decide_cluster decide_sharing)
gputide_library(report report port codec)
file(GLOB page_parts CONFIGURE_DEPENDS ui/report/*)
set_source_files_properties(src/report/page.S PROPERTIES OBJECT_DEPENDS "${page_parts}")

# The programs: one file a subcommand in src/app.
gputide_library(app app sim control_autoscaler control_provisioner report decide_checking decide_provisioning)
set_source_files_properties(src/app/command_line.cc PROPERTIES COMPILE_DEFINITIONS GPUTIDE_VERSION="${PROJECT_VERSION}")
if(NOT GPUTIDE_FUZZ AND EXISTS ${CMAKE_SOURCE_DIR}/src/app/main.cc)
  add_executable(gputide src/app/main.cc)
  target_link_libraries(gputide PRIVATE app allocator)
endif()

# Compares our answers with what the real programs answered (./dev golden).
if(NOT GPUTIDE_FUZZ)
  find_package(ZLIB REQUIRED)
  file(GLOB golden_sources CONFIGURE_DEPENDS tests/golden/*.cc)
  add_executable(gputide-golden ${golden_sources})
  target_include_directories(gputide-golden PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(gputide-golden PRIVATE codec control_autoscaler decide_provisioning decide_scaling decide_scheduling ZLIB::ZLIB)
endif()

# ./dev bench plan, ./dev bench scaling, ./dev bench placement
if(NOT GPUTIDE_FUZZ)
  add_executable(gputide-bench-plan EXCLUDE_FROM_ALL bench/plan.cc bench/openb_on_ec2.cc)
  target_link_libraries(gputide-bench-plan PRIVATE decide_provisioning allocator)
  add_executable(gputide-bench-scaling EXCLUDE_FROM_ALL bench/scaling.cc)
  target_link_libraries(gputide-bench-scaling PRIVATE decide_scaling allocator)
  add_executable(gputide-bench-placement EXCLUDE_FROM_ALL bench/placement.cc)
  target_link_libraries(gputide-bench-placement PRIVATE decide_placement allocator ZLIB::ZLIB)
endif()
