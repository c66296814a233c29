# cmake --install: headers, both libraries, the package rl for find_package,
# rl.pc for pkg-config, man pages.

include(CMakePackageConfigHelpers)

set(rl_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/rl")

install(DIRECTORY include/rl DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
	FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

# Two sets of targets, because only the static library makes who uses it look
# for hiredis, OpenSSL and pthreads.
foreach(set rl rl_static)
	install(TARGETS ${set} EXPORT ${set}
		LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
		ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
	install(EXPORT ${set} NAMESPACE rl:: FILE ${set}-targets.cmake
		DESTINATION "${rl_cmake_dir}")
endforeach()

configure_package_config_file(cmake/rl-config.cmake.in
	"${PROJECT_BINARY_DIR}/rl-config.cmake"
	INSTALL_DESTINATION "${rl_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/rl-config-version.cmake"
	COMPATIBILITY SameMinorVersion)
install(FILES
	"${PROJECT_BINARY_DIR}/rl-config.cmake"
	"${PROJECT_BINARY_DIR}/rl-config-version.cmake"
	cmake/RlHiredis.cmake
	DESTINATION "${rl_cmake_dir}")

# rl.pc finds its prefix from where it lies, so that `cmake --install --prefix`
# and a moved tree work.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
	set(rl_pc_prefix "${CMAKE_INSTALL_PREFIX}")
	set(rl_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
	file(RELATIVE_PATH rl_up
		"/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
	string(REGEX REPLACE "/$" "" rl_up "${rl_up}")
	set(rl_pc_prefix "\${pcfiledir}/${rl_up}")
	set(rl_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
	set(rl_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
	set(rl_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
if(RL_TLS)
	set(rl_pc_tls " -lssl -lcrypto")
else()
	set(rl_pc_tls "")
endif()
configure_file(cmake/rl.pc.in "${PROJECT_BINARY_DIR}/rl.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/rl.pc"
	DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

foreach(section 1 3 7)
	file(GLOB pages CONFIGURE_DEPENDS
		"${PROJECT_SOURCE_DIR}/man/*.${section}")
	if(pages)
		install(FILES ${pages}
			DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
	endif()
endforeach()
