/*
 * Of handoff.pml: who asks, and what clock, network and other people do.
 */

/* --- the question --------------------------------------------------------- */

#define MAY_ASK(c) (!dead[c] && (st[c] == WIRE || st[c] == BLOCKED))

#ifndef BUG5
proctype keeper(byte c)
{
end:	do
	:: d_step { MAY_ASK(c) && ((kind == FREE && !x) ||
			(kind == FREE && x && len(wake) == 0) ||
			(kind != FREE && !w)) ->
		ask() }
	od
}
#endif

/* --- the clock, the network, the others ----------------------------------- */

#define HOLD_CAN_END	(dead[kc] || kx != nonce[kc] || lapsed[kc] || \
			(!inside[kc] && st[kc] >= WIRE && answer[kc] == 0))
#define NOBODY_CLAIMS	(hpop == ORPHAN || (hpop < 3 && dead[hpop]) || \
			(hpop < 3 && token[hpop] != kn) || \
			(hpop == UNPOPPED && !SOMEBODY_WAITS))

proctype env()
{
end:	do
	:: d_step { kind == HELD && HOLD_CAN_END ->
		if
		:: entered -> dirty = 1
		:: else -> ghost = 1
		fi;
		free_k() }
	:: d_step { kind == HAND && NOBODY_CLAIMS ->
		free_k(); drop(wake) }
#if SLOW > 0
	:: d_step { kind == HAND && !NOBODY_CLAIMS && slow > 0 ->
		slow--; free_k(); drop(wake) }
	:: d_step { kind != HAND && len(wake) > 0 && slow > 0 ->
		slow--; drop(wake) }
#endif
	:: d_step { kind != HAND && len(wake) > 0 && !SOMEBODY_WAITS ->
		drop(wake) }
#ifdef BUG17	/* the right outlasts w */
	:: d_step { w && !SOMEBODY_WAITS -> w = 0 }
#else
	:: d_step { w && !SOMEBODY_WAITS && !SOMEBODY_MAY -> w = 0 }
#endif
	:: d_step { right[0] -> right[0] = 0 }
	:: d_step { right[1] -> right[1] = 0 }
#if N > 2
	:: d_step { right[2] -> right[2] = 0 }
#endif
#if STALL > 0
	:: d_step { w && SOMEBODY_WAITS && stalls > 0 -> stalls--; w = 0 }
#endif
#if LAPSE > 0
	:: d_step { kind == HELD && !dead[kc] && kx == nonce[kc] &&
			!lapsed[kc] && lapse > 0 ->
		lapse--; lapsed[kc] = 1 }
#endif
#if LATE > 0
	:: d_step { late_c != NOBODY && late_tok == 0 ->
		acquire(late_c, late_x, late_w);
		late_c = NOBODY; late_x = 0; late_w = 0 }
	:: d_step { late_c != NOBODY && late_tok != 0 ->
		claim(late_c, late_x, late_tok);
		late_c = NOBODY; late_x = 0; late_tok = 0 }
#endif
#if LATEASK > 0
	:: d_step { lateasks > 0 -> lateasks--; ask() }
#endif
#if RESET > 0
	:: d_step { resets > 0 -> resets--; reset() }
#endif
#if FLUSH > 0
	:: d_step { flushes > 0 -> flushes--; flushall() }
#endif
#if FOREIGN > 0
	:: d_step { kind == FREE && aliens > 0 -> aliens--; kind = ALIEN;
		SHOW(ONE_OWNER, !OWNS(0) && !OWNS(1) && !OWNS(2)) }
	:: d_step { kind == ALIEN -> free_k() }
#endif
	od
}
