# awk -f count-tests.awk OUTPUT LOG
#
# Counts the tests of a run of ctest: OUTPUT is what it printed, which says how
# each program ended; LOG is its Testing/Temporary/LastTest.log, which holds
# what the programs printed. A program with a summary of Criterion counts as
# its tests, any other as one. What was skipped did not pass.
#
# Prints "PASSED FAILED", and the name of each failure on stderr.

FNR == 1 { file++ }

# "3/7 Test #3: area/name .....   Passed    0.00 sec", or ***Failed and so on
file == 1 && /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
	sub(/^[^:]*: /, "")
	name = $1
	sub(/\.*\*\*\*.*/, "", name)
	sub(/^[^ ]* *\.*/, "")
	ended[name] = $1 == "Passed" ? "Passed" : $0
	order[++n] = name
}

file == 2 && /^[0-9]+\/[0-9]+ Test: / { name = $3 }
file == 2 && /\[====\] Synthesis: Tested:/ {
	parts = split($0, part, "|")
	for (i = 1; i <= parts; i++) {
		value = part[i]
		sub(/.*: */, "", value)
		if (part[i] ~ /Tested/)
			tests[name] += value
		else if (part[i] ~ /Failing/)
			failing[name] += value
	}
}
file == 2 && /\[SKIP\]/ { failing[name]++ }

END {
	for (i = 1; i <= n; i++) {
		name = order[i]
		bad = ended[name] != "Passed"
		all = tests[name] > 0 ? tests[name] : 1
		# Leaks and timeouts fail a program, not one of its tests.
		wrong = failing[name] > 0 ? failing[name] : bad
		passed += all > wrong ? all - wrong : 0
		failed += wrong
		if (wrong)
			print "failed: " name ": " ended[name] > "/dev/stderr"
	}
	print passed + 0, failed + 0
}
