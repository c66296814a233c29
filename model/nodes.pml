/*
 * Of fences.pml: the bounds, and one of three servers.
 *
 * A node's part of the lock is K, with the client and T that it was set for,
 * and three numbers, which survive K:
 *   t  no T up to here is accepted any more
 *   p  the T of the K that was set last, while nobody has settled it; else 0
 *   s  the version before it: even, T + 1: unlocked; odd: died
 * What happened last, as this node knows, is p, or else s (p is the greater one
 * where it is not 0); with K gone, odd means that the holder died.
 */

#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef TRIES
#define TRIES 2
#endif
#ifndef OTHERS
#define OTHERS TRIES
#endif
#ifndef TMAX
#define TMAX 5
#endif
#ifndef RENEW
#define RENEW 0
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef FORGET
#define FORGET 0
#endif

/* Numbers that ./check finds in what pan prints */
#define ONE_OWNER	101
#define UNIQUE		102
#define ORDERED		103
#define DEATH_TOLD	104
#define NO_FALSE_DEATH	105
#define NOT_BACK	106
#ifndef ONLY	/* this one; 0: all */
#define ONLY		0
#endif
#define SHOW(number, what) \
	assert((what) || (ONLY != 0 && ONLY != number) || number == 0)

/* K: whose (0: nobody's), for which T, and the round of its last lease */
byte kc[3], kT[3], kround[3];
byte t[3], p[3], s[3];
byte votes[3];		/* clients that have heard a yes from it */
#if FORGET > 0
bit blank[3];		/* it forgot, and has not learnt enough since */
byte poor[3];		/* clients whose yes it gave while it was blank */
byte stale;		/* clients that ask, with a vote from before … */
bit became;		/* … and one became a hold */
#define BLANK(i)	blank[i]
#define POOR(c)		(HAS(poor[0], c) + HAS(poor[1], c) + HAS(poor[2], c))
#else
#define BLANK(i)	false
#define POOR(c)		0
#endif

/* A request that runs late, at node late_i; shut: only after the unlock or the
   undo of its attempt has run there */
#define ACCEPT	1
#define RENEWAL	2
#define UNLOCK	3
#define UNDO	4
byte lates = LATE, forgets = FORGET;
byte late, late_i, late_c, late_T, late_round;
bit shut;

/* Answers. Scratch, the same in all states */
hidden byte yes, version, swap;
hidden byte knows;	/* it is not blank */

#define BIT(n)		(1 << (n))
#define HAS(set, n)	(((set) >> (n)) & 1)
#define MAX(a, b)	((a) > (b) -> (a) : (b))
#define MAJORITY	2
#define LATEST(i)	(p[i] != 0 -> p[i] : s[i])
#define VOTES(c)	(HAS(votes[0], c) + HAS(votes[1], c) + HAS(votes[2], c))
#define OURS(i, c, n)	(kc[i] == c && kT[i] == n)
#define LATE_AT(i, c, n) \
	(late_i == i && late_c == c && late_T == n -> late : 0)

/* --- which node is which ------------------------------------------------- */

#define LESS(x, a, b, rest)	(x[a] < x[b] || (x[a] == x[b] && (rest)))
#define LATE_LESS(a, b)		(late && late_i == a)
#if FORGET > 0
#define BLANK_LESS(a, b, rest)	LESS(blank, a, b, LESS(poor, a, b, rest))
#else
#define BLANK_LESS(a, b, rest)	(rest)
#endif
#define BEFORE(a, b) \
	LESS(kc, a, b, LESS(kT, a, b, LESS(kround, a, b, LESS(t, a, b, \
	LESS(p, a, b, LESS(s, a, b, LESS(votes, a, b, BLANK_LESS(a, b, \
	LATE_LESS(a, b)))))))))

#define SWAP(x, a, b)	swap = x[a]; x[a] = x[b]; x[b] = swap

inline order(a, b)
{
	if
	:: BEFORE(b, a) ->
		SWAP(kc, a, b); SWAP(kT, a, b); SWAP(kround, a, b);
		SWAP(t, a, b); SWAP(p, a, b); SWAP(s, a, b);
		SWAP(votes, a, b);
#if FORGET > 0
		SWAP(blank, a, b); SWAP(poor, a, b);
#endif
		late_i = (!late -> 0 : (late_i == a -> b :
			(late_i == b -> a : late_i)))
	:: else
	fi
}

inline sort()
{
#ifndef UNSORTED
	order(0, 1);
	order(1, 2);
	order(0, 1)
#else
	skip
#endif
}

inline choose_any(i)
{
	if
	:: i = 0
	:: i = 1
	:: i = 2
	fi
}

/* One that c has not heard a yes from. */
inline choose(i, c)
{
	if
	:: !HAS(votes[0], c) -> i = 0
	:: !HAS(votes[1], c) -> i = 1
	:: !HAS(votes[2], c) -> i = 2
	fi
}

/* --- what it does -------------------------------------------------------- */

inline free_k(i)
{
	kc[i] = 0; kT[i] = 0; kround[i] = 0
}

inline set_k(i, c, n, round)
{
	kc[i] = c; kT[i] = n; kround[i] = round;
	t[i] = n;
	p[i] = n
}

/* What was undone above n stays shut out; what was last before that, is n. */
inline set_again(i, c, n, round)
{
	kc[i] = c; kT[i] = n; kround[i] = round;
	if
	:: t[i] <= n -> t[i] = n; p[i] = n
#ifdef BUG4	/* and is accepted again */
	:: t[i] > n -> t[i] = n; p[i] = n
#else
	:: t[i] > n -> s[i] = n; p[i] = 0
#endif
	fi
}

/* It is blank no more when c unlocks what it has here: a majority had that, so
   nothing else was there to be known. Unless an attempt is under way that
   has a vote from before, which may become a hold, or has: it takes a while
   until a node is believed. */
inline learn(i, c)
{
#if FORGET > 0
#ifdef BUG22	/* however young it is */
	blank[i] = 0
#else
	blank[i] = blank[i] && (stale || became || !VALID(c))
#endif
#else
	skip
#endif
}

/* yes: accepted; version: what was last, before it */
inline accept(i, c, n)
{
	if
	:: OURS(i, c, n) ->
		yes = 1
#ifdef BUG1	/* each node counts for itself */
	:: kc[i] == 0 ->
		t[i] = t[i] + 2;
		kc[i] = c; kT[i] = n; kround[i] = 0;
		yes = 1
#elif defined(BUG2)
	:: kc[i] == 0 && n >= t[i] ->
#else
	:: kc[i] == 0 && n > t[i] ->
#endif
#ifndef BUG1
#ifndef BUG10	/* an undo would forget what was before */
		s[i] = LATEST(i);
#endif
		set_k(i, c, n, 0);
		yes = 1
#endif
	:: else ->
		yes = 0
	fi;
	version = s[i];
	knows = !BLANK(i)
}

/* yes: K has a lease of this round */
inline renew(i, c, n, round)
{
	if
	:: OURS(i, c, n) ->
		kround[i] = MAX(kround[i], round);
		yes = 1
#ifdef BUG5
	:: kc[i] == 0 && p[i] <= n ->
#else	/* nothing above n is open, or was unlocked */
	:: kc[i] == 0 && p[i] <= n && s[i] <= n ->
#endif
#ifdef BUG19	/* to be repaired by another request, which is lost */
		yes = 1
	:: false ->
#endif
		set_again(i, c, n, round);
		yes = 1
	:: else ->
		yes = 0
	fi
}

/* What began before T is settled with it. */
inline unlock(i, c, n)
{
#ifdef BUG6	/* only where it held */
	if
	:: OURS(i, c, n) ->
		free_k(i);
		s[i] = n + 1;
		p[i] = 0
	:: else
	fi;
#else
	if
#ifdef BUG21	/* an unlock tells a node that forgot all there was */
	:: true ->
		if
		:: OURS(i, c, n) -> free_k(i)
		:: else
		fi;
		learn(i, c)
#else
	:: OURS(i, c, n) -> free_k(i); learn(i, c)
#endif
	:: else
	fi;
	s[i] = MAX(s[i], n + 1);
	if
#ifdef BUG14	/* compares p with T, as if that could not have been raised */
	:: p[i] == n -> p[i] = 0
	:: p[i] != 0 && p[i] < n -> p[i] = n
#else
	:: p[i] <= n -> p[i] = 0
#endif
	:: else
	fi;
	t[i] = MAX(t[i], n);
#endif
	shuts(i, c, n);
	yes = 1
}

/* Its request may yet come: no more. */
inline undo(i, c, n)
{
	if
	:: OURS(i, c, n) ->
		free_k(i);
#ifdef BUG11	/* as if it were an unlock */
		s[i] = n + 1;
#endif
		p[i] = (p[i] == n -> 0 : p[i])
#ifdef BUG8	/* whoever's T that was */
	:: !OURS(i, c, n) && p[i] == n -> p[i] = 0
#endif
#ifdef BUG9	/* whatever it was */
	:: !OURS(i, c, n) -> p[i] = 0
#endif
	:: else
	fi;
#ifndef BUG12
	t[i] = MAX(t[i], n);
#endif
	shuts(i, c, n)
}

/* --- what runs late ------------------------------------------------------ */

inline later(what, i, c, n, round)
{
	late = what; late_i = i; late_c = c; late_T = n; late_round = round
}

/* The end of the attempt has come to node i. */
inline shuts(i, c, n)
{
	if
	:: LATE_AT(i, c, n) == ACCEPT || LATE_AT(i, c, n) == RENEWAL -> shut = 1
	:: else
	fi
}

inline run_late()
{
	if
	:: late == ACCEPT -> accept(late_i, late_c, late_T)
	:: late == RENEWAL -> renew(late_i, late_c, late_T, late_round)
	:: late == UNLOCK -> unlock(late_i, late_c, late_T)
	:: late == UNDO -> undo(late_i, late_c, late_T)
	fi;
	SHOW(NOT_BACK, !shut || !OURS(late_i, late_c, late_T));
	late = 0; late_i = 0; late_c = 0; late_T = 0; late_round = 0; shut = 0
}

/* --- the clients' votes -------------------------------------------------- */

inline count(i, c)
{
	votes[i] = votes[i] | (yes << c)
}

inline forget_votes(c)
{
	votes[0] = votes[0] & ~BIT(c);
	votes[1] = votes[1] & ~BIT(c);
	votes[2] = votes[2] & ~BIT(c);
#if FORGET > 0
	poor[0] = poor[0] & ~BIT(c);
	poor[1] = poor[1] & ~BIT(c);
	poor[2] = poor[2] & ~BIT(c)
#endif
}
