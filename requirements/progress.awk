# Turns the output of `pip install` into one line of progress; the rest goes to `logfile`. If pip failed, its last lines are shown.
# Variables: total (packages in the lock file, some of them for other platforms), logfile.
function show(text) {
  if (is_terminal) printf "\r  %-76s", text
  else if (text != shown) print "  " text
  shown = text
  fflush()
}
BEGIN { is_terminal = system("test -t 1") == 0 }
{ print > logfile }
/^(Collecting|Processing) / {
  count++
  name = $2
  sub(/.*\//, "", name)
  sub(/-(cp|py)[0-9].*/, "", name)
  if (is_terminal || count == 1 || count % 20 == 0) show(count " of " total " packages: " name)
}
/^Installing collected packages/ { show("unpacking " count " packages") }
/^setup failed$/ { failed = 1 }
{ last[NR] = $0 }
END {
  if (is_terminal && shown != "") print ""
  if (failed) {
    for (line = NR - 15; line < NR; line++) if (line > 0) print last[line]
    print "The whole output is in " logfile
    exit 1
  }
}
