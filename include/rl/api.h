/*
 * rl/api.h - how rl's public functions are declared.
 *
 * RL_API marks what the library exports; everything else in it is hidden.
 * RL_BEGIN_DECLS and RL_END_DECLS give C++ programs C linkage.
 */
#ifndef RL_API_H
#define RL_API_H

#if defined(__GNUC__) || defined(__clang__)
#define RL_API __attribute__((visibility("default")))
#else
#define RL_API
#endif

#ifdef __cplusplus
#define RL_BEGIN_DECLS extern "C" {
#define RL_END_DECLS }
#else
#define RL_BEGIN_DECLS
#define RL_END_DECLS
#endif

#endif /* RL_API_H */
