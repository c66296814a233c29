#ifndef BENCH_OUT_H
#define BENCH_OUT_H

/*
 * Results, as one JSON object a line on standard output:
 *
 *	out_begin("phase");
 *	out_text("side", "rl");
 *	out_number("rate", 12345.6);
 *	out_end();
 */

void out_begin(const char *kind);
void out_text(const char *key, const char *value); /* nothing to escape in it */
void out_number(const char *key, double value);
void out_numbers(const char *key, const double *values, int n);
void out_end(void);

#endif
