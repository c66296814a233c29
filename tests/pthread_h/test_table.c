/*
 * The table of mutexes: by address, and by place and number.
 */
#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "posix/table.h"

enum { PLACES = 3, OBJECTS = 200, STEPS = 20000 };

static const char *const place[PLACES] = { "a.c:1", "b.c:1", "b.c:2" };
static struct rli_px_object object[OBJECTS];
static struct rli_px_entry entry[OBJECTS];
static bool there[OBJECTS];
static bool taken[PLACES][OBJECTS];	/* number */

TestSuite(pthread_h_table, .timeout = 60);

static unsigned expected(int p, unsigned from)
{
	while (taken[p][from])
		from++;
	return from;
}

static int place_of(const struct rli_px_entry *e)
{
	int p = 0;

	while (strcmp(place[p], e->record.site))
		p++;
	return p;
}

static void put(int i, int p, unsigned number)
{
	struct rli_px_entry *replaced;

	memset(&entry[i], 0, sizeof(entry[i]));
	entry[i].record.object = &object[i];
	entry[i].record.number = number;
	strcpy(entry[i].record.site, place[p]);
	cr_assert(rli_px_table_put(&entry[i], &replaced));
	cr_assert_null(replaced);
	there[i] = taken[p][number] = true;
}

static void take_out(int i)
{
	cr_assert_eq(rli_px_table_remove(&object[i]), &entry[i]);
	there[i] = taken[place_of(&entry[i])][entry[i].record.number] = false;
}

Test(pthread_h_table, a_place_gives_its_lowest_number_that_is_free)
{
	unsigned number, from;
	int i, p, step;

	srand(1);
	for (step = 0; step < STEPS; step++) {
		i = rand() % OBJECTS;
		p = rand() % PLACES;
		from = rand() % 4 ? 0 : (unsigned)rand() % (OBJECTS / 2);
		number = rli_px_table_number(place[p], from);
		cr_assert_eq(number, expected(p, from), "%u from %u", number,
			     from);
		cr_assert_eq(rli_px_table_find(&object[i]),
			     there[i] ? &entry[i] : NULL);
		if (there[i])
			take_out(i);
		else if (number < OBJECTS)
			put(i, p, number);
	}
}

Test(pthread_h_table, a_number_that_is_taken_meanwhile_is_refused)
{
	struct rli_px_entry second, *replaced;

	put(0, 0, 7);
	second = entry[0];
	second.record.object = &object[1];
	cr_assert_not(rli_px_table_put(&second, &replaced));
	cr_assert_null(replaced);
	cr_assert_null(rli_px_table_find(&object[1]));
	take_out(0);
	cr_assert(rli_px_table_put(&second, &replaced));
}

Test(pthread_h_table, an_address_has_one_entry)
{
	struct rli_px_entry second, *replaced;

	put(0, 0, 0);
	second = entry[0];
	cr_assert(rli_px_table_put(&second, &replaced));
	cr_assert_eq(replaced, &entry[0]);
	cr_assert_eq(rli_px_table_find(&object[0]), &second);
}
