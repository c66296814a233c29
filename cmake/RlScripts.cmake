# rl_embed_scripts(<folder of .lua files> <out folder> <include name>)
# makes <out folder>/scripts_lua.c and .h; editing a script makes them anew.

set(rl_embed_lua "${CMAKE_CURRENT_LIST_DIR}/EmbedLua.cmake")

function(rl_embed_scripts folder out header)
	file(GLOB scripts CONFIGURE_DEPENDS "${folder}/*.lua")
	list(SORT scripts)
	string(REPLACE ";" "," joined "${scripts}")
	file(MAKE_DIRECTORY "${out}")
	add_custom_command(
		OUTPUT "${out}/scripts_lua.c" "${out}/scripts_lua.h"
		COMMAND ${CMAKE_COMMAND}
			"-DOUT_C=${out}/scripts_lua.c"
			"-DOUT_H=${out}/scripts_lua.h"
			"-DHEADER_NAME=${header}"
			"-DSCRIPTS=${joined}"
			-P "${rl_embed_lua}"
		DEPENDS ${scripts} "${rl_embed_lua}"
		COMMENT "Embedding Lua scripts"
		VERBATIM)
	# ISO C promises literals of 4095 bytes only; gcc and clang have no
	# such limit, and scripts are longer.
	set_source_files_properties("${out}/scripts_lua.c" PROPERTIES
		GENERATED TRUE COMPILE_OPTIONS -Wno-overlength-strings)
endfunction()
