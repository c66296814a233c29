/* The server's half of handoff.pml: the keys of one lock, its scripts, and what
 * Redis does with clients blocked in BLPOP. */

#define NOBODY	 9
#define TOLD_OFF 255	/* the token `!` */
#define UNPOPPED 10	/* hpop: the token is in the list */
#define ORPHAN	 11	/* hpop: the token is lost */

/* K */
#define FREE	0
#define HELD	1	/* by client kc under nonce kx */
#define HAND	2	/* `#kn` */
#define ALIEN	3	/* by a client of the common recipe */
byte kind = FREE, kc, kx, kn;

/* meta; n 0: absent. w stands for w > now */
byte n;
bit w, d, x;
#ifdef BUG16
byte takes;
#endif

chan wake = [3] of { byte };	/* the list */
chan line = [3] of { byte };	/* clients blocked in BLPOP, in order */

/* The clients, as the others must see them */
#define IDLE	0
#define ANSWER	1	/* the answer to an acquire is on its way */
#define WIRE	2	/* BLPOP is on its way */
#define BLOCKED	3
#define POPPED	4	/* the token is on its way, or the claim's answer */
byte st[3], nonce[3], token[3], answer[3];
bit dead[3], waits[3], inside[3];
bit right[3];		/* to BLPOP without asking first */
bit lapsed[3];		/* the validity of this nonce, by its first send */
bit unlocked[3];	/* its release has run */

/* Answers */
#define GRANTED	1
#define OWNERDEAD 2
#define BUSY	3
#define NOT_REC	4
#define LATE_0	5	/* claim: too late */
#define DONE	6
#define NOT_OURS 7
#define HANDED	8	/* release: done, and w stands for long */

/* What is left of the bounds */
byte dies = DIES, lost = LOST, lates = LATE, slow = SLOW, lapse = LAPSE;
byte stalls = STALL;
byte resets = RESET, flushes = FLUSH, aliens = FOREIGN, lateasks = LATEASK;

/* A request on a connection that was given up; late_tok 0: an acquire */
byte late_c = NOBODY, late_x, late_tok;
bit late_w;

/* Seen by the asserts alone */
byte fence;		/* of the last hold */
byte hi;		/* the clock: no less than any n */
byte hpop;		/* who popped the hand-off that stands */
bit entered;		/* the hold of K has been inside */
bit dirty;		/* a hold that was inside ended without unlock */
bit ghost;		/* one that was never inside did */
bit spoilt;		/* somebody unlocked without consistent */

/* Scratch, the same in all states */
hidden byte r, odd, s_tok, s_c, died, low, i;

#define MINE(c)		(kind == HELD && kc == c && kx == nonce[c])
#define WAITS(i)	(!dead[i] && (st[i] == WIRE || st[i] == BLOCKED || \
			(st[i] == ANSWER && answer[i] == BUSY && waits[i])))
#define SOMEBODY_WAITS	(WAITS(0) || WAITS(1) || WAITS(2))
#define RIGHT(i)	(!dead[i] && right[i])
#define SOMEBODY_MAY	(RIGHT(0) || RIGHT(1) || RIGHT(2))
#define STANDS(i)	(!dead[i] && st[i] == BLOCKED)
#define OWNS(i)		(inside[i] && !lapsed[i] && !dead[i])

inline drop(q)
{
	do
	:: len(q) > 0 -> q?_
	:: else -> break
	od;
	skip
}

/* --- _meta.lua ---------------------------------------------------------- */

inline free_k()
{
	kind = FREE; kc = 0; kx = 0; kn = 0; hpop = 0; entered = 0
}

inline start(o)
{
	if
	:: n == 0 -> n = hi + 2 - (hi % 2) + o
	:: else
	fi
}

inline push(tok)
{
#ifndef BUG2
	drop(wake);
#endif
	if
	:: len(wake) < 3 -> wake!tok
	:: else
	fi
}

inline hand_off()
{
	free_k();
	kind = HAND; kn = n; hpop = UNPOPPED;
	push(n)
}

inline tell()
{
	if
	:: len(wake) == 0 -> push(TOLD_OFF)
	:: else
	fi
}

inline grant(c, nx)
{
	odd = n % 2;
	start(0);
	n = n + 1 + odd;
	d = odd && IS_ROBUST;
	free_k();
	kind = HELD; kc = c; kx = nx;
	r = (odd -> OWNERDEAD : GRANTED);
	SHOW(FENCE, n > fence);
	fence = n;
	hi = (n > hi -> n : hi)
}

inline granted_before()
{
	r = (d -> OWNERDEAD : GRANTED)
}

/* --- Redis: after each script, who is blocked is served ------------------ */

inline popped(c, tok)
{
	token[c] = tok;
	SHOW(TO_A_WAITER, dead[c] || st[c] == WIRE || st[c] == BLOCKED);
	st[c] = POPPED;
	if
	:: tok != TOLD_OFF ->
		SHOW(CURRENT, ONLY_OWNERS || (kind == HAND && kn == tok));
		hpop = (dead[c] -> ORPHAN : c)
	:: else
	fi
}

/* Numbers are only compared, and told odd from even: all live ones become
   smaller by the same even number, so that how often it was locked before
   makes no new state. */
inline lower(v)
{
	low = (v != 0 && v < low -> v : low)
}

inline lessen(v)
{
	v = (v != 0 && v != TOLD_OFF -> v - low : v)
}

inline settle()
{
	low = TOLD_OFF;
	lower(fence); lower(n); lower(hi); lower(late_tok);
	lower(token[0]); lower(token[1]); lower(token[2]);
	i = len(wake);
	do
	:: i > 0 -> wake?s_tok; lower(s_tok); wake!s_tok; i--
	:: else -> break
	od;
	low = (low != TOLD_OFF && low > 3 -> low - 2 - low % 2 : 0);
	lessen(fence); lessen(n); lessen(hi); lessen(late_tok); lessen(kn);
	lessen(token[0]); lessen(token[1]); lessen(token[2]);
	i = len(wake);
	do
	:: i > 0 -> wake?s_tok; lessen(s_tok); wake!s_tok; i--
	:: else -> break
	od;
	skip
}

inline serve()
{
	hi = (n > hi -> n : hi);
	do
	:: len(wake) > 0 && len(line) > 0 ->
		wake?s_tok; line?s_c;
		popped(s_c, s_tok)
	:: else -> break
	od;
	settle()
}

/* --- the scripts, answering in r ----------------------------------------- */

inline in_order(c)
{
	SHOW(IN_ORDER, FLUSH + STALL > 0 || (!STANDS(0) && !STANDS(1) &&
		!STANDS(2)))
}

inline acquire(c, nx, wait)
{
	if
	:: kind == FREE && x ->
		tell();
		r = NOT_REC
#ifndef BUG1
	:: kind == FREE && !x && w ->
		start(0);
#ifndef BUG7
		n = n + 2;
#endif
		hand_off();
		r = BUSY
#endif
	:: kind == FREE && !x &&
#ifdef BUG1
		true ->
#else
		!w ->
#endif
		w = 0;
		in_order(c);
		grant(c, nx)
#ifndef BUG12
	:: kind == HELD && kc == c && kx == nx ->
		granted_before()
#endif
	/* Whoever was blocked would have popped it. The script forgets w here
	   if nobody has noted for 1.5 s that he waits; that is event w. */
	:: kind == HAND && len(wake) > 0 ->
#ifndef BUG2
		drop(wake);
#endif
#ifdef BUG9
		w = 0;
#endif
#ifdef BUG16
		takes = takes + 1;
		if
		:: takes > 1 -> w = 0; takes = 0
		:: else
		fi;
#endif
		in_order(c);
		grant(c, nx)
	:: else ->
		if
		:: wait ->
			start((kind == HELD -> 1 : 0));
			w = 1
		:: else
		fi;
		SHOW(NOT_ITSELF, !(kind == HELD && kc == c && kx == nx));
		r = BUSY
	fi;
	serve()
}

inline claim(c, nx, tok)
{
	if
	:: kind == HELD && kc == c && kx == nx ->
		granted_before()
#ifdef BUG3
	:: kind == HAND || (kind == HELD && (kc != c || kx != nx)) ->
#else
	:: kind == HAND && kn == tok ->
		SHOW(OWN_TOKEN, hpop == c || hpop == ORPHAN);
#endif
#ifdef BUG16
		takes = 0;
#endif
		grant(c, nx)
	:: else ->
		r = LATE_0
	fi;
	serve()
}

/* e: the caller was told EOWNERDEAD and has not mended   xx: died inside */
inline release(c, nx, e, xx)
{
	died = xx;
	if
#ifdef BUG6
	:: kind == HELD ->
#else
	:: kind == HELD && kc == c && kx == nx ->
#endif
		free_k();
		unlocked[c] = 1;
		r = DONE;
#ifndef BUG10
		if
		:: d && !e -> died = 1
		:: else
		fi;
#endif
		if
		:: d && !died ->
			n = n + 1;
			d = 0; w = 0; x = 1;
			SHOW(SPOILED, spoilt);
			tell()
		:: n == 0 && !died	/* meta was lost */
		:: else ->
			n = n + 1;
			d = 0;
			if
			:: (n % 2 == 1) != died -> n = n + 1
			:: else
			fi;
			if
			:: w -> hand_off(); r = HANDED; right[c] = 1
			:: else
			fi
		fi
	:: else ->
		r = NOT_OURS
	fi;
	serve()
}

inline mend(c)
{
	if
	:: MINE(c) && d -> d = 0; dirty = 0; ghost = 0
	:: else
	fi
}

inline ask()
{
	w = 1;
	if
	:: kind == FREE && x ->
		w = 0;
		tell()
	:: kind == FREE && !x ->
		start(0);
#ifndef BUG7
		n = n + 2;
#endif
#ifdef BUG13
		n = n + n % 2;		/* forgets the owner's death */
#endif
#ifdef BUG15
		n = n + 1 - n % 2;	/* takes the hand-off for a hold */
#endif
		hand_off()
	:: else ->
		start((kind == HELD -> 1 : 0))
	fi;
	serve()
}

inline forced()
{
	if
	:: kind == HELD && kx == nonce[kc] -> lapsed[kc] = 1
	:: else
	fi;
	free_k();
	d = 0; x = 0; dirty = 0; ghost = 0
}

inline reset()
{
	forced();
	if
	:: n == 0 -> drop(wake)
	:: else ->
		n = n + 2 + n % 2;
		if
		:: w -> hand_off()
		:: else -> drop(wake)
		fi
	fi;
	serve()
}

inline flushall()
{
	forced();
	n = 0; w = 0;
	drop(wake)
}
