#include "common/memory.h"

#include <stdio.h>
#include <string.h>

static double status_field(pid_t pid, const char *name)
{
	char line[256];
	double value = 0;
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %lf", &value);
	if (f)
		fclose(f);
	return value;
}

double memory_kb(pid_t pid)
{
	return status_field(pid, "RssAnon");
}

int thread_count(pid_t pid)
{
	return (int)status_field(pid, "Threads");
}
