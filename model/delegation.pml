/*
 * Delegation: two processes whose one thread each wants the lock for ever, or
 * as often as it likes, and whose keepers listen for recalls. What handoff.pml
 * shows of the line is taken for granted: a hand-off goes to who waits.
 *
 *	spin -a delegation.pml
 *	cc -O1 -w -DNFAIR=3 -o pan pan.c
 *	./pan -a -f -m200000	served, with weak fairness; and the asserts
 *
 * WHAT IT MIRRORS   proctype thread is rli_rest_catch, acquire.c and
 * rli_turn_pass with nobody in line; rest, contended and listened are those of
 * lock/lock.h; proctype keeper is listener.c (hears, listens, is nudged away)
 * and rli_look_after (gives back what rests, in two steps: ENDING, then the
 * servers run the release); env is what breaks.
 *
 * SHOWN
 *   one owner    never two threads inside (assert)
 *   ours         who takes the lock from its rest has K (assert)
 *   served       whoever wants the lock gets it, by one recall alone: nobody
 *                repeats it, and the lock need not ever rest for long (IDLE:
 *                it may). Only a word that is lost with the connection of a
 *                process that had the lock before takes the next QUESTION
 *
 * LEFT OUT   Leases, but that of a process that dies resting; several threads
 * in a process (they share one rest, under one guard); the nonce.
 *
 * BUGS, each -DBUGn
 *   1  a recall is a message that only a blocked listener gets
 *   2  a recall of a lock that is held is forgotten
 *   3  a lost connection is not taken for a recall
 *   4  what rests is given back while it can still be taken
 *   5  a recall read by the process that had the lock before is dropped
 */

#define FREE 9
#define HANDED 8

mtype = { NONE, LIVE, RESTING, ENDING, DEAD };

byte k = FREE;			/* who holds it, at the server */
bool waits[2];			/* blocked, or noted as waiting */
bool token[2];			/* the hand-off, popped by whoever waits */
byte words;			/* in the recall list */

mtype state[2] = NONE;		/* of the hold of a process */
bool contended[2], listens[2];
bool wants[2], inside[2];
byte breaks = 1;		/* connections that may yet */

#define other (1 - me)
#define stands(p) (state[p] == LIVE || state[p] == RESTING)

inline release(p)
{
	assert(k == p);
	if
	:: waits[1 - p] -> k = HANDED; token[1 - p] = true
	:: else -> k = FREE
	fi;
	state[p] = NONE
}

inline push_word()
{
#ifdef BUG1
	if
	:: listens[0] -> listens[0] = false; hear(0)
	:: else -> if
		:: listens[1] -> listens[1] = false; hear(1)
		:: else
		fi
	fi
#else
	if
	:: words < 2 -> words++
	:: else
	fi
#endif
}

/* A word has been read by the keeper of p. */
inline hear(p)
{
	if
#ifdef BUG2
	:: state[p] == RESTING -> contended[p] = true
	:: state[p] == LIVE
#else
	:: stands(p) -> contended[p] = true
#endif
	:: state[p] == ENDING
	:: state[p] == NONE ->
#ifndef BUG5
		words++
#endif
		skip
	:: state[p] == DEAD
	fi
}

proctype thread(byte me)
{
	bool recall;

again:	if
	:: state[me] == DEAD -> goto end_dead
	:: state[me] != DEAD -> wants[me] = true
	fi;
	/* From the rest, or at the servers. */
	if
	:: atomic { state[me] == RESTING -> state[me] = LIVE };
		assert(k == me)
	:: state[me] == DEAD -> goto end_dead
	:: atomic { state[me] == NONE ->
		if
		:: k == FREE -> k = me; state[me] = LIVE;
			contended[me] = false
		:: else -> waits[me] = true; recall = (k == other)
		fi };
		if
		:: state[me] == LIVE -> goto locked
		:: else
		fi;
		if
		:: recall -> atomic { push_word() }
		:: else
		fi;
		atomic { token[me] -> token[me] = false; waits[me] = false;
			assert(k == HANDED); k = me; state[me] = LIVE;
			contended[me] = true }
	fi;
locked:	inside[me] = true;
	assert(!inside[other]);
	wants[me] = false;
	inside[me] = false;
	if
	:: atomic { !contended[me] -> state[me] = RESTING }
	:: atomic { contended[me] -> state[me] = ENDING };
		atomic { release(me) }
	fi;
	goto again;
end_dead:
	wants[me] = false
}

proctype keeper(byte me)
{
	do
	/* listens */
	:: atomic { !listens[me] && !contended[me] && stands(me) ->
		listens[me] = true }
#ifndef BUG1
	:: atomic { listens[me] && words > 0 ->
		words--; listens[me] = false; hear(me) }
#endif
	/* nudged away, once it has the lock no more */
	:: atomic { listens[me] && state[me] == NONE -> listens[me] = false }
	/* given back: recalled, or idle for long (IDLE) */
	:: atomic { state[me] == RESTING &&
#ifndef IDLE
		contended[me]
#else
		true
#endif
		->
#ifndef BUG4
		state[me] = ENDING
#endif
		};
		atomic {
#ifdef BUG4
			if
			:: k == me -> release(me)
			:: else
			fi
#else
			release(me)
#endif
		}
	/* the connection breaks, and with it a word that was on its way */
	:: atomic { listens[me] && breaks > 0 -> breaks--;
		listens[me] = false;
		if
#ifdef QUESTION
		:: words > 0 -> words--
#else
		:: words > 0 && stands(me) -> words--
#endif
		:: true
		fi;
#ifndef BUG3
		if
		:: stands(me) -> contended[me] = true
		:: else
		fi
#else
		goto end_deaf
#endif
		}
#ifdef QUESTION
	/* the question of those who wait, each second: the word once more */
	:: atomic { waits[me] && k == other && words == 0 -> words++ }
#endif
#ifdef DIES
	/* the process ends without a word; later its lease does */
	:: atomic { me == 1 && state[me] == RESTING -> state[me] = DEAD;
		listens[me] = false };
		atomic { assert(k == me);
			if
			:: waits[other] -> k = HANDED; token[other] = true
			:: else -> k = FREE
			fi }
		break
#endif
	:: state[me] == DEAD -> break
	od;
end_deaf: skip
}

init {
	atomic {
		run thread(0); run thread(1);
		run keeper(0); run keeper(1)
	}
}

ltl served { [] (wants[0] -> <> inside[0]) }
