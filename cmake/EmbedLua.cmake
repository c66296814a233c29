# cmake -DOUT_C=file.c -DOUT_H=file.h -DHEADER_NAME=redis/x.h
#       -DSCRIPTS=a.lua,b.lua -P EmbedLua.cmake
#
# Turns each script FOO.lua into a `const struct rli_script rli_script_FOO`
# with its text and SHA-1. What a server need not see is left out: comment
# lines, indentation, blank lines. A line `--@include _NAME.lua` is replaced by
# that file of the same folder; a file whose name begins with _ is only ever
# included. Text is handled as one string, never as a list, because a list of
# CMake would trip over the semicolons and brackets of Lua.

cmake_minimum_required(VERSION 3.18)

function(read_script path out)
	file(READ "${path}" text)
	set(text "\n${text}\n")
	get_filename_component(folder "${path}" DIRECTORY)
	foreach(round RANGE 1 33)
		if(NOT text MATCHES
			"\n[ \t]*--@include[ \t]+([^ \t\n]+)[ \t]*\n")
			break()
		endif()
		set(line "${CMAKE_MATCH_0}")
		set(name "${CMAKE_MATCH_1}")
		if(round EQUAL 33)
			message(FATAL_ERROR "${path}: ${name} includes itself")
		endif()
		if(NOT EXISTS "${folder}/${name}")
			message(FATAL_ERROR "${path}: no ${name} to include")
		endif()
		file(READ "${folder}/${name}" included)
		string(REPLACE "${line}" "\n${included}\n" text "${text}")
	endforeach()
	set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(strip_script path text out)
	# A long bracket could hold lines that only look like comments.
	if(text MATCHES "\\[=*\\[" OR text MATCHES "\r")
		message(FATAL_ERROR "${path}: no [[ ]] and no CR in scripts")
	endif()
	string(REGEX REPLACE "\n[ \t]*--[^\n]*" "" text "${text}")
	string(REGEX REPLACE "[ \t]+\n" "\n" text "${text}")
	string(REGEX REPLACE "\n[ \t\n]+" "\n" text "${text}")
	string(REGEX REPLACE "^\n+" "" text "${text}")
	string(REGEX REPLACE "\n+$" "" text "${text}")
	if(text STREQUAL "")
		message(FATAL_ERROR "${path}: nothing in it")
	endif()
	set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(c_literal text out)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\t" "\\t" text "${text}")
	string(REPLACE "??" "?\\?" text "${text}")
	string(REPLACE "??" "?\\?" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t\t\"" text "${text}")
	set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" SCRIPTS "${SCRIPTS}")
set(note "/* Made from the .lua files by cmake/EmbedLua.cmake; do not edit. */\n")
set(c "${note}#include \"${HEADER_NAME}\"\n")
set(h "${note}#ifndef RLI_SCRIPTS_LUA_H\n#define RLI_SCRIPTS_LUA_H\n")
if(SCRIPTS)
	string(APPEND h "\n#include \"redis/script.h\"\n\n")
endif()

foreach(path ${SCRIPTS})
	get_filename_component(name "${path}" NAME_WE)
	if(name MATCHES "^_")
		continue()
	endif()
	if(NOT name MATCHES "^[A-Za-z][A-Za-z0-9_]*$")
		message(FATAL_ERROR "${path}: its name is not a C identifier")
	endif()
	read_script("${path}" text)
	strip_script("${path}" "${text}" text)
	string(LENGTH "${text}" len)
	string(SHA1 sha1 "${text}")
	c_literal("${text}" literal)
	string(APPEND h "extern const struct rli_script rli_script_${name};\n")
	string(APPEND c "\nconst struct rli_script rli_script_${name} = {\n"
		"\t.name = \"${name}\",\n"
		"\t.body =\n\t\t${literal},\n"
		"\t.len = ${len},\n"
		"\t.sha1 = \"${sha1}\",\n};\n")
	string(APPEND all "\t&rli_script_${name},\n")
endforeach()
if(all)
	string(APPEND h "\n/* All of them, NULL behind. */\n"
		"extern const struct rli_script *const rli_scripts[];\n")
	string(APPEND c "\nconst struct rli_script *const rli_scripts[] = {\n"
		"${all}\t0,\n};\n")
endif()
string(APPEND h "\n#endif\n")

file(WRITE "${OUT_C}" "${c}")
file(WRITE "${OUT_H}" "${h}")
