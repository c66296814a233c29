# Flags that every target of rl is compiled with. A function and not an
# interface target, so that nothing of it reaches who links to rl.

set(rl_sanitizers_none "")
set(rl_sanitizers_address address,undefined)
set(rl_sanitizers_thread thread)
if(NOT RL_SANITIZE MATCHES "^(none|address|thread)$")
	message(FATAL_ERROR "RL_SANITIZE is none, address or thread, "
		"not ${RL_SANITIZE}")
endif()
set(rl_sanitizers "${rl_sanitizers_${RL_SANITIZE}}")

function(rl_flags target)
	set_target_properties(${target} PROPERTIES
		C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
		CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
	target_compile_definitions(${target} PRIVATE
		$<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
	target_compile_options(${target} PRIVATE
		-Wall -Wextra -Wpedantic -Wshadow -fno-common)
	if(RL_WERROR)
		target_compile_options(${target} PRIVATE -Werror)
	endif()
	if(rl_sanitizers)
		target_compile_options(${target} PRIVATE
			-fsanitize=${rl_sanitizers} -fno-omit-frame-pointer
			-fno-sanitize-recover=all)
		target_link_options(${target} PRIVATE
			-fsanitize=${rl_sanitizers})
	endif()
endfunction()
