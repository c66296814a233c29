/*
 * The protocol of one lock on one server: hand-off, waiting, the question,
 * deaths, lost answers, late requests. Exhaustively searched by ./check.
 *
 *	spin -a -DN=3 -DHOLDS=2 -DDIES=2 -DROBUST handoff.pml
 *	cc -O1 -w -DSAFETY -DNOREDUCE -DNOFAIR -DCOLLAPSE -o pan pan.c
 *	./pan -m100000			asserts, and nobody left over
 *	cc -O1 -w -DNP -DNOREDUCE -DNOFAIR -DCOLLAPSE -o pan pan.c
 *	./pan -l -m100000		no cycle
 *	spin -t -p -g -DN=3 ... handoff.pml	what led to an error
 *
 * WHAT IT MIRRORS   inline acquire, claim, release, mend, ask and reset are
 * lib/redis/scripts/NAME.lua; hand_off, push, tell, start and grant are those
 * of _meta.lua; serve is what Redis does with clients blocked in BLPOP once a
 * script has ended; proctype client is a lock, its wait and its unlock in
 * lib/lock; proctype keeper asks for it; env is what the clock, the network
 * and other people do.
 *
 * SHOWN   Each is an assert; its number is how ./check knows which one failed.
 *   ONE_OWNER      never two clients in the critical section that believe in
 *                  their validity
 *   FENCE          each new hold has a greater fence
 *   IN_ORDER       nobody takes the lock past a living client that is blocked
 *   NOT_STOLEN     the K of a holder that is valid does not vanish
 *   TO_A_WAITER    a token goes to nobody alive that does not wait for it
 *   CURRENT        whoever pops a token pops the hand-off that stands
 *   OWN_TOKEN      only who popped a hand-off claims it
 *   DEATH_TOLD     a hold that ended without unlock is told, until mended
 *   NO_FALSE_DEATH nothing else is: not a hand-off that nobody claimed
 *   SPOILED        not recoverable only by an unlock without consistent
 *   JUDGED         an unlock whose answer was lost is judged rightly
 *   NOT_ITSELF     nobody waits for a hold of its own
 * No lost wake-up: every search ends only in states where each living client
 * has had all its turns (spin's invalid end states), and there is no cycle of
 * any kind (pan -l; there are no progress labels), so that every run reaches
 * such an end, with no assumption of fairness.
 *
 * TIME is left out like this, each freer than the real clock allows:
 *   a lease      K of a hold may expire at any step at which its client is
 *                dead, has abandoned that nonce, or no longer believes in its
 *                validity (event "lapsed": validity always ends first).
 *   a hand-off   may expire at any step once its token is lost; one that a
 *                living client could still claim SLOW times in all.
 *   w            lapses at any step at which no living client waits: who
 *                waits asks each second, and w stands for 1.5 s or more.
 *   the right to wait without asking, which an unlock gives that handed the
 *                lock on, ends at any step; w does not lapse before.
 *   the question can come at any step while its client waits. One that would
 *                change nothing is not modelled.
 * Requests run at the moment of sending; sending, then running later, is the
 * same with the client's step later. What is different, a request that runs
 * after the connection was given up and the request sent again, is `late`.
 *
 * BOUNDS   N clients with HOLDS turns each; DIES deaths; LOST connections
 * lost; LATE requests that run late; SLOW hand-offs that expire under a
 * living client; LAPSE validities that run out; RESET, FLUSH (everything is
 * forgotten), FOREIGN holders, LATEASK questions of who no longer waits;
 * STALL times w lapses under living waiters (stopped processes; as after a
 * FLUSH, IN_ORDER is then not asked for).
 * TRY: a turn may be a trylock; TIMEOUT: a wait may time out; ROBUST.
 *
 * NONCES   lib/lock keeps an attempt's nonce while it waits, and counts a hold
 * that it finds granted before from the last busy answer (attempt.since). Here
 * only a repetition keeps it; a hold that a late request took meanwhile is
 * nobody's, and ends like any that its client does not believe in.
 *
 * MISTAKES   -DBUG1 to -DBUG17, each caught; see ./check for what by.
 */

#include "bounds.pml"
#include "server.pml"

/* --- a client ------------------------------------------------------------- */

inline leave_line(c)
{
	if
	:: line??[eval(c)] -> line??eval(c)
	:: else
	fi
}

inline lose_token(c)
{
	if
	:: kind == HAND && hpop == c -> hpop = ORPHAN
	:: else
	fi;
	token[c] = 0
}

#define IN_USE(c, v)	((kind == HELD && kc == c && kx == v) || \
			(late_c == c && late_x == v))
inline fresh(c)
{
	nonce[c] = (!IN_USE(c, 1) -> 1 : (!IN_USE(c, 2) -> 2 : 3));
	lapsed[c] = 0; unlocked[c] = 0; again = 0
}

inline over(c)
{
	fresh(c); nonce[c] = 0; st[c] = IDLE; waits[c] = 0; told = 0; answer[c] = 0
}

inline enter(c)
{
	SHOW(ONE_OWNER, !OWNS(0) && !OWNS(1) && !OWNS(2) && kind != ALIEN);
	told = (answer[c] == OWNERDEAD && IS_ROBUST);
	SHOW(DEATH_TOLD, !IS_ROBUST || !dirty || told);
	SHOW(NO_FALSE_DEATH, !told || dirty || ghost);
	inside[c] = 1;
	entered = 1;
	st[c] = IDLE; token[c] = 0; answer[c] = 0
}

#ifdef BUG11	/* believes in the validity from the second send */
#define LAPSED(c)	(lapsed[c] && !again)
#else
#define LAPSED(c)	lapsed[c]
#endif

proctype client(byte c)
{
	byte left = HOLDS;
	bit told, again;

turn:	atomic {
		if
		:: left == 0 -> goto done
		:: left > 0 -> left--; waits[c] = 1
		:: left > 0 && TRYLOCK -> left--; waits[c] = 0
		:: left > 0 && right[c] ->
			d_step { left--; waits[c] = 1; fresh(c); st[c] = WIRE }
			goto wire
		fi;
		fresh(c)
	}
send:	/* acquire */
	atomic {
		if
		:: d_step { acquire(c, nonce[c], waits[c]);
			answer[c] = r; st[c] = ANSWER }
		:: lates > 0 && lost > 0 && late_c == NOBODY ->
			lates--; lost--; again = 1;
			late_c = c; late_x = nonce[c]; late_w = waits[c];
			late_tok = 0;
			st[c] = IDLE;
			if
			:: goto send
			:: goto give_up
			fi
		:: dies > 0 -> goto die
		fi
	}
	atomic {
		if
		:: answer[c] == GRANTED || answer[c] == OWNERDEAD ->
			goto granted
		:: answer[c] == BUSY && waits[c] ->
			d_step { answer[c] = 0; st[c] = WIRE }
			goto wire
		:: answer[c] == BUSY && !waits[c] ->
			d_step { over(c) }
			goto turn
		:: answer[c] == NOT_REC ->
			d_step { over(c) }
			goto done
		:: lost > 0 ->
			d_step { lost--; again = 1; st[c] = IDLE;
				answer[c] = 0 }
			if
			:: goto send
			:: goto give_up
			fi
		:: dies > 0 -> goto die
		fi
	}
wire:	/* BLPOP */
	atomic {
		if
		:: d_step {
			if
			:: len(wake) > 0 -> wake?s_tok; popped(c, s_tok)
			:: else -> line!c; st[c] = BLOCKED
			fi }
		:: lost > 0 -> d_step { lost--; fresh(c); st[c] = IDLE }
			goto send
		:: dies > 0 -> goto die
		fi
	}
	atomic {
		if
		:: token[c] == TOLD_OFF ->
			d_step { token[c] = 0; fresh(c); st[c] = IDLE }
			goto send
		:: token[c] != 0 && token[c] != TOLD_OFF ->
			d_step { fresh(c) }
			goto clm
		:: token[c] == 0 && TIMES_OUT ->
			d_step {
#ifndef BUG4
				leave_line(c);
#endif
				over(c) }
			goto turn
		:: lost > 0 ->
			d_step { lost--; leave_line(c); lose_token(c);
				fresh(c); st[c] = IDLE }
			goto send
		:: dies > 0 -> goto die
		fi
	}
clm:	/* claim */
	atomic {
		if
		:: d_step { claim(c, nonce[c], token[c]); answer[c] = r }
		:: lates > 0 && lost > 0 && late_c == NOBODY ->
			lates--; lost--; again = 1;
			late_c = c; late_x = nonce[c]; late_tok = token[c];
			if
			:: goto clm
			:: goto give_up
			fi
		:: dies > 0 -> goto die
		fi
	}
	atomic {
		if
		:: answer[c] == LATE_0 ->
			d_step { answer[c] = 0; token[c] = 0; fresh(c);
				st[c] = IDLE }
			goto send
		:: answer[c] != LATE_0 -> goto granted
		:: lost > 0 ->
			d_step { lost--; again = 1; answer[c] = 0 }
			if
			:: goto clm
			:: goto give_up
			fi
		:: dies > 0 -> goto die
		fi
	}
granted:
	atomic {
		if
		:: LAPSED(c) ->		/* came too late to be believed */
			d_step { release(c, nonce[c], 0, 0);
				fresh(c); st[c] = IDLE; token[c] = 0;
				answer[c] = 0 }
			goto send
		:: else ->
			d_step {
#ifdef BUG11
				lapsed[c] = 0;
#endif
				enter(c); again = 0 }
		fi
	}
hold:	atomic {
		if
		:: told -> d_step { mend(c); told = 0 }
			goto hold
		:: true ->
			d_step {
				inside[c] = 0;
				spoilt = spoilt || told }
		:: IS_ROBUST && dies > 0 ->	/* the thread ends */
			d_step {
				dies--;
				inside[c] = 0;
				dirty = dirty || MINE(c);
				release(c, nonce[c], 0, 1);
				over(c) }
			goto done
		:: dies > 0 -> goto die
		fi
	}
unlock:	atomic {
		if
		:: d_step { release(c, nonce[c], told, 0); answer[c] = r }
		:: lost > 0 -> d_step { lost--; again = 1 }
			goto unlock
		:: dies > 0 -> goto die
		fi
	}
	atomic {
		if
		:: d_step {
			if
			:: answer[c] == DONE
			:: answer[c] == HANDED
			:: answer[c] == NOT_OURS && again && !lapsed[c] ->
#ifdef BUG8
				SHOW(JUDGED, !unlocked[c])
#else
				SHOW(JUDGED, unlocked[c])
#endif
			:: answer[c] == NOT_OURS && !again ->
				SHOW(NOT_STOLEN, ONLY_OWNERS || lapsed[c])
			:: else
			fi;
			over(c) }
			goto turn
		:: lost > 0 -> d_step { lost--; again = 1; answer[c] = 0 }
			goto unlock
		:: dies > 0 -> goto die
		fi
	}
give_up:	/* a release behind the request that was not answered */
	atomic {
		d_step {
#ifdef BUG14
			if
			:: kind == HELD && kc == c && kx == nonce[c] ->
				free_k();
				n = n + 1 + (n + 1) % 2
			:: else
			fi;
#else
			release(c, nonce[c], 0, 0);
#endif
			lose_token(c);
			over(c) }
		goto turn
	}
die:	atomic {
		d_step {
			dies--;
			lose_token(c);
			over(c);
			dead[c] = 1; inside[c] = 0; right[c] = 0 }
		if
		:: d_step { leave_line(c) }
		:: line??[eval(c)]	/* a host lost: Redis sees nothing */
		fi
	}
done:	skip
}

#include "others.pml"

init {
	atomic {
		run client(0);
		run client(1);
#if N > 2
		run client(2);
#endif
#ifndef BUG5
		run keeper(0);
		run keeper(1);
#if N > 2
		run keeper(2);
#endif
#endif
		run env()
	}
}
