/*
 * Of fences.pml: what is known of holds by who sees everything, and is shown.
 */

byte last;		/* the fence of the last hold */
byte used;		/* fences, a bit for each */
byte fate;		/* of the last hold */
#define UNLOCKED	0
#define NONE_YET	1
#define ENDING		2	/* an unlock began within the validity */
#define DIED		3
bit after[4];		/* the attempt began when the last was UNLOCKED */
byte ghost;		/* the greatest T of an attempt not undone everywhere */

/* An attempt leaves K or a late accept behind. */
inline haunt(n)
{
	ghost = MAX(ghost, n)
}

inline enter(c, fence)
{
	SHOW(ONE_OWNER, !OWNS(1) && !OWNS(2) && !OWNS(3));
	SHOW(UNIQUE, !HAS(used, fence / 2));
	SHOW(ORDERED, fence > last);
#ifndef BUG1
	SHOW(DEATH_TOLD, told || fate == UNLOCKED || fate == ENDING);
	SHOW(NO_FALSE_DEATH, !told || !after[c] || ghost > last);
#endif
	last = fence;
	used = used | BIT(fence / 2);
	fate = NONE_YET;
	after[1] = 0; after[2] = 0; after[3] = 0;
	st[c] = INSIDE;
#if FORGET > 0
	became = became || HAS(stale, c);
#endif
	forget_answers(c)
}

/* That is how c's hold ends, if nobody has got in since. */
inline ends(c, how)
{
	if
	:: last == T[c] -> fate = how
	:: else
	fi
}

/* What c has not undone stays until it expires. */
inline give_up(c)
{
	i = 0;
	do
	:: i < 3 ->
		if
#ifdef BUG3
		:: OURS(i, c, T[c]) && HAS(votes[i], c) -> haunt(T[c])
#else
		:: OURS(i, c, T[c]) -> haunt(T[c])
#endif
		:: LATE_AT(i, c, T[c]) == ACCEPT && !shut ->
			haunt(T[c])
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}
