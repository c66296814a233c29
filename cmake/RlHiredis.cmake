# Finds hiredis, 0.14 or 1.x, and makes the target rl::hiredis, so that
# <hiredis/hiredis.h> can be included. Makes no target where it is not found.
# Installed too: the package file needs it for rl::rl_static.

if(NOT TARGET rl::hiredis)
	find_package(PkgConfig QUIET)
	if(PKG_CONFIG_FOUND)
		pkg_check_modules(RL_PC_HIREDIS QUIET hiredis)
	endif()
	find_path(RL_HIREDIS_INCLUDE_DIR hiredis/hiredis.h
		HINTS ${RL_PC_HIREDIS_INCLUDE_DIRS}
			${RL_PC_HIREDIS_INCLUDEDIR}
			${RL_PC_HIREDIS_INCLUDEDIR}/..)
	find_library(RL_HIREDIS_LIBRARY hiredis
		HINTS ${RL_PC_HIREDIS_LIBRARY_DIRS} ${RL_PC_HIREDIS_LIBDIR})
	mark_as_advanced(RL_HIREDIS_INCLUDE_DIR RL_HIREDIS_LIBRARY)
	if(RL_HIREDIS_INCLUDE_DIR AND RL_HIREDIS_LIBRARY)
		add_library(rl::hiredis INTERFACE IMPORTED)
		set_target_properties(rl::hiredis PROPERTIES
			INTERFACE_INCLUDE_DIRECTORIES
				"${RL_HIREDIS_INCLUDE_DIR}"
			INTERFACE_LINK_LIBRARIES "${RL_HIREDIS_LIBRARY}")
	endif()
endif()
