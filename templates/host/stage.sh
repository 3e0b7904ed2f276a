# Changes one host, with a way back that works without us. Appended to it come the functions `files`, `manifest`,
# `expected` and `boot_unit` with the data of this change, and a last line that calls main: a script that a broken
# connection cut short defines functions and does nothing.
# Usage: sh -s -- MARK ID SECONDS OWNER RELOAD LISTENER INTENDED CONNECTION [LOGIN...]
mark=$1 id=$2 seconds=$3 owner=$4 reload=$5 listener=$6 intended=$7 connection=$8
shift 8
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
trap '' HUP PIPE
root=/var/lib/ensign
here=$root/transactions/$id
tab=$(printf '\t')
sshd=${listener%% *}

result() { printf '\n%s result %s %s\n' "$mark" "$1" "$2"; shift 2; printf '%s\n' "$@"; exit 0; }

# The mutex is held as long as this script lives, so whoever gets it knows that no other script is at work; the kernel
# lets go of it when a script dies. The lock tells who holds the host between this script and the confirmation.
take_lock() {
  mkdir -p "$root/transactions" && chmod 700 "$root" "$root/transactions" && (true >"$root/mutex") 2>/dev/null || result refused no-space "cannot write below $root"
  exec 9>"$root/mutex"
  flock -n 9 || result refused locked "$(cat "$root/lock/owner" 2>/dev/null)"
  for other in "$root"/transactions/*; do
    if [ ! -e "$other/armed" ] && [ ! -e "$other/rolling-back" ]; then continue; fi
    if [ -e "$other/armed" ] && [ "$(cat "$other/deadline" 2>/dev/null || echo 0)" -ge "$(date +%s)" ]; then
      result refused locked "$(cat "$root/lock/owner" 2>/dev/null)"
    fi
    # its watchdog is overdue, or died at its work: undo now, and let the operator look again
    ENSIGN_LOCKED=1 sh "$other/undo.sh" "overdue, found by $owner"
    [ -e "$other/rolled-back" ] || result refused locked "$(cat "$root/lock/owner" 2>/dev/null): $(tail -n 1 "$other/log" 2>/dev/null)"
    result refused recovered "${other##*/}"
  done
  mkdir -p "$root/lock" && printf '%s\n' "$id" >"$root/lock/id" && printf '%s\n' "$owner" >"$root/lock/owner" || result refused no-space "cannot write below $root"
}

free_lock() { rm -f "$root/lock/id" "$root/lock/owner"; rmdir "$root/lock"; }
refuse() { rm -rf "$here"; free_lock; result refused "$@"; }

hooks_of() { printf '%s\n' "/etc/systemd/system/ensign-boot-undo-$1.service" "/etc/systemd/system/multi-user.target.wants/ensign-boot-undo-$1.service" "/etc/cron.d/ensign-boot-undo-$1"; }

# What ended earlier is cleared away; a confirmation that a crash cut short keeps its record.
prune() {
  for old in "$root"/transactions/*; do
    if [ ! -d "$old" ] || [ -e "$old/armed" ] || [ -e "$old/rolling-back" ]; then continue; fi
    if [ -e "$old/confirmed" ] && [ -e "$old/state.json" ]; then mv -f "$old/state.json" "$root/state.json"; fi
    hooks_of "${old##*/}" | while read -r hook; do rm -f "$hook"; done
    rm -rf "$old"
  done
}

# Everything is written and backed up before anything live changes.
prepare() {
  mkdir "$here" && manifest >"$here/manifest" && files "$here" && expected >"$here/expected" &&
    printf '%s\n' "$reload" >"$here/reload" && printf '%s\n' "$listener" >"$here/listener" && printf '%s\n' $$ >"$here/stager" ||
    refuse no-space "cannot stage the files"
  while IFS=$tab read -r number operation mode before path; do
    [ "$operation" = directory ] && continue
    if [ -e "$path" ] || [ -h "$path" ]; then
      [ "$(sha256sum <"$path" | cut -d' ' -f1)" = "$before" ] || refuse changed-since-plan "$path"
      cp -p "$path" "$here/old.$number" && cmp -s "$path" "$here/old.$number" || refuse no-space "cannot back up $path"
    else
      [ "$before" = absent ] || refuse changed-since-plan "$path"
      true >"$here/absent.$number" || refuse no-space "cannot write below $root"
    fi
  done <"$here/manifest"
}

# The watchdog is a unit of its own, outside this session, and its next elapse is read back before anything changes.
arm() {
  printf '%s\n' "$(($(date +%s) + seconds))" >"$here/deadline" || refuse no-space "cannot write below $root"
  sync -f "$here" 2>/dev/null || sync
  true >"$here/armed" || refuse no-space "cannot write below $root"
  if [ -d /run/systemd/system ]; then
    boot_unit >"/etc/systemd/system/ensign-boot-undo-$id.service" &&
      chmod 644 "/etc/systemd/system/ensign-boot-undo-$id.service" &&
      mkdir -p /etc/systemd/system/multi-user.target.wants &&
      ln -s "../ensign-boot-undo-$id.service" "/etc/systemd/system/multi-user.target.wants/ensign-boot-undo-$id.service" ||
      unarmed "cannot write the boot unit"
    answer=$(systemd-run --quiet --unit="ensign-undo-$id" --on-active="${seconds}s" --timer-property=AccuracySec=250ms --timer-property=OnUnitInactiveSec=30s /bin/sh "$here/undo.sh" deadline 2>&1) || unarmed "$answer"
    next=$(systemctl show -p NextElapseUSecMonotonic -p ActiveState "ensign-undo-$id.timer" | tr '\n' ' ')
    case $next in *ActiveState=active*) ;; *) unarmed "$next" ;; esac
    case $next in *NextElapseUSecMonotonic=[1-9]*) ;; *) unarmed "$next" ;; esac
  else
    if [ -d /etc/cron.d ]; then
      printf '@reboot root /bin/sh %s/undo.sh boot; kill -HUP "$(cat /run/sshd.pid)" || %s\n' "$here" "$sshd" >"/etc/cron.d/ensign-boot-undo-$id" && chmod 644 "/etc/cron.d/ensign-boot-undo-$id" || unarmed "cannot write the boot hook"
    else
      unarmed "no systemd and no /etc/cron.d: nothing could undo the change after a reboot"
    fi
    # what cannot be undone yet is tried again, as the timer does
    setsid /bin/sh -c 'sleep "$1"; while [ -e "$2" ] && ! /bin/sh "$2" deadline; do sleep 30; done' watchdog "$seconds" "$here/undo.sh" >/dev/null 2>&1 9>&- &
    printf '%s\n' $! >"$here/watchdog" && kill -0 $! 2>/dev/null || unarmed "the watchdog process did not start"
  fi
  # all of it has to outlive a power cut before the first live byte changes
  { sync -f "$here" && sync -f /etc/systemd/system; } 2>/dev/null || sync
  printf '%s step armed\n' "$mark"
}
unarmed() {
  # if its timer runs after all it must find nothing to do
  rm -f "$here/armed"
  if [ -s "$here/watchdog" ]; then kill -KILL "-$(cat "$here/watchdog")" 2>/dev/null; fi
  hooks_of "$id" | while read -r hook; do rm -f "$hook"; done
  refuse watchdog-not-armed "$@"
}

undo() { # code, then its lines
  code=$1
  shift
  ENSIGN_LOCKED=1 sh "$here/undo.sh" "$code" "$@"
  [ -e "$here/rolled-back" ] && result rolled-back "$code" "$@"
  result rolled-back "$code" "$@" "the watchdog undoes it"
}

# after a stall longer than the deadline the watchdog has undone everything, and nothing may change any more
still_armed() { [ -e "$here/armed" ] || result rolled-back deadline "the watchdog was faster than the change"; }

swap() {
  while IFS=$tab read -r number operation mode before path; do
    case $operation in
      directory)
        [ -d "$path" ] && continue
        mkdir "$path" && true >"$here/made.$number" && chmod "$mode" "$path" || undo cannot-write "$path" ;;
      write)
        # group and access list of what is replaced stay
        if [ -e "$path" ]; then cp -p "$path" "$path.ensign-$id"; fi
        cat "$here/new.$number" >"$path.ensign-$id" && chmod "$mode" "$path.ensign-$id" && chown root "$path.ensign-$id" || undo cannot-write "$path" ;;
      remove) ;;
    esac
    still_armed
    case $operation in
      write) mv -f "$path.ensign-$id" "$path" || undo cannot-write "$path" ;;
      remove) rm -f "$path" || undo cannot-write "$path" ;;
    esac
    if command -v restorecon >/dev/null 2>&1; then restorecon "$path" 2>/dev/null; fi
  done <"$here/manifest"
  sync -f /etc/ssh 2>/dev/null || sync
}

connection_spec() {
  # shellcheck disable=SC2086 # split into its four words
  set -- ${connection:-127.0.0.1 0 127.0.0.1 22}
  printf 'host=%s,addr=%s,laddr=%s,lport=%s' "$1" "$1" "$3" "$4"
}

# What sshd would do for each login, keywords in lower case, into $here/NAME.LOGIN
effective() {
  name=$1
  shift
  for login in "$@"; do
    "$sshd" -T -C "user=$login,$(connection_spec)" 2>/dev/null | awk '{ $1 = tolower($1); print }' | sort >"$here/$name.$login"
    awk -v skip="$intended" 'BEGIN { n = split(skip, words, ","); for (i = 1; i <= n; i++) out[words[i]] = 1 } !($1 in out)' "$here/$name.$login" >"$here/$name-rest.$login"
  done
}

# our block at the top of a file moves the lines that old complaints name; sshd ends its lines with CR and LF
without_line_numbers() { tr -d '\r' | sed 's/ line [0-9][0-9]*:/:/'; }

# Into a file. The folder that a socket-activated sshd takes away with every connection is made again, as in the probe.
test_sshd() {
  "$sshd" -t >"$1" 2>&1 && return 0
  status=$?
  case $(cat "$1") in
    *'Missing privilege separation directory: /run/'* | *'Missing privilege separation directory: /var/run/'*) ;;
    *) return "$status" ;;
  esac
  mkdir -p -m 755 "$(sed -n 's/.*Missing privilege separation directory: \([^[:cntrl:]]*\).*/\1/p' "$1")"
  "$sshd" -t >"$1" 2>&1
}

validate() {
  test_sshd "$here/test.raw"
  status=$?
  without_line_numbers <"$here/test.raw" >"$here/test.after"
  # a line that was not there before is a failure, whatever the exit status says
  complaint=$(grep -v -x -F -f "$here/test.before" "$here/test.after")
  if [ "$status" -ne 0 ] || [ -n "$complaint" ]; then undo sshd-test-failed "sshd -t: ${complaint:-exit $status}"; fi
  effective after "$@"
  for login in "$@"; do
    cmp -s "$here/before-rest.$login" "$here/after-rest.$login" || undo unintended-change "for login $login: $(diff "$here/before-rest.$login" "$here/after-rest.$login" | grep '^[<>]' | head -n 5 | tr '\n' ';')"
    while read -r line; do
      grep -q -x -F "$line" "$here/after.$login" || undo effective-mismatch "for login $login sshd does not say: $line"
    done <"$here/expected"
  done
}

# A socket of systemd hands over its listener, and some sshd's (Debian 13) lose it when they execute themselves anew: they
# die. Connections wait in the socket while such a unit restarts, and KillMode=process leaves those that are open alone.
reload_verb() {
  if [ "$(systemctl show -p KillMode --value "$1" 2>/dev/null)" = process ]; then
    for trigger in $(systemctl show -p TriggeredBy --value "$1" 2>/dev/null); do
      case $trigger in *.socket) if systemctl is-active --quiet "$trigger"; then echo restart; return; fi ;; esac
    done
  fi
  echo reload
}

# sshd executes itself anew some time after it was told to, and serves what it had until then. It writes its pid file last.
reload_sshd() {
  kind=${reload%% *} what=${reload#* }
  pid_file=$("$sshd" -T 2>/dev/null | awk 'tolower($1) == "pidfile" { print $2 }')
  written=$(stat -c %y "$pid_file" 2>/dev/null)
  case $kind in
    systemd) systemctl "$(reload_verb "$what")" "$what" 2>"$here/reload.log" || undo reload-failed "$(head -n 3 "$here/reload.log")" ;;
    signal) kill -HUP "$what" 2>"$here/reload.log" || undo reload-failed "$(head -n 3 "$here/reload.log")" ;;
    socket) return ;;
  esac
  # older ones remove it first
  tries=0 now=$written
  while [ -n "$written" ] && [ "$tries" -lt 30 ] && { [ -z "$now" ] || [ "$now" = "$written" ]; }; do
    tries=$((tries + 1))
    sleep 0.1 2>/dev/null || { sleep 1; tries=$((tries + 9)); }
    now=$(stat -c %y "$pid_file" 2>/dev/null)
  done
}

main() {
  take_lock
  prune
  prepare
  test_sshd "$here/test.raw" || refuse sshd-broken "$(head -n 3 "$here/test.raw")"
  without_line_numbers <"$here/test.raw" >"$here/test.before"
  # an empty pattern file would match nothing in some greps and everything in others
  printf '\001\n' >>"$here/test.before"
  effective before "$@"
  arm
  swap
  validate "$@"
  still_armed
  reload_sshd
  still_armed
  result armed "$(cat "$here/deadline")"
}
