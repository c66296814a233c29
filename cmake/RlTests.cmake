# One line per test: rl_test(area file) for a Criterion program,
# rl_plain_test(area file) for one with a main of its own.
#
# The executable is named after folder and file, tests/sync/test_mutex.c gives
# test_sync_mutex and the ctest name sync/mutex; its label is its area.

set(rl_test_seconds 240)	# of a whole program, for ctest
set(rl_case_seconds 60)		# of one Test(), for Criterion

# What makes a test fail whatever its exit status: Criterion's children end
# with 0 although LeakSanitizer found leaks in them.
set(rl_sanitizer_errors
	"ERROR: LeakSanitizer|ERROR: AddressSanitizer|runtime error: |WARNING: ThreadSanitizer")

function(rl_test_program area file)
	get_filename_component(name "${file}" NAME_WE)
	string(REGEX REPLACE "^test_" "" name "${name}")
	set(target test_${area}_${name})
	add_executable(${target} "${file}")
	rl_flags(${target})
	target_compile_options(${target} PRIVATE -UNDEBUG
		# A list of texts, one of which takes two lines, is no slip.
		$<$<C_COMPILER_ID:Clang>:-Wno-string-concatenation>)
	target_link_libraries(${target} PRIVATE rl_support rl_testing)
	set(rl_test_target ${target} PARENT_SCOPE)
	set(rl_test_name ${area}/${name} PARENT_SCOPE)
endfunction()

function(rl_test_properties name label)
	set_tests_properties(${name} PROPERTIES
		TIMEOUT ${rl_test_seconds}
		LABELS "${label}"
		SKIP_RETURN_CODE 77
		FAIL_REGULAR_EXPRESSION "${rl_sanitizer_errors}")
endfunction()

function(rl_test area file)
	rl_test_program(${area} "${file}")
	target_include_directories(${rl_test_target} PRIVATE
		${RL_CRITERION_INCLUDE_DIRS})
	target_link_libraries(${rl_test_target} PRIVATE
		${RL_CRITERION_LINK_LIBRARIES})
	add_test(NAME ${rl_test_name} COMMAND ${rl_test_target}
		--timeout ${rl_case_seconds})
	rl_test_properties(${rl_test_name} ${area})
	set_tests_properties(${rl_test_name} PROPERTIES ENVIRONMENT
		"LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/lsan.supp:print_suppressions=0")
endfunction()

# The same program again, over so many servers: area/name-over-3.
function(rl_test_over_nodes area file nodes)
	get_filename_component(name "${file}" NAME_WE)
	string(REGEX REPLACE "^test_" "" name "${name}")
	set(again ${area}/${name}-over-${nodes})
	add_test(NAME ${again} COMMAND test_${area}_${name}
		--timeout ${rl_case_seconds})
	rl_test_properties(${again} "${area};quorum")
	set_tests_properties(${again} PROPERTIES ENVIRONMENT
		"RL_TEST_NODES=${nodes};LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/lsan.supp:print_suppressions=0")
endfunction()

# The ThreadSanitizer of gcc 12 cannot place its shadow where the kernel
# spreads addresses over more than 28 bits.
if(RL_SANITIZE STREQUAL "thread" AND EXISTS /proc/sys/vm/mmap_rnd_bits)
	file(READ /proc/sys/vm/mmap_rnd_bits rl_rnd_bits)
	find_program(RL_SETARCH setarch)
	if(rl_rnd_bits GREATER 28 AND RL_SETARCH)
		set(rl_tsan_wrapper ${RL_SETARCH} -R)
	endif()
endif()

function(rl_plain_test area file)
	rl_test_program(${area} "${file}")
	add_test(NAME ${rl_test_name} COMMAND ${rl_tsan_wrapper}
		$<TARGET_FILE:${rl_test_target}>)
	rl_test_properties(${rl_test_name} ${area})
	if(RL_SANITIZE STREQUAL "none" AND RL_VALGRIND)
		set(under valgrind/${rl_test_name})
		add_test(NAME ${under} COMMAND ${RL_VALGRIND} -q
			--error-exitcode=99 --leak-check=full
			--errors-for-leak-kinds=definite,indirect
			--child-silent-after-fork=yes
			"--suppressions=${CMAKE_CURRENT_SOURCE_DIR}/valgrind.supp"
			$<TARGET_FILE:${rl_test_target}>)
		rl_test_properties(${under} valgrind)
		set_tests_properties(${under} PROPERTIES
			ENVIRONMENT RL_TEST_SLOW=1)
	endif()
endfunction()
