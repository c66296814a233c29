/* Of handoff.pml: the bounds, 0 or off where not given, and what is shown. */

#ifndef N
#define N 3
#endif
#ifndef HOLDS
#define HOLDS 1
#endif
#ifndef DIES
#define DIES 0
#endif
#ifndef LOST
#define LOST 0
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef SLOW
#define SLOW 0
#endif
#ifndef LAPSE
#define LAPSE 0
#endif
#ifndef RESET
#define RESET 0
#endif
#ifndef FLUSH
#define FLUSH 0
#endif
#ifndef FOREIGN
#define FOREIGN 0
#endif
#ifndef LATEASK
#define LATEASK 0
#endif
#ifndef STALL
#define STALL 0
#endif
#ifndef ONLY_OWNERS	/* look past what others would find earlier */
#define ONLY_OWNERS false
#endif
#ifdef TRY
#define TRYLOCK true
#else
#define TRYLOCK false
#endif
#ifdef TIMEOUT
#define TIMES_OUT true
#else
#define TIMES_OUT false
#endif
#ifdef ROBUST
#define IS_ROBUST true
#else
#define IS_ROBUST false
#endif

/* Numbers that ./check finds in what pan prints */
#define ONE_OWNER	101
#define FENCE		102
#define IN_ORDER	103
#define NOT_STOLEN	104
#define TO_A_WAITER	105
#define CURRENT		106
#define OWN_TOKEN	107
#define DEATH_TOLD	108
#define NO_FALSE_DEATH	109
#define SPOILED		110
#define JUDGED		111
#define NOT_ITSELF	112
#define SHOW(number, what)	assert((what) || number == 0)
