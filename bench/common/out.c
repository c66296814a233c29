#include "common/out.h"

#include <stdio.h>

void out_begin(const char *kind)
{
	printf("{\"kind\":\"%s\"", kind);
}

void out_text(const char *key, const char *value)
{
	printf(",\"%s\":\"%s\"", key, value);
}

void out_number(const char *key, double value)
{
	printf(",\"%s\":%.10g", key, value);
}

void out_numbers(const char *key, const double *values, int n)
{
	int i;

	printf(",\"%s\":[", key);
	for (i = 0; i < n; i++)
		printf("%s%.10g", i ? "," : "", values[i]);
	printf("]");
}

void out_end(void)
{
	printf("}\n");
	fflush(stdout);
}
