# The clients of tests/interop that npm has to bring. They are installed into
# the build folder; if they cannot be had, the test fails that fetches them,
# and with it those that need them.

set(rl_node_dir "${CMAKE_CURRENT_BINARY_DIR}/interop/node")
set(rl_interop_dir "${CMAKE_CURRENT_LIST_DIR}")

add_test(NAME interop/npm_install
	COMMAND "${rl_interop_dir}/npm_install.sh" "${rl_node_dir}")
rl_test_properties(interop/npm_install interop)
set_tests_properties(interop/npm_install PROPERTIES FIXTURES_SETUP rl_node)
set_tests_properties(interop/redlock PROPERTIES FIXTURES_REQUIRED rl_node)

target_compile_definitions(test_interop_acl PRIVATE
	RL_DOCS_DIR="${PROJECT_SOURCE_DIR}/docs")
foreach(name redis_py redlock)
	target_compile_definitions(test_interop_${name} PRIVATE
		RL_INTEROP_DIR="${rl_interop_dir}"
		RL_NODE_DIR="${rl_node_dir}")
endforeach()
