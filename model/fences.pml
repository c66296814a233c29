/*
 * Fences and exclusion of one lock on three servers. Exhaustively searched by
 * ./check.
 *
 *	spin -a -DTRIES=1 -DTMAX=3 -DLATE=1 fences.pml
 *	cc -O2 -w -DSAFETY -DNOREDUCE -DNOFAIR -DCOLLAPSE -o pan pan.c
 *	./pan -m100000			asserts
 *	spin -t -p -g -DTRIES=1 ... fences.pml	what led to an error
 *
 * WHAT IT MIRRORS   inline accept, renew, unlock and undo (nodes.pml) are what
 * a node does; proctype client is an attempt, a hold, its renewals and its
 * unlock; env is what clocks and network do, and a node without its data.
 *
 * SHOWN   Each is an assert; its number is how ./check knows which one failed.
 *   ONE_OWNER      never two clients inside that believe in their validity
 *   UNIQUE         no two holds have the same fence
 *   ORDERED        whoever gets in has a greater fence than all before
 *   DEATH_TOLD     a hold that ended without an unlock is told to the next
 *   NO_FALSE_DEATH nothing else is told to an attempt that began after the
 *                  unlock had succeeded, be it that the unlock missed a node,
 *                  or that attempts were undone
 *   NOT_BACK       where the unlock or the undo of an attempt has run, none of
 *                  its requests sets K again
 *
 * THE NETWORK   In each round a client visits the nodes that it likes, in the
 * order that it likes, again as long as it has heard no answer, and goes on
 * when it likes: a request that never runs is one that is not sent. A visit is
 * heard; or it runs and its answer is lost; or it is late, and runs at any
 * later step; or it is heard, and a copy of it is late.
 *
 * TIME   A lease has rounds: 0 is that of the accept, and each renewal begins
 * one. The validity of a round may end at any step, and from then on K may
 * expire on each node that has heard of no later round. What its client has
 * given up may expire at any step. A client that dies is one whose validity
 * ends and that does nothing more. T is any odd number above the client's last
 * one: clocks differ as they like.
 *
 * BOUNDS   CLIENTS with TRIES attempts each (OTHERS: of all but the first), T
 * up to TMAX; RENEW renewals of each hold (ONE_RENEWS: of the first client's);
 * LATE requests that run late (LATE_END: renewals or unlocks); FORGET nodes
 * that forget all. HEARD: no answer is lost, but of what is late.
 *
 * FORGETTING   A node without its data is blank: its vote counts only if two
 * others', or all, are there. The client that does not hear the third node is
 * left out here: it gets the lock all the same, and docs/quorum.md says what
 * that may break.
 *
 * MISTAKES   -DBUG1 to -DBUG22, each caught; see ./check for what by.
 *
 * The nodes are alike, and kept sorted, so that which one is which makes no new
 * state; -DUNSORTED makes trails easier to read.
 */

byte st[4];
#define IDLE	0
#define ASKING	1
#define UNDOING	2
#define INSIDE	3
#define LEAVING	4
byte T[4];		/* of the attempt */
byte begun[4];		/* the last round begun */
byte believed[4];	/* the last round that a majority confirmed */
byte over[4];		/* rounds below this one are not valid any more */
#define ASKS(c)		((st[c] == ASKING) << c)
#define ASKING_NOW	(ASKS(1) | ASKS(2) | ASKS(3))
#define VALID(c)	(believed[c] >= over[c])
#define OWNS(c)		(st[c] == INSIDE && VALID(c))

#include "nodes.pml"
#include "holds.pml"

#ifdef BUG7	/* a majority of those that answered */
#define WON(c)	(VOTES(c) > refusals)
#elif defined(BUG20)	/* a blank node's vote is as good */
#define WON(c)	(VOTES(c) >= MAJORITY)
#else	/* a blank node's may be another's: he must not have the third */
#define WON(c)	(VOTES(c) - POOR(c) >= MAJORITY || VOTES(c) == 3)
#endif
#ifdef BUG15	/* not looked at again after the last answer */
#define IN_TIME(c)	true
#else
#define IN_TIME(c)	VALID(c)
#endif

/* The answer of an accept: what happened last is what the latest version says. */
inline judge(i, c)
{
	if
	:: yes ->
		votes[i] = votes[i] | BIT(c);
#if FORGET > 0
		poor[i] = poor[i] | (!knows << c);
#endif
#ifdef BUG13	/* any node may tell */
		told = told || version % 2;
#else
		told = (version > highest -> version % 2 : told);
#endif
		highest = MAX(highest, version)
	:: else ->
#ifdef BUG7
		refusals = (refusals < 2 -> refusals + 1 : 2)
#endif
	fi
}

inline forget_answers(c)
{
	forget_votes(c);
	highest = 0; told = 0;
#if FORGET > 0
	stale = stale & ~BIT(c);
#endif
#ifdef BUG7
	refusals = 0
#endif
}

inline next_attempt(c)
{
	forget_answers(c);
	sort();
	st[c] = IDLE;
	begun[c] = 0; believed[c] = 0; over[c] = 0; after[c] = 0
}

#ifdef ONE_RENEWS
#define MAY_RENEW(c)	(c == 1)
#else
#define MAY_RENEW(c)	true
#endif
#ifdef LATE_END	/* only renewals and unlocks */
#define CAN_BE_LATE(what)	(lates > 0 && !late && (what == RENEWAL || \
				what == UNLOCK))
#else
#define CAN_BE_LATE(what)	(lates > 0 && !late)
#endif

proctype client(byte c)
{
	byte left = (c == 1 -> TRIES : OTHERS);
	byte highest, i;
	bit told;
#ifdef BUG7
	byte refusals;
#endif

next:	atomic {
#if TRIES == OTHERS	/* the clients are alike */
		c == 1 || T[c - 1] != 0;
#endif
		d_step { next_attempt(c) }
		if
		:: left == 0 || T[c] >= TMAX -> goto done
		:: else -> left--
		fi;
		T[c] = T[c] + 1 + T[c] % 2;
		do
		:: T[c] < TMAX -> T[c] = T[c] + 2
		:: break
		od;
		after[c] = (fate == UNLOCKED);
		st[c] = ASKING
	}

ask:	atomic {
		if
		:: WON(c) && IN_TIME(c) ->
#ifdef BUG1
			forget_votes(c);
			goto raise
#else
			d_step { enter(c, T[c]); sort() }
			goto hold
#endif
		:: !WON(c) || !IN_TIME(c) ->
			d_step {
				st[c] = UNDOING;
#ifndef BUG3
				forget_answers(c);
#endif
				sort() }
			goto undone
		:: !WON(c) && IN_TIME(c) ->
			choose(i, c);
			if
			:: d_step { accept(i, c, T[c]); judge(i, c);
				i = 0; sort() }
#ifndef HEARD
			:: d_step { accept(i, c, T[c]); i = 0; sort() }
#endif
			:: d_step { CAN_BE_LATE(ACCEPT) ->
				lates--;
				later(ACCEPT, i, c, T[c], 0);
				i = 0; sort() }
			:: d_step { CAN_BE_LATE(ACCEPT) ->
				lates--;
				accept(i, c, T[c]); judge(i, c);
				later(ACCEPT, i, c, T[c], 0); i = 0; sort() }
			fi;
			goto ask
		fi
	}

#ifdef BUG1	/* raises those behind to the highest, whoever holds them */
raise:	atomic {
		if
		:: VOTES(c) >= MAJORITY ->
			d_step { enter(c, highest); sort() }
			goto hold
		:: VOTES(c) < MAJORITY ->
			choose(i, c);
			d_step { t[i] = MAX(t[i], highest);
				votes[i] = votes[i] | BIT(c); i = 0; sort() }
			goto raise
		fi
	}
#endif

undone:	atomic {
		if
		:: d_step { give_up(c) }
			goto next
		:: choose_any(i);
			if
#ifdef BUG3	/* not where no answer came */
			:: d_step { HAS(votes[i], c) ->
				undo(i, c, T[c]); i = 0; sort() }
			:: !HAS(votes[i], c) -> i = 0
#else
			:: d_step { undo(i, c, T[c]); i = 0; sort() }
#endif
			:: d_step { CAN_BE_LATE(UNDO) ->
				lates--;
				haunt(T[c]);
				later(UNDO, i, c, T[c], 0); i = 0; sort() }
			fi;
			goto undone
		fi
	}

hold:	atomic {
		if
#if RENEW > 0
		:: VALID(c) && begun[c] < RENEW && MAY_RENEW(c) ->
			begun[c]++;
			goto again
#endif
		:: VALID(c) ->
			d_step { st[c] = LEAVING; ends(c, ENDING) }
			goto leave
		:: !VALID(c) ->
			d_step { ends(c, DIED) }
#ifdef BUG16	/* the unlock of a hold that is lost settles it */
			st[c] = LEAVING;
			goto leave
#else
			goto next
#endif
		fi
	}

#if RENEW > 0
again:	atomic {
		if
#ifdef BUG17	/* one node is enough */
		:: VOTES(c) > 0 && VALID(c) ->
#else
		:: VOTES(c) >= MAJORITY && VALID(c) ->
#endif
			d_step { believed[c] = begun[c];
				forget_votes(c); sort() }
			goto hold
		:: VOTES(c) < MAJORITY || !VALID(c) ->
			d_step { forget_votes(c); sort() }
			goto hold
		:: VOTES(c) < MAJORITY && VALID(c) ->
			choose(i, c);
			if
			:: d_step { renew(i, c, T[c], begun[c]); count(i, c);
				i = 0; sort() }
#ifndef HEARD
			:: d_step { renew(i, c, T[c], begun[c]);
				i = 0; sort() }
#endif
			:: d_step { CAN_BE_LATE(RENEWAL) ->
				lates--;
				later(RENEWAL, i, c, T[c], begun[c]);
				i = 0; sort() }
			:: d_step { CAN_BE_LATE(RENEWAL) ->
				lates--;
				renew(i, c, T[c], begun[c]); count(i, c);
				later(RENEWAL, i, c, T[c], begun[c]);
				i = 0; sort() }
			fi;
			goto again
		fi
	}
#endif

leave:	/* an unlock that a majority has run has succeeded */
	atomic {
		if
#ifdef BUG18	/* after the first answer */
		:: VOTES(c) > 0 ->
#else
		:: VOTES(c) >= MAJORITY ->
#endif
			d_step {
				if
				:: fate == ENDING -> ends(c, UNLOCKED)
				:: else
				fi }
			goto next
		:: goto next
		:: VOTES(c) < MAJORITY ->
			choose(i, c);
			if
			:: d_step { unlock(i, c, T[c]); count(i, c);
				i = 0; sort() }
#ifndef HEARD
			:: d_step { unlock(i, c, T[c]); i = 0; sort() }
#endif
			:: d_step { CAN_BE_LATE(UNLOCK) ->
				lates--;
				later(UNLOCK, i, c, T[c], 0);
				i = 0; sort() }
			:: d_step { CAN_BE_LATE(UNLOCK) ->
				lates--;
				unlock(i, c, T[c]); count(i, c);
				later(UNLOCK, i, c, T[c], 0); i = 0; sort() }
			fi;
			goto leave
		fi
	}
done:	skip
}

/* An attempt is short: while one asks that has a vote from before that node
   forgot, no lease ends. */
#if FORGET > 0
#define NO_STALE	(stale == 0)
#else
#define NO_STALE	true
#endif
/* K on node i may expire: nobody alive counts on this lease. */
#define EXPIRES(i)	(kc[i] != 0 && NO_STALE && (kT[i] != T[kc[i]] || \
			st[kc[i]] == IDLE || st[kc[i]] == UNDOING || \
			kround[i] < over[kc[i]]))
#ifdef BUG15
#define MAY_LAPSE(c)	(st[c] >= ASKING && over[c] <= begun[c])
#else	/* whose validity ends while it asks gives up */
#define MAY_LAPSE(c)	(st[c] >= INSIDE && over[c] <= begun[c])
#endif

inline expire(i)
{
	if
	:: kT[i] == T[kc[i]] && st[kc[i]] == UNDOING -> haunt(kT[i])
	:: else
	fi;
	free_k(i);
	sort()
}

proctype env()
{
	byte i;

end:	do
	:: d_step { EXPIRES(0) -> expire(0) }
	:: d_step { EXPIRES(1) -> expire(1) }
	:: d_step { EXPIRES(2) -> expire(2) }
	:: d_step { MAY_LAPSE(1) -> over[1]++ }
	:: d_step { MAY_LAPSE(2) -> over[2]++ }
#if CLIENTS > 2
	:: d_step { MAY_LAPSE(3) -> over[3]++ }
#endif
#if LATE > 0
	:: d_step { late -> run_late(); sort() }
#endif
#if FORGET > 0
	:: atomic { forgets > 0 ->
			choose_any(i);
			d_step { free_k(i); t[i] = 0; p[i] = 0; s[i] = 0;
				stale = stale | (votes[i] & ASKING_NOW);
				blank[i] = 1;
				forgets--; i = 0; sort() }
		}
#endif
	od
}

init {
	atomic {
		run client(1);
		run client(2);
#if CLIENTS > 2
		run client(3);
#endif
		run env()
	}
}
