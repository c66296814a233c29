#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <sys/types.h>

/* Memory of its own that a process really uses, in kB. */
double memory_kb(pid_t pid);

/* How many threads it has. */
int thread_count(pid_t pid);

#endif
