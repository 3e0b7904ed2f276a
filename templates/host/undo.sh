# Undoes one unconfirmed change. Lies beside its backups, and needs nothing but POSIX sh.
# Usage: sh undo.sh deadline|boot|REASON...
# One rename decides between this and the confirmation: whoever moves "armed" away has won. What cannot be undone yet
# stays "rolling-back", with its timer and its boot hook, and is tried again.
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
trap '' HUP PIPE
here=$(cd "$(dirname "$0")" && pwd) || exit 1
id=${here##*/}
root=${here%/transactions/*}
tab=$(printf '\t')

say() { printf '%s %s\n' "$(date +%s)" "$*" >>"$here/log"; }
restorecon_maybe() { if command -v restorecon >/dev/null 2>&1; then restorecon "$1" 2>/dev/null; fi; }
# a process of this very change, and not another one that got its number
is_ours() { [ -n "$1" ] && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -q "$id"; }

# The first to come takes it; one that died in the middle is taken up again.
take() {
  if mv "$here/armed" "$here/rolling-back" 2>/dev/null; then return 0; fi
  [ -e "$here/rolling-back" ] || return 1
  [ -s "$here/rolling-back" ] || sleep 1
  ! is_ours "$(cat "$here/rolling-back")"
}

# A script that was held up must not go on changing what is being restored.
stop_stager() {
  stager=$(cat "$here/stager" 2>/dev/null)
  if [ "$stager" = "$PPID" ] || ! is_ours "$stager"; then return; fi
  say "stopping process $stager, which is still changing files"
  kill -KILL "$stager"
  # and for what it had started to end
  sleep 1
}

is_as_before() { [ "$(stat -c '%a %u:%g' "$1")" = "$(stat -c '%a %u:%g' "$2" 2>/dev/null)" ] && cmp -s "$1" "$2"; }

# In reverse: the directives go before the files that they name.
restore_all() {
  sed -n '1!G;h;$p' "$here/manifest" | {
    bad=0
    while IFS=$tab read -r number operation mode before path; do
      case $operation in
        directory) if [ -e "$here/made.$number" ]; then rmdir "$path" 2>/dev/null; fi ;;
        *)
          rm -f "$path.ensign-$id"
          if [ -e "$here/old.$number" ]; then
            is_as_before "$here/old.$number" "$path" && continue
            if cp -p "$here/old.$number" "$path.ensign-$id" && mv -f "$path.ensign-$id" "$path"; then restorecon_maybe "$path"
            else say "cannot restore $path"; rm -f "$path.ensign-$id"; bad=1; fi
          elif [ -e "$here/absent.$number" ] && ! rm -f "$path"; then say "cannot remove $path"; bad=1
          fi ;;
      esac
    done
    [ "$bad" = 0 ]
  }
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

# A listener that died of a bad configuration needs a start, not a reload.
serve_again() {
  read -r kind what <"$here/reload"
  case $kind in
    systemd)
      if systemctl is-active --quiet "$what"; then systemctl "$(reload_verb "$what")" "$what"
      else systemctl reset-failed "$what" 2>/dev/null; systemctl start "$what"; fi ;;
    signal)
      if kill -0 "$what" 2>/dev/null; then kill -HUP "$what"
      else start_listener; fi ;;
    socket) : ;;
  esac
}

# without systemd: its words as the running listener had them, but -D, with which it would not return
start_listener() {
  read -r path arguments <"$here/listener"
  mkdir -p /run/sshd
  set -f
  # shellcheck disable=SC2086 # split into its words
  set -- $(printf '%s\n' $arguments | grep -v '^-D$')
  (umask 022; exec setsid "$path" "$@" </dev/null >/dev/null 2>&1 9>&-)
}

disarm() {
  rm -f "/etc/systemd/system/ensign-boot-undo-$id.service" "/etc/systemd/system/multi-user.target.wants/ensign-boot-undo-$id.service" "/etc/cron.d/ensign-boot-undo-$id"
  if [ -d /run/systemd/system ]; then systemctl stop "ensign-undo-$id.timer" 2>/dev/null; fi
  # the process that waits for the deadline ends by itself when it is what calls us
  watchdog=$(cat "$here/watchdog" 2>/dev/null)
  if [ "$watchdog" != "$PPID" ] && is_ours "$watchdog"; then kill -KILL "-$watchdog" 2>/dev/null; fi
  # whoever stages holds the mutex; the script that calls us has it already
  if [ -z "$ENSIGN_LOCKED" ]; then if (true >"$root/mutex") 2>/dev/null; then exec 9>"$root/mutex"; flock -w 20 9; fi; fi
  if [ "$(cat "$root/lock/id" 2>/dev/null)" = "$id" ]; then rm -f "$root/lock/id" "$root/lock/owner"; rmdir "$root/lock"; fi
}

main() {
  take || exit 0
  printf '%s\n' $$ >"$here/rolling-back"
  printf '%s\n' "$*" >"$here/reason"
  say "rolling back: $*"
  stop_stager
  done=yes
  restore_all || done=no
  # before sshd starts there is nothing to reload
  if [ "$1" != boot ] && ! serve_again >>"$here/log" 2>&1; then say "sshd did not take the old configuration back"; done=no; fi
  sync -f /etc/ssh 2>/dev/null || sync
  if [ "$done" = no ]; then say "not undone yet: it is tried again"; exit 1; fi
  mv "$here/rolling-back" "$here/rolled-back"
  say "rolled back"
  sync -f "$here" 2>/dev/null || sync
  disarm
  # systemd holds on to a unit whose file is gone until it reads its files anew
  if [ "$1" = boot ] && [ -d /run/systemd/system ]; then systemctl --no-block daemon-reload; fi
}

main "$@" </dev/null
